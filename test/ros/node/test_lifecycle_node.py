"""What a transition does when it fails, and that it leaves nothing behind."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import onnx_models
import psutil
import pytest
from inference_processes import NodeUnderTest, ros_arguments, running_node, value
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from model_folders import pin_files, read_manifest_document, write_manifest, write_model_folder
from ros_client import Client
from ros_processes import Process, wait_until
from std_srvs.srv import Trigger


def change_manifest(folder: Path, **changes: Any) -> None:
    write_manifest(folder, {**read_manifest_document(folder), **changes})


def replace_model(folder: Path, model: bytes) -> None:
    (folder / 'model.onnx').write_bytes(model)
    pin_files(folder)


@pytest.fixture(scope='module')
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good model and broken ones."""
    folder = tmp_path_factory.mktemp('store')
    write_model_folder(folder, 'good')
    tampered = write_model_folder(folder, 'tampered')
    with (tampered / 'model.onnx').open('ab') as file:
        file.write(b'\0')
    truncated = write_model_folder(folder, 'truncated')
    replace_model(truncated, onnx_models.tiny_detector()[:200])
    outputs = [{'tensor': 'detections', 'dtype': 'float32', 'shape': [1, 17, 8]}]
    change_manifest(write_model_folder(folder, 'wrong_outputs'), outputs=outputs)
    change_manifest(write_model_folder(folder, 'unknown_key'), color='rgb')
    change_manifest(write_model_folder(folder, 'unknown_decoder'), settings={'decoder': 'x'})
    replace_model(write_model_folder(folder, 'sequence'), onnx_models.sequence_output())
    replace_model(write_model_folder(folder, 'changed'), onnx_models.tiny_detector(spoiled=True))
    double = onnx_models.identity(onnx_models.TensorProto.DOUBLE)
    for name, model in (('wrong_rank', onnx_models.identity()), ('wrong_dtype', double)):
        write_model_folder(folder, name, model=model, golden=False)
    return folder


