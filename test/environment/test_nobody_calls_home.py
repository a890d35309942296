"""No program of ours asks for a host on the internet, or writes where nobody told it to.

Each of them runs in a network of its own, beside a program that imports the engine as it comes:
that one does ask, so the others have had the time to.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml
from lonely_network import LonelyNetwork, obstacle
from ros_processes import own_domain, wait_until

ROOT = Path(__file__).parents[2]
SWITCH = 'ORT_DISABLE_TELEMETRY'
PACKAGES = ('ml_integration', 'dev', 'benchmarks')
ASKS_WITHIN_S = 60.0
KEPT = ('PATH', 'LD_LIBRARY_PATH', 'LANG', 'TMPDIR', 'VIRTUAL_ENV')
KEPT_GROUPS = ('AMENT_', 'COLCON_', 'CMAKE_', 'ML_INTEGRATION_', 'PYTHON', 'RMW_', 'ROS_')

OPEN = (
    'import onnxruntime, time; from pathlib import Path; '
    "session = onnxruntime.InferenceSession('{model}'); print('open', flush=True); "
    'time.sleep(600)'
)
EVERYTHING_ELSE = """
import cv2, jsonschema, numpy, rclpy, time, yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
Ed25519PrivateKey.generate().sign(b'text')
cv2.resize(numpy.zeros((64, 64, 3), numpy.uint8), (32, 32))
jsonschema.validate(yaml.safe_load('a: 1'), {'type': 'object'})
rclpy.init()
node = rclpy.create_node('lonely')
print('open', flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize('package', PACKAGES)
def test_a_package_with_programs_turns_it_off_before_any_engine_is_imported(package: str) -> None:
    code = (
        f'import {package}, os, sys; print(os.environ["{SWITCH}"], "onnxruntime" in sys.modules)'
    )
    environment = {name: value for name, value in os.environ.items() if name != SWITCH}
    done = subprocess.run(
        [sys.executable, '-c', code], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert done.stdout.split() == ['1', 'False'], done.stderr


def test_every_file_that_imports_an_engine_is_in_such_a_package() -> None:
    tests_and_made = {'test', 'out', 'build', 'install', 'log'}
    for folder in ROOT.iterdir():
        if folder.is_dir() and folder.name[0] != '.' and folder.name not in tests_and_made:
            for file in folder.rglob('*.py'):
                if 'import onnxruntime' in file.read_text():
                    assert folder.name in PACKAGES, file


@pytest.fixture(scope='module')
def alone(tmp_path_factory: pytest.TempPathFactory) -> None:
    engine = importlib.util.find_spec('onnxruntime')
    assert engine is not None
    assert engine.origin is not None
    libraries = (Path(engine.origin).parent / 'capi').glob('*.so')
    if not any(SWITCH.encode() in library.read_bytes() for library in libraries):
        pytest.skip('this ONNX Runtime does not call home')
    if reason := obstacle(tmp_path_factory.mktemp('try') / 'network'):
        pytest.skip(reason)


def environment_of(home: Path) -> dict[str, str]:
    home.mkdir()
    beside = home.parent
    # A list of what is kept: the engine is silent where it sees that a build service runs it.
    kept = [name for name in os.environ if name in KEPT or name.startswith(KEPT_GROUPS)]
    return {
        **{name: os.environ[name] for name in kept},
        'HOME': str(home),
        'PYTHONPATH': os.pathsep.join([str(ROOT), *filter(None, [os.environ.get('PYTHONPATH')])]),
        'PYTHONUNBUFFERED': '1',
        'ML_INTEGRATION_STATE_DIR': str(beside / 'state'),
        'ROS_LOG_DIR': str(beside / 'log'),
        'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST',
    }


def commands(folder: Path, nodes: Path) -> dict[str, tuple[list[str], str]]:
    """Programs by name, each with what it writes when its engine is open."""
    python, model = sys.executable, folder / 'model.onnx'
    parameters = {
        'autostart': 'true',
        'model': folder.parent.name,
        'model_path': folder.parents[1],
    }
    plugin = {'plugin': 'ml_integration::InferenceNode', 'name': 'one'}
    values = {name: yaml.safe_load(str(value)) for name, value in parameters.items()}
    nodes.write_text(yaml.safe_dump({'nodes': [{**plugin, 'parameters': values}]}))
    given = [part for name, value in parameters.items() for part in ('-p', f'{name}:={value}')]
    inference_node = [python, '-m', 'ml_integration.ros.inference.inference_node', '--ros-args']
    opens = OPEN.format(model=model)
    return {
        'node': ([*inference_node, *given], 'verified by digest'),
        'run': (
            [python, '-m', 'ml_integration.ros.composition.run', str(nodes)],
            'verified by digest',
        ),
        'check': ([python, '-m', 'ml_integration.cli.main', 'check', str(folder)], 'golden'),
        'dev': ([python, '-c', f'import dev; {opens}'], 'open'),
        'benchmarks': ([python, '-c', f'import benchmarks; {opens}'], 'open'),
        'others': ([python, '-c', EVERYTHING_ELSE], 'open'),
    }


def test_nobody_asks_for_a_host_or_writes_into_the_home_folder(
    alone: None, tmp_path: Path, model_folder: Callable[..., Path]
) -> None:
    folder = model_folder()
    programs = commands(folder, tmp_path / 'nodes.yaml')
    bare = {'bare': [sys.executable, '-c', OPEN.format(model=folder / 'model.onnx')]}
    ours, as_it_comes = environment_of(tmp_path / 'home'), environment_of(tmp_path / 'other')
    with ExitStack() as stack:
        ours['ROS_DOMAIN_ID'] = str(stack.enter_context(own_domain()))
        lines = {name: command for name, (command, _) in programs.items()}
        silent = stack.enter_context(LonelyNetwork(tmp_path / 'ours', lines, ours))
        for name, (_, text) in programs.items():
            wait_until(lambda n=name, t=text: t in silent.log(n), f'{text!r} of {name}')
        theirs = stack.enter_context(LonelyNetwork(tmp_path / 'theirs', bare, as_it_comes))
        wait_until(lambda: theirs.asked, 'a question of the engine as it comes', ASKS_WITHIN_S)
        silent.end()
        assert silent.asked == []
    assert [str(path) for path in (tmp_path / 'home').rglob('*')] == []
    assert [path.name for path in (tmp_path / 'other').rglob('*') if path.is_file()]
