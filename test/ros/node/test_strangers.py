"""What a node was given and does not know is named, and the node starts all the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from container_processes import running_container, with_odd_components
from inference_processes import NodeUnderTest, running_node, value
from ros_client import Client
from ros_processes import Process

from ml_integration.ros.node.strangers import assignments, stray_sentences


def file_for(folder: Path, name: str, text: str = '{deadline_ms: 70.0}') -> str:
    file = folder / 'mine.yaml'
    file.write_text(f'{name}:\n  ros__parameters: {text}\n')
    return str(file)


@contextmanager
def eye(folder: Path, client: Client, *more: str) -> Iterator[NodeUnderTest]:
    with running_node(folder, client, *more, name='/robot/eye') as node:
        yield node


@pytest.mark.parametrize(
    ('arguments', 'sentence'),
    [
        (('-p', 'modell:=tiny'), "there is no parameter 'modell'. Did you mean 'model'?"),
        (
            ('-p', 'max_drop_ratio:=0.2'),  # without its section
            "there is no parameter 'max_drop_ratio'. Did you mean 'health.max_drop_ratio'?",
        ),
        (('-p', 'zzz:=1'), "there is no parameter 'zzz'. It has no effect."),
        (('-p', 'ey:deadline_ms:=7.0'), '-p ey:deadline_ms: it is for /ey, and reaches none of'),
        (('-p', 'eye:deadline_ms:=7.0'), 'Write it without a node, or in a file.'),
    ],
)
def test_a_misspelt_parameter_is_in_the_log_and_in_diagnostics(
    arguments: tuple[str, ...], sentence: str, tmp_path: Path, client_node: Client
) -> None:
    with eye(tmp_path, client_node, *arguments) as node:
        status = node.wait_for_status('model', lambda s: sentence in s.message, sentence)
        assert status.level == b'\x01'
        assert sentence in value(status, 'alarm')
        assert sentence in node.process.log
        assert node.client.state(node.name) == 'unconfigured'


@pytest.mark.parametrize(
    ('name', 'text', 'sentence'),
    [
        ('/**', '{deadline: 70.0}', "no parameter 'deadline'. Did you mean 'deadline_ms'?"),
        ('/**/eye', '{health: {max_drop: 0.1}}', "Did you mean 'health.max_drop_ratio'?"),
        ('/robot/ey', '{deadline_ms: 70.0}', "reaches none of /robot/eye. Did you mean '/robot/"),
        ('eye', '{deadline_ms: 70.0}', 'it is for /eye, and reaches none of /robot/eye. Did you'),
        ('/*', '{deadline_ms: 70.0}', 'it is for /*, and reaches none of /robot/eye'),
    ],
)
def test_a_file_with_a_misspelt_name_or_for_another_node_is_named(
    name: str, text: str, sentence: str, tmp_path: Path, client_node: Client
) -> None:
    file = file_for(tmp_path, name, text)
    with eye(tmp_path, client_node, '--params-file', file) as node:
        status = node.wait_for_status('model', lambda s: sentence in s.message, sentence)
        assert status.level == b'\x01'
        assert sentence in node.process.log


def test_what_is_known_and_reaches_the_node_is_no_stranger(
    tmp_path: Path, client_node: Client
) -> None:
    file = tmp_path / 'many.yaml'
    file.write_text(
        '/**: {ros__parameters: {use_sim_time: false}}\n'
        '/robot/*: {ros__parameters: {deadline_ms: 70.0}}\n'
        '/robot/eye_2: {ros__parameters: {deadline_ms: 1.0}}\n'
        '/other/node: {ros__parameters: {whatever: 1.0}}\n'
    )
    more = ('--params-file', str(file), '-p', 'health.max_drop_ratio:=0.4')
    with eye(tmp_path, client_node, *more) as node:
        status = node.status('model')
        assert (status.level, value(status, 'alarm')) == (b'\x00', '')
        assert node.client.parameter(node.name, 'deadline_ms') == 70.0
        warned = [line for line in node.process.log.splitlines() if '[WARN]' in line]
        assert not [line for line in warned if 'robot.eye' in line]


def test_a_misspelt_section_beside_one_that_counts_is_named(tmp_path: Path) -> None:
    file = tmp_path / 'two.yaml'
    file.write_text('/**: {ros__parameters: {a: 1}}\n/robot/detecter: {ros__parameters: {b: 1}}\n')
    arguments = ['node', '--ros-args', '--params-file', str(file)]
    (sentence,) = stray_sentences(assignments(arguments), ['/robot/detector'])
    assert sentence.endswith("no node is called /robot/detecter. Did you mean '/robot/detector'?")
    file.write_text(file.read_text() + '/robot/detector: {ros__parameters: {b: 1}}\n')
    assert [*stray_sentences(assignments(arguments), ['/robot/detector'])] == []


def test_arguments_that_are_not_for_ros_are_left_alone() -> None:
    given = ['node', '-p', 'a:b:=1', '--ros-args', '-p', 'c:=1', '--', '-p', 'd:e:=1']
    assert [*assignments(given)] == []


def test_what_a_container_loads_a_node_with_is_looked_at_too(
    tmp_path: Path, client_node: Client
) -> None:
    with running_container(tmp_path, client_node, '/box', **{'integrty': 'signed'}) as container:
        container.process.wait_for_log(
            "there is no parameter 'integrty'. Did you mean 'integrity'?"
        )
        container.load(
            'ml_integration::VideoPlayer', node_name='player', parameters={'sorce': '/x'}
        )
        container.process.wait_for_log("there is no parameter 'sorce'. Did you mean 'source'?")


def test_of_nodes_in_one_process_each_takes_what_it_knows(
    spawn: Callable[..., Process], client_node: Client, tmp_path: Path
) -> None:
    file = tmp_path / 'composed.yaml'
    file.write_text(
        'nodes:\n'
        '  - {plugin: "ml_integration::VideoPlayer", name: player}\n'
        '  - {plugin: "ml_integration::InferenceNode", name: eye, parameters: {source: /x}}\n'
    )
    process = spawn(
        *('-m', 'ml_integration.ros.composition.run', str(file), '--ros-args'),
        *('-p', 'rate_hz:=2.0', '-p', 'deadline_ms:=3.0', '-p', 'deadline:=4.0'),
        environment=with_odd_components(tmp_path),
    )
    node = NodeUnderTest(process, client_node, '/eye')
    status = node.wait_for_status('model', lambda s: 'source' in s.message, 'the strangers')
    told = value(status, 'alarm').split(' | ')
    assert told == [
        "there is no parameter 'source'. It has no effect.",
        "there is no parameter 'deadline'. Did you mean 'deadline_ms'?",
    ]
    assert client_node.parameter('/player', 'rate_hz') == 2.0


@pytest.mark.parametrize(
    ('text', 'sentence'),
    [
        ('node: []', "Did you mean 'nodes' by 'node'?"),
        (
            '{nodes: [{plugin: a}], log: x}',
            "with a list of nodes below it, and has 'nodes', 'log'",
        ),
        ('nodes: [{plugin: a, namspace: b}]', "Did you mean 'namespace'?"),
    ],
)
def test_an_unknown_key_of_a_composition_is_named(
    text: str, sentence: str, spawn: Callable[..., Process], tmp_path: Path
) -> None:
    file = tmp_path / 'composed.yaml'
    file.write_text(text)
    process = spawn('-m', 'ml_integration.ros.composition.run', str(file))
    assert process.wait() == 1
    assert sentence in process.log
