"""The nodes of a file in one process, without a launch file."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import pytest
from container_processes import ContainerUnderTest, with_odd_components
from diagnostic_msgs.msg import DiagnosticArray
from inference_processes import RED, squares
from model_folders import write_model_folder
from ros_client import Client
from ros_processes import Process
from vision_msgs.msg import Detection2DArray

from ml_integration.ros.composition.run import find_file

MODULE = 'ml_integration.ros.composition.run'
SHIPPED = Path(__file__).parents[3] / 'config/composed.yaml'
NAME = '/ml_integration_run'
Spawn = Callable[..., Process]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / 'composed.yaml'


@pytest.fixture
def run(spawn: Spawn, file: Path, tmp_path: Path) -> Callable[..., Process]:
    """Runs a file with this text; `odd_components` are known."""
    environment = with_odd_components(tmp_path)

    def start(text: str, *arguments: str) -> Process:
        file.write_text(text)
        return spawn('-m', MODULE, str(file), *arguments, environment=environment)

    return start


def test_the_shipped_file_plays_and_detects_for_each_camera(
    spawn: Spawn, client_node: Client, tmp_path: Path
) -> None:
    write_model_folder(tmp_path, 'tiny')
    picture = tmp_path / 'red.png'
    cv2.imwrite(str(picture), squares(RED))
    results = [
        client_node.collect(Detection2DArray, f'/camera_{number}/detector/detections')
        for number in (0, 1)
    ]
    parameters = {'source': picture, 'rate_hz': 10.0, 'model': 'tiny', 'model_path': tmp_path}
    given = (part for name, value in parameters.items() for part in ('-p', f'{name}:={value}'))
    process = spawn('-m', MODULE, str(SHIPPED), '--ros-args', *given)
    for collected in results:
        found = collected.wait_for(lambda result: result.detections, 'a detection')
        assert found.detections[0].results[0].hypothesis.class_id == 'red'
    shared = 'pipelines', '2'
    client_node.collect(DiagnosticArray, '/diagnostics').wait_for(
        lambda message: any(shared == (item.key, item.value) for item in message.status[0].values),
        'a model that both nodes use',
    )
    assert list(ContainerUnderTest(process, client_node, NAME).nodes().values()) == [
        f'/camera_{number}/{name}' for number in (0, 1) for name in ('video_player', 'detector')
    ]
    assert process.stop() == 0
    assert 'Traceback' not in process.log


def test_the_shipped_file_is_found_from_everywhere(
    spawn: Spawn, client_node: Client, tmp_path: Path
) -> None:
    elsewhere = ('env', '-C', str(tmp_path), sys.executable)
    spawn(*elsewhere, '-m', MODULE, 'config/composed.yaml', '--ros-args', '-p', 'autostart:=false')
    client_node.parameter('/camera_1/detector', 'model')


def test_a_file_that_is_there_counts_more_than_a_shipped_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, share = Path('config/composed.yaml'), tmp_path / 'share'
    monkeypatch.chdir(tmp_path)
    assert find_file(name, share) == name  # neither is there: the error names what was given
    for folder in (share, tmp_path):
        (folder / 'config').mkdir(parents=True)
    (share / name).touch()
    assert find_file(name, share) == share / name
    (tmp_path / name).touch()
    assert find_file(name, share) == name


def test_nodes_get_what_the_file_says_and_then_what_the_command_line_says(
    run: Callable[..., Process], client_node: Client
) -> None:
    text = """
nodes:
  - plugin: odd::Plain
    name: left
    namespace: /cell
    parameters: {kept: from the file, nested: {list: [1, 2]}}
    remappings: {words: /left_words}
  - plugin: odd::Plain
    name: right
"""
    run(text, '--ros-args', '-p', 'left:kept:=no', '-p', 'added:=both', '-r', 'words:=others')
    for name, value in (('kept', 'from the file'), ('added', 'both')):
        assert client_node.parameter('/cell/left', name) == value
    assert list(client_node.parameter('/cell/left', 'nested.list')) == [1, 2]
    assert client_node.parameter('/right', 'added') == 'both'
    graph = client_node.node
    left = dict(graph.get_publisher_names_and_types_by_node('left', '/cell'))
    right = dict(graph.get_publisher_names_and_types_by_node('right', '/'))
    assert '/left_words' in left
    assert '/others' in right


def test_nodes_can_be_unloaded_and_loaded_as_in_any_container(
    run: Callable[..., Process], client_node: Client
) -> None:
    process = run('nodes: [{plugin: "odd::Plain", name: one}]')
    container = ContainerUnderTest(process, client_node, NAME)
    ((number, name),) = container.nodes().items()
    assert (container.unload(number).success, name) == (True, '/one')
    container.wait_until_gone('/one')
    assert container.load('odd::Plain', node_name='one').unique_id > number


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_releases_all_nodes(
    number: signal.Signals, run: Callable[..., Process], client_node: Client
) -> None:
    text = 'nodes: [{plugin: "odd::Startable", name: one, parameters: {autostart: true}}]'
    process = run(text)
    client_node.wait_for_state('/one', 'active')
    logged = len(process.log)
    process.send(number)
    assert process.wait() == 0
    assert process.log[logged:] == '/one is released\n'


@pytest.mark.parametrize(
    ('entry', 'sentence'),
    [
        ('{}', "'nodes.0.plugin' has no value"),  # of the file
        ('{plugin: "odd::Plane"}', "package 'odd' has no component 'odd::Plane'"),
        ('{plugin: "odd::Plain", name: 9 lives}', "'node_name' is not valid; got '9 lives'"),
        ('{plugin: "odd::Plain", remappings: {a b: c}}', "'remap_rules' is not valid"),
        (
            '{plugin: "odd::Startable", parameters: {autostart: [1]}}',
            "'autostart' is not valid",
        ),  # of the node
        (
            '{plugin: "odd::Plain"}, {plugin: "odd::Plain"}',
            "nodes.1: /ml_integration_run: there is a node '/plain' already",
        ),
    ],
)
def test_a_file_that_cannot_be_run_ends_the_process_with_one_sentence(
    entry: str, sentence: str, run: Callable[..., Process], file: Path
) -> None:
    process = run(f'nodes: [{entry}]')
    assert process.wait() == 1
    (line,) = (line for line in process.log.splitlines() if not line.startswith('['))
    assert line.startswith(f'{file}: ')
    assert sentence in line


def test_a_constructor_that_fails_ends_the_process_with_its_traceback(
    run: Callable[..., Process],
) -> None:
    process = run('nodes: [{plugin: "odd::Plain"}, {plugin: "odd::FailsLate"}]')
    assert process.wait() == 1
    assert 'in __init__' in process.log
    assert 'nodes.1' in process.log.splitlines()[-1]


@pytest.mark.parametrize(
    ('arguments', 'code', 'sentence'),
    [
        ([], 2, 'the following arguments are required: file'),
        (['--help'], 0, 'Runs the nodes that a file describes in one process'),
        (['/gone.yaml'], 1, '/gone.yaml: '),
        (['x.yaml', '--ros-args', '--parms-file', 'x'], 1, '--parms-file'),  # a typo
    ],
)
def test_wrong_usage_is_said(arguments: list[str], code: int, sentence: str, spawn: Spawn) -> None:
    process = spawn('-m', MODULE, *arguments)
    assert process.wait() == code
    assert sentence in process.log
