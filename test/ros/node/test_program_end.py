"""A signal ends a process soon, whatever hangs in it."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from inspect import getmembers, isfunction
from pathlib import Path

import numpy as np
import odd_backends
import pytest
from altered_models import Endless, endless_detector
from container_processes import running_container
from inference_processes import NodeUnderTest, image_message, running_node
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from model_folders import write_model_folder
from ros_client import Client
from ros_processes import Process, wait_until

from ml_integration.ros import programs

SIGNALS = (signal.SIGINT, signal.SIGTERM)
INTERRUPTED = 130
END_S = 3.0
PICTURE = image_message(np.full((64, 64, 3), 255, np.uint8))
ENDLESS, BRIGHT, WAITING, HOLDING = 'endless', 'bright', 'waiting', 'holding'


@pytest.fixture(scope='module')
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('store')
    write_model_folder(folder, 'good')
    for name, when in ((ENDLESS, Endless.ALWAYS), (BRIGHT, Endless.BRIGHT)):
        write_model_folder(folder, name, model=endless_detector(when), golden=False)
    for name, oddity in ((WAITING, odd_backends.WAITING), (HOLDING, odd_backends.HOLDING)):
        odd_backends.spoil(write_model_folder(folder, name), oddity)
    return folder


@contextmanager
def node_on(
    folder: Path, store: Path, client: Client, **parameters: object
) -> Iterator[tuple[NodeUnderTest, Path]]:
    """A node whose limits are long, and the file that lets odd models hang."""
    engine = odd_backends.register(folder / 'engine')
    fixed = {
        'model_path': store,
        'state_dir': folder / 'state',
        'execution__engine': odd_backends.ENGINE,
        'sensor_qos': 'reliable',
        'deadline_ms': 0,
        'frame_timeout_ms': 600_000,
        'load_timeout_s': 600,
    }
    with running_node(folder, client, environment=engine, **{**fixed, **parameters}) as node:
        yield node, Path(engine[odd_backends.GATE])


def ends(node: NodeUnderTest, number: signal.Signals) -> None:
    node.process.send(number)
    assert node.process.wait(END_S) == 0, node.process.log
    assert 'Traceback' not in node.process.log


@pytest.mark.parametrize('number', SIGNALS)
def test_a_node_that_was_never_configured(
    number: signal.Signals, tmp_path: Path, store: Path, client_node: Client
) -> None:
    with node_on(tmp_path, store, client_node) as (node, _):
        client_node.wait_for_state(node.name, 'unconfigured')
        ends(node, number)


PROGRAMS = {
    'inference.inference_node': (),
    'video.video_player': (),
    'composition.component_container': (),
    'composition.run': ('config/composed.yaml',),
}


@pytest.mark.parametrize(
    ('program', 'apart_s'),
    [
        *(('inference.inference_node', apart_s) for apart_s in (0.0, 0.05, 0.12, 0.3)),
        *((program, 0.08) for program in PROGRAMS),
    ],
)
def test_a_program_that_is_told_twice_as_by_ros2_launch(
    program: str, apart_s: float, spawn: Callable[..., Process], client_node: Client
) -> None:
    name = f'/{program.split(".")[-1]}_{apart_s * 1e3:.0f}'
    more = ('--ros-args', '-r', f'__node:={name[1:]}', '--log-level', 'warn')
    process = spawn('-m', f'ml_integration.ros.{program}', *PROGRAMS[program], *more)
    heard = client_node.node.get_service_names_and_types
    wait_until(lambda: any(n.startswith(f'{name}/') for n, _ in heard()), f'{name} to be there')
    process.send(signal.SIGINT)
    with suppress(subprocess.TimeoutExpired):  # the second one is for what is still there
        process.wait(apart_s)
    if process.returncode is None:
        process.send(signal.SIGINT)
    assert process.wait(END_S) == 0, process.log
    assert 'Traceback' not in process.log


@pytest.mark.parametrize(
    'entry', [entry for entry, _ in getmembers(programs, isfunction) if entry[0] != '_']
)
def test_a_program_that_is_interrupted_while_it_imports(
    entry: str, spawn: Callable[..., Process]
) -> None:
    start = f'from ml_integration.ros import programs; raise SystemExit(programs.{entry}())'
    process = spawn(sys.executable, '-c', start)
    loaded = Path('/proc', str(process.pid), 'maps')
    wait_until(lambda: 'numpy' in loaded.read_text(), 'the imports to be under way')
    process.send(signal.SIGINT)
    # Programs that print once and end say that they have not.
    assert process.wait(END_S) in (0, INTERRUPTED), process.log
    assert process.log == ''


@pytest.mark.parametrize(
    ('autostart', 'model', 'number'),
    [
        (True, ENDLESS, signal.SIGINT),
        (True, WAITING, signal.SIGTERM),
        (False, ENDLESS, signal.SIGTERM),
        (False, WAITING, signal.SIGINT),
    ],
)
def test_a_node_whose_first_load_hangs(
    autostart: bool,
    model: str,
    number: signal.Signals,
    tmp_path: Path,
    store: Path,
    client_node: Client,
) -> None:
    parameters = {'model': model, 'autostart': autostart}
    with node_on(tmp_path, store, client_node, **parameters) as (node, gate):
        gate.touch()
        if not autostart:
            client_node.keep(node.name, (ChangeState, 'change_state'))
            request = ChangeState.Request(transition=Transition(label='configure'))
            client_node.ask(f'{node.name}/change_state', request)
        node.process.wait_for_log(f'loading {model}')
        node.wait_for_status('model', lambda s: f'loading {model}' in s.message, 'the load')
        ends(node, number)


@pytest.mark.parametrize(('model', 'number'), [*zip((ENDLESS, WAITING), SIGNALS, strict=True)])
def test_a_node_whose_swap_hangs(
    model: str, number: signal.Signals, tmp_path: Path, store: Path, client_node: Client
) -> None:
    parameters = {'model': 'good', 'autostart': True}
    with node_on(tmp_path, store, client_node, **parameters) as (node, gate):
        client_node.wait_for_state(node.name, 'active')
        gate.touch()
        client_node.set_parameter(node.name, 'model', model)
        node.wait_for_status('model', lambda s: f'loading {model}' in s.message, 'the load')
        ends(node, number)


@pytest.mark.parametrize(('model', 'number'), [*zip((BRIGHT, HOLDING), SIGNALS, strict=True)])
def test_a_node_whose_frame_hangs(
    model: str, number: signal.Signals, tmp_path: Path, store: Path, client_node: Client
) -> None:
    parameters = {'model': model, 'autostart': True}
    with node_on(tmp_path, store, client_node, **parameters) as (node, gate):
        client_node.wait_for_state(node.name, 'active')
        gate.touch()
        node.feed().publish(PICTURE)
        node.wait_for_status(
            'errors', lambda s: any(v.key == 'in work [s]' and float(v.value or 0) > 0.1
                                    for v in s.values), 'the frame in work')  # fmt: skip
        ends(node, number)


@pytest.mark.parametrize('number', SIGNALS)
def test_a_container_of_nodes_that_hang(
    number: signal.Signals, tmp_path: Path, store: Path, client_node: Client
) -> None:
    with running_container(tmp_path, client_node) as container:
        for name in ('one', 'two', 'three'):
            parameters = {
                'model_path': str(store),
                'state_dir': str(tmp_path / name),
                'model': ENDLESS,
                'autostart': True,
            }
            container.load('ml_integration::InferenceNode', node_name=name, parameters=parameters)
        wait_until(lambda: container.process.log.count('loading endless') == 3, 'the loads')
        assert container.unload(min(container.nodes())).success  # also one that is loading
        assert len(container.nodes()) == 2
        container.process.send(number)
        assert container.process.wait(END_S) == 0, container.process.log
        assert 'Traceback' not in container.process.log