@pytest.fixture(scope='module')
def node(
    store: Path, ros_domain: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[NodeUnderTest]:
    folder = tmp_path_factory.mktemp('log')
    with (
        closing(Client()) as client,
        running_node(folder, client, name='/shared', model_path=store) as running,
    ):
        # So that libraries, and the reader of resources, have started what they keep.
        running.serve(model='good')
        running.wait_for_status('resources', lambda s: value(s, 'rss [MB]') != '', 'memory')
        yield running


def frame_topics(node: NodeUnderTest) -> set[str]:
    """The topics of images and results that the node has, as other nodes see it."""
    graph, name = node.client.node, node.name.lstrip('/')
    wait_until(lambda: name in graph.get_node_names(), f'{name} to be known')
    found = graph.get_publisher_names_and_types_by_node(name, '/')
    found += graph.get_subscriber_names_and_types_by_node(name, '/')
    own = (f'{node.name}/detections', f'{node.name}/overlay', f'{node.name}/provenance', '/image')
    return {topic for topic, _ in found if topic in own}


@pytest.mark.parametrize(
    ('model', 'reason'),
    [
        ('nothing', "there is no model 'nothing'"),  # a typo
        ('good@7', "there is no model 'good@7'"),  # a version that is not there
        ('Good Model', "'model' is not valid"),  # no name at all
        ('tampered', 'model.onnx'),  # other bytes than the manifest pins
        ('truncated', 'the file is not an ONNX model, or it is truncated'),  # half a download
        ('wrong_outputs', 'the manifest does not state the outputs'),  # of another export
        ('unknown_key', 'color'),  # a manifest with a typo
        ('unknown_decoder', "'decoder' is not valid"),  # a custom model, set up wrongly
        ('sequence', 'which cannot be used here'),  # no tensor, as scikit-learn exports
        ('changed', 'golden'),  # computes something else than it did
        ('wrong_rank', 'does not take a rgb picture'),  # not a picture
        ('wrong_dtype', 'does not take a rgb picture'),  # not an element type of pictures
    ],
)
def test_a_model_that_cannot_serve_is_refused_with_the_reason_and_leaves_nothing_behind(
    node: NodeUnderTest, model: str, reason: str
) -> None:
    node.unconfigure()
    process = psutil.Process(node.process.pid)
    threads_before = {thread.id for thread in process.threads()}  # some may be about to end
    logged_before = len(node.process.log)
    assert node.client.set_parameter(node.name, 'model', model).successful
    assert not node.change('configure')
    wait_until(lambda: 'cannot configure' in node.process.log[logged_before:], 'the reason')
    (line,) = (s for s in node.process.log[logged_before:].splitlines() if 'cannot configure' in s)
    assert reason in line
    assert 'Traceback' not in node.process.log
    assert node.client.state(node.name) == 'unconfigured'
    wait_until(lambda: not frame_topics(node), 'the topics to be gone')
    wait_until(
        lambda: {thread.id for thread in process.threads()} <= threads_before,
        'the threads that began since to end',
    )
    node.serve(model='good')


def test_a_configured_node_says_which_model_it_loads_before_it_has_loaded_it(
    node: NodeUnderTest,
) -> None:
    node.unconfigure()
    logged_before = len(node.process.log)
    node.serve(model='good')
    log = node.process.log[logged_before:]
    assert 0 < log.index('loading ') < log.index('good@1 on CPUExecutionProvider')


@pytest.mark.parametrize('executor', ['events', 'single_threaded'])
def test_a_transition_that_the_state_does_not_have_is_refused_and_harms_nothing(
    executor: str, store: Path, client_node: Client, tmp_path: Path
) -> None:
    def change(node: NodeUnderTest, number: int) -> bool:
        request = ChangeState.Request(transition=Transition(id=number))
        return bool(client_node.call(ChangeState, f'{node.name}/change_state', request).success)

    parameters = {'model_path': store, 'model': 'good', 'executor': executor}
    with running_node(tmp_path, client_node, **parameters) as node:
        for verb, unfit in (
            ('configure', (Transition.TRANSITION_ACTIVATE, Transition.TRANSITION_CLEANUP)),
            ('activate', (Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_DEACTIVATE)),
            ('deactivate', (Transition.TRANSITION_ACTIVATE, Transition.TRANSITION_CLEANUP)),
        ):
            assert [change(node, number) for number in (*unfit, 99)] == [False] * 3
            assert not node.change('no such label')
            assert node.change(verb)
        assert node.process.returncode is None


@pytest.mark.parametrize(
    ('steps', 'count'),
    [
        ((), 0),  # from unconfigured
        (('configure',), 3),  # from inactive
        (('configure', 'activate'), 4),  # from active
        (('configure', 'activate', 'deactivate', 'cleanup'), 0),  # from unconfigured again
    ],
)
def test_shutdown_is_possible_in_every_state(
    steps: tuple[str, ...], count: int, store: Path, client_node: Client, tmp_path: Path
) -> None:
    with running_node(tmp_path, client_node, model_path=store, model='good') as node:
        for verb in steps:
            assert node.change(verb)
        wait_until(lambda: len(frame_topics(node)) == count, f'{count} topics')
        assert node.change('shutdown')
        assert client_node.state(node.name) == 'finalized'
        wait_until(lambda: not frame_topics(node), 'the topics to be gone')
        node.wait_for_status('model', lambda s: s.message.startswith('finalized'), 'finalized')
        assert node.process.stop() == 0
        assert 'Traceback' not in node.process.log


def test_autostart_of_a_model_that_cannot_serve_leaves_a_node_that_can_be_put_right(
    store: Path, client_node: Client, tmp_path: Path
) -> None:
    parameters = {'model_path': store, 'model': 'tampered', 'autostart': True}
    with running_node(tmp_path, client_node, **parameters) as node:
        node.process.wait_for_log('cannot configure')
        node.process.wait_for_log(f'once that is mended: ros2 lifecycle set {node.name} configure')
        assert client_node.state(node.name) == 'unconfigured'
        node.serve(model='good')


def test_a_node_says_how_to_go_on_and_how_to_look_at_what_it_does(
    store: Path, client_node: Client, tmp_path: Path
) -> None:
    with running_node(tmp_path, client_node, model_path=store, model='good') as node:
        next_step = f'ros2 lifecycle set {node.name}'
        node.process.wait_for_log(f'{node.name} is unconfigured; to go on: {next_step} configure')
        assert node.change('configure')
        node.process.wait_for_log(f'{node.name} is configured; to start it: {next_step} activate')
        assert node.change('activate')
        node.process.wait_for_log(
            f'active: takes /image (sensor_msgs/msg/Image); '
            f'publishes {node.name}/detections, {node.name}/overlay; '
            f'look at it: ros2 topic echo {node.name}/detections  or  '
            f'ros2 run rqt_image_view rqt_image_view {node.name}/overlay'
        )


FAULTY = Path(__file__).parents[2] / 'helpers' / 'faulty_node.py'


@pytest.mark.parametrize('executor', ['events', 'single_threaded'])
def test_no_exception_in_a_callback_is_swallowed_or_ends_the_process(
    executor: str, spawn: Callable[..., Process], client_node: Client
) -> None:
    process = spawn(sys.executable, str(FAULTY), *ros_arguments(executor=executor))
    answer = client_node.call(Trigger, '/faulty/fail', Trigger.Request())
    assert (answer.success, answer.message) == (False, 'as far as it came')
    for sentence in ('oops in a service', 'oops in a timer'):
        process.wait_for_log(f'ZeroDivisionError: {sentence}')
    assert process.returncode is None


def test_a_failure_in_the_middle_of_a_transition_releases_all_the_same(
    spawn: Callable[..., Process], client_node: Client
) -> None:
    process = spawn(sys.executable, str(FAULTY))
    assert client_node.change_state('/faulty', 'configure')
    assert not client_node.change_state('/faulty', 'activate')
    process.wait_for_log('cannot activate: oops in activate\nTraceback')
    assert 'ros2 lifecycle set /faulty activate' in process.log
    process.wait_for_log('what was active is released')
    assert client_node.state('/faulty') == 'inactive'
    assert client_node.change_state('/faulty', 'cleanup')
    process.wait_for_log('ZeroDivisionError: oops while releasing')
    process.wait_for_log('could not clean up without errors')
    log = process.log
    assert log.index('the last one is released') < log.index('the first one is released')
    assert client_node.change_state('/faulty', 'configure')
