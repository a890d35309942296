"""One model for several cameras: each has its own topics, and none has to wait for another."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import altered_models
import numpy as np
import onnx_models
import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from inference_processes import (
    BLUE,
    GREEN,
    RED,
    NodeUnderTest,
    image_message,
    running_node,
    set_stamp,
    squares,
    stamp_of,
    value,
)
from model_folders import write_model_folder
from ros_client import Client
from ros_processes import wait_until
from sensor_msgs.msg import Image

CAMERAS = ('front', 'left', 'rear')
COLORS = {'front': RED, 'left': GREEN, 'rear': BLUE}
CLASSES = {'front': 'red', 'left': 'green', 'rear': 'blue'}


@pytest.fixture(scope='module')
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`m@1` takes frames together, `m@2` one at a time; `slow@1` and `slow@2` likewise."""
    folder = tmp_path_factory.mktemp('store')
    write_model_folder(folder, 'm', 1, model=onnx_models.tiny_detector(free_batch=True))
    write_model_folder(folder, 'm', 2)
    for version, free in ((1, True), (2, False)):
        slow = altered_models.slow_detector(2, free_batch=free)
        write_model_folder(folder, 'slow', version, model=slow)
    return folder


@pytest.fixture(scope='module')
def node(
    store: Path, ros_domain: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[NodeUnderTest]:
    parameters = {
        'model_path': store,
        'deadline_ms': 0,
        'sensor_qos': 'reliable',
        'cameras': f'[{", ".join(CAMERAS)}]',
        'execution.intra_op_threads': 1,
        'batch.max_size': 8,
    }
    with (
        closing(Client()) as client,
        running_node(
            tmp_path_factory.mktemp('log'), client, name='/rig/eye', **parameters
        ) as running,
    ):
        yield running


def send(node: NodeUnderTest, camera: str, message: Image | None = None) -> int:
    """Publishes one picture of a camera, in its own color; returns its stamp [ns]."""
    message = message or image_message(squares(COLORS[camera]), frame_id=f'{camera}_optical')
    set_stamp(message, node.now_ns())
    node.feed(f'{camera}/image').publish(message)
    return stamp_of(message)


def results(node: NodeUnderTest, camera: str) -> Any:
    return node.results(topic=f'{camera}/detections')


def answer(node: NodeUnderTest, camera: str, stamp_ns: int) -> Any:
    """The result of the frame with this stamp."""
    return results(node, camera).wait_for(lambda r: stamp_of(r) == stamp_ns, f'{camera} result')


def connect(node: NodeUnderTest, cameras: tuple[str, ...] = CAMERAS) -> None:
    """Returns when everything that is published arrives, in both directions."""
    for camera in cameras:
        heard = results(node, camera)
        known = len(heard.messages)

        def arrived(camera: str = camera, heard: Any = heard, known: int = known) -> bool:
            if len(heard.messages) == known:
                send(node, camera)
            return len(heard.messages) > known

        wait_until(arrived, f'the first result of {camera}; the log:\n{node.process.log}')


def names(message: Any) -> set[str]:
    return {detection.results[0].hypothesis.class_id for detection in message.detections}


@pytest.mark.parametrize('model', ['m@1', 'm@2'])
@pytest.mark.parametrize('raw', [True, False])
def test_each_result_is_of_its_own_camera_and_carries_the_header_of_its_frame(
    node: NodeUnderTest, model: str, raw: bool
) -> None:
    node.serve(model=model, raw_subscription=raw)
    connect(node)
    for _ in range(5):
        stamps = {camera: send(node, camera) for camera in CAMERAS}
        for camera, stamp_ns in stamps.items():
            found = answer(node, camera, stamp_ns)
            assert found.header.frame_id == f'{camera}_optical'
            assert names(found) == {CLASSES[camera]}
    for camera in CAMERAS:
        frames = {message.header.frame_id for message in results(node, camera).messages}
        assert frames == {f'{camera}_optical'}


@pytest.mark.parametrize(
    ('model', 'max_size', 'most'),
    [
        ('m@1', 8, 3),  # a free batch
        ('m@1', 0, 1),  # ... which does not pay on a CPU
        ('m@2', 8, 1),  # a fixed batch
    ],
)
def test_frames_that_come_together_run_together_where_the_batch_is_free(
    node: NodeUnderTest, model: str, max_size: int, most: int
) -> None:
    node.serve(model=model, batch__max_size=max_size, batch__timeout_ms=1000.0)
    heard = node.client.collect(DiagnosticStatus, f'{node.name}/rear/provenance')
    connect(node)

    def most_together() -> int:
        for camera in CAMERAS:
            send(node, camera)
        return max((int(value(s, 'frames_in_run')) for s in heard.messages), default=0)

    wait_until(lambda: most_together() >= most and len(heard.messages) > 5, 'enough runs')
    assert most_together() == most
    assert value(node.status('model'), 'batch size') == str(most)
    status = node.wait_for_status('latency', lambda s: value(s, 'total p50 [ms]'), 'its values')
    node.serve(batch__max_size=8)
    together = float(value(status, 'frames per run'))
    assert 1 < together <= 3 if most == 3 else together == 1


def test_batches_are_as_small_as_they_are_wanted(node: NodeUnderTest) -> None:
    node.serve(model='m@1', batch__max_size=2)
    heard = node.client.collect(DiagnosticStatus, f'{node.name}/left/provenance')
    connect(node)
    for _ in range(10):
        stamps = {camera: send(node, camera) for camera in CAMERAS}
        for camera, stamp_ns in stamps.items():
            answer(node, camera, stamp_ns)
    node.serve(batch__max_size=8)
    heard.wait(1)
    assert {int(value(status, 'frames_in_run')) for status in heard.messages} <= {1, 2}


@contextmanager
def feeding(node: NodeUnderTest, **period_s: float) -> Iterator[None]:
    """Each camera sends a picture every so often until the end of the block."""
    ended = threading.Event()

    def send_on(camera: str, period_s: float) -> None:
        message = image_message(squares(COLORS[camera]), frame_id=f'{camera}_optical')
        while not ended.wait(period_s):
            send(node, camera, message)

    threads = [threading.Thread(target=send_on, args=item) for item in period_s.items()]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        for thread in threads:
            thread.join()


@pytest.mark.parametrize('model', ['m@1', 'm@2'])
def test_a_silent_camera_blocks_no_other_and_is_named(node: NodeUnderTest, model: str) -> None:
    node.serve(model=model, batch__timeout_ms=1000.0, health__input_timeout_ms=1000.0)
    connect(node, ('front', 'rear'))
    heard = [len(results(node, camera).messages) for camera in ('front', 'rear')]
    with feeding(node, front=0.02, rear=0.03):
        status = node.wait_for_status(
            'input',
            lambda s: s.level == s.WARN and 'left' in s.message and 'front' not in s.message,
            'a silent camera',
        )
    silent = r'no message yet for [\d.]+ s on /rig/left/image; (no publisher|\d publishers?)'
    assert re.match(silent, status.message), status.message
    assert '/rig/rear/image' not in status.message
    assert value(status, 'left: topic') == '/rig/left/image'
    assert value(status, 'left: rate [Hz]') == '0.00'
    assert value(status, 'left: age p50 [ms]') == ''
    assert float(value(status, 'front: rate [Hz]')) > 0
    for camera, known in zip(('front', 'rear'), heard, strict=True):
        assert len(results(node, camera).messages) > known + 5


def test_all_is_well_when_every_camera_sends(node: NodeUnderTest) -> None:
    node.serve(model='m@1', health__input_timeout_ms=60_000.0)
    connect(node)
    status = node.status('input')
    assert status.level == DiagnosticStatus.OK
    assert re.fullmatch(r'front [\d.]+ Hz, left [\d.]+ Hz, rear [\d.]+ Hz', status.message)


def test_displaced_frames_are_counted_per_camera(node: NodeUnderTest) -> None:
    node.serve(model='slow@2')
    connect(node)
    node.serve()  # counts anew
    for camera in CAMERAS:
        node.feed(f'{camera}/image')
    send(node, 'rear')
    last = [send(node, 'front') for _ in range(5)][-1]
    other = send(node, 'left')
    answer(node, 'front', last)
    answer(node, 'left', other)
    status = node.wait_for_status('drops', lambda s: value(s, 'received') == '7', '7 frames')
    assert value(status, 'front: received') == '5'
    assert value(status, 'left: displaced') == '0'
    assert value(status, 'displaced') == value(status, 'front: displaced')
    assert int(value(status, 'front: displaced')) >= 3  # the model is slower than five frames


@pytest.mark.parametrize('model', ['slow@1', 'slow@2'])
def test_no_camera_starves_under_overload(node: NodeUnderTest, model: str) -> None:
    node.serve(model=model)
    connect(node)
    begin = {camera: len(results(node, camera).messages) for camera in CAMERAS}

    def served() -> dict[str, int]:
        return {camera: len(results(node, camera).messages) - begin[camera] for camera in CAMERAS}

    with feeding(node, front=0.001, left=0.01, rear=0.02):  # all of them faster than the model
        wait_until(lambda: sum(served().values()) >= 24, 'results of an overloaded node')
        shares = served()
    assert max(shares.values()) - min(shares.values()) <= 3, shares


def test_a_swap_between_the_two_kinds_works_while_frames_flow(node: NodeUnderTest) -> None:
    node.serve(model='m@1')
    connect(node)
    with feeding(node, front=0.01, left=0.02, rear=0.02):
        for model in ('m@2', 'm@1', 'm@2'):
            assert node.client.set_parameter(node.name, 'model', model).successful
            node.wait_for_status('model', lambda s, m=model: f'{m} on' in s.message, model)
            for camera in CAMERAS:
                known = len(results(node, camera).messages)
                results(node, camera).wait(known + 3)
    errors = node.status('errors')
    assert value(errors, 'failed') == '0', value(errors, 'last')
    for camera in CAMERAS:
        assert all(names(m) == {CLASSES[camera]} for m in results(node, camera).messages)


def test_a_model_that_mixes_frames_is_not_swapped_in(node: NodeUnderTest, store: Path) -> None:
    node.serve(model='m@1')
    mixing = altered_models.mixing_detector()
    write_model_folder(store, 'm', 3, model=mixing)
    assert node.client.set_parameter(node.name, 'model', 'm@3').successful
    status = node.wait_for_status('model', lambda s: 'golden sample' in s.message, 'the reason')
    assert 'm@1 on' in status.message
    assert node.client.parameter(node.name, 'model') == 'm@1'


def test_a_bad_frame_costs_no_other_camera(node: NodeUnderTest) -> None:
    node.serve(model='m@1')
    connect(node)
    bad = image_message(np.zeros((8, 8, 3), np.uint8), 'nv99')
    for count in range(1, 6):
        send(node, 'left', bad)
        stamps = {camera: send(node, camera) for camera in ('front', 'rear')}
        for camera, stamp_ns in stamps.items():
            assert names(answer(node, camera, stamp_ns)) == {CLASSES[camera]}
        node.wait_for_status('errors', lambda s, n=count: value(s, 'failed') == str(n), 'failures')
    assert names(answer(node, 'left', send(node, 'left'))) == {'green'}


@pytest.mark.parametrize(
    ('cameras', 'wrong'),
    [
        (['front', 'front'], 'front'),  # twice
        (['front', 'left eye'], 'left eye'),  # a space
        (['front', '/left'], '/left'),  # a whole topic
        (['front', '2nd'], '2nd'),  # begins with a digit
        (['front', 'left__eye'], 'left__eye'),  # reserved
        (['front', ''], ''),  # nothing
        (['links', 'vorn_\xe4'], 'vorn_\xe4'),  # not ASCII
    ],
)
def test_names_that_cannot_be_part_of_a_topic_are_refused(
    node: NodeUnderTest, cameras: list[str], wrong: str
) -> None:
    node.unconfigure()
    refused = node.client.set_parameter(node.name, 'cameras', cameras)
    assert not refused.successful
    assert "'cameras' is not valid" in refused.reason
    assert f"Correct '{wrong}'" in refused.reason
    assert node.client.parameter(node.name, 'cameras') == list(CAMERAS)


def test_names_from_the_command_line_are_checked_by_configure(
    store: Path, ros_domain: int, tmp_path: Path, client_node: Client
) -> None:
    with running_node(
        tmp_path, client_node, name='/bad', model_path=store, cameras='[front, front]'
    ) as node:
        assert not node.change('configure')
        node.process.wait_for_log("'cameras' is not valid; got ['front', 'front']")
        assert node.client.set_parameter(node.name, 'cameras', []).successful
        assert node.client.set_parameter(node.name, 'model', 'm@1').successful
        assert node.change('configure')
        assert node.change('activate')
        message = image_message(squares(RED))
        assert names(node.ask(message)) == {'red'}  # on image, as without the parameter


def test_side_outputs_are_those_of_each_camera(node: NodeUnderTest) -> None:
    node.serve(model='m@1')
    connect(node)
    heard = {c: node.client.collect(Image, f'{node.name}/{c}/overlay') for c in CAMERAS}

    def all_heard() -> bool:
        for camera in CAMERAS:
            send(node, camera)
        return all(collected.messages for collected in heard.values())

    wait_until(all_heard, 'overlays')
    for camera, collected in heard.items():
        assert {m.header.frame_id for m in collected.messages} == {f'{camera}_optical'}
