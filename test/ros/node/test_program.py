"""How a node's process begins and ends."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import odd_backends
import psutil
import pytest
from inference_processes import (
    GREEN,
    MODULE,
    image_message,
    ros_arguments,
    running_node,
    squares,
)
from model_folders import write_model_folder
from ros_client import Client
from ros_processes import Process

Spawn = Callable[..., Process]
SIGNALS = (signal.SIGINT, signal.SIGTERM)


@pytest.mark.parametrize('executor', ['events', 'single_threaded'])
@pytest.mark.parametrize('number', SIGNALS)
def test_a_signal_ends_an_active_node_in_silence_and_leaves_no_process(
    number: signal.Signals, executor: str, tmp_path: Path, client_node: Client
) -> None:
    write_model_folder(tmp_path, 'tiny')
    parameters = {'model_path': tmp_path, 'model': 'tiny', 'executor': executor}
    with running_node(tmp_path, client_node, autostart=True, **parameters) as node:
        picture = image_message(squares(GREEN))
        feed, results = node.feed(), node.results()
        stream = client_node.node.create_timer(0.002, lambda: feed.publish(picture))
        results.wait(20)
        logged = node.process.log
        children = psutil.Process(node.process.pid).children(recursive=True)
        node.process.send(number)
        assert node.process.wait() == 0
        client_node.node.destroy_timer(stream)
        assert node.process.log == logged
        assert not [child for child in children if child.is_running()]


@pytest.mark.parametrize('number', SIGNALS)
def test_a_signal_during_a_transition_ends_the_node_without_a_traceback(
    number: signal.Signals, tmp_path: Path, client_node: Client
) -> None:
    slow = write_model_folder(tmp_path, 'slow')
    odd_backends.spoil(slow, odd_backends.WAITING)
    engine = odd_backends.register(tmp_path / 'engine')
    gate = Path(engine[odd_backends.GATE])
    gate.touch()
    parameters = {
        'model_path': tmp_path,
        'model': 'slow',
        'autostart': True,
        'execution__engine': odd_backends.ENGINE,
    }
    with running_node(tmp_path, client_node, environment=engine, **parameters) as node:
        node.process.wait_for_log('loading')
        node.process.send(number)
        gate.unlink()
        assert node.process.wait() == 0
        assert 'Traceback' not in node.process.log


@pytest.mark.parametrize(
    ('arguments', 'sentence'),
    [
        (ros_arguments(deadline_ms=-1), "'deadline_ms' is not valid; got -1; expected float >= 0"),
        (ros_arguments(deadline_ms='soon'), "got 'soon'; expected float >= 0"),  # a wrong type
        (ros_arguments(executor='quick'), 'expected str one of events, single_threaded'),
        (ros_arguments(health__max_drop_ratio=2), "'health.max_drop_ratio' is not valid"),
        (ros_arguments(use_sim_time=3), 'use_sim_time'),  # a parameter of rclpy's own
        (['--ros-args', '--params-file', '/gone.yaml'], '/gone.yaml'),
        (['--ros-args', '--parms-file', 'x'], '--parms-file'),  # a typo
    ],
)  # fmt: skip
def test_a_wrong_argument_ends_the_process_with_one_sentence(
    arguments: list[str], sentence: str, spawn: Spawn
) -> None:
    process = spawn('-m', MODULE, *arguments)
    assert process.wait() == 1
    # What begins with a bracket is rcl's own log.
    (line,) = (line for line in process.log.splitlines() if not line.startswith('['))
    assert sentence in line
