"""What `/diagnostics` says, and that silence has a reason there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from inference_processes import (
    GREEN,
    NodeUnderTest,
    image_message,
    running_node,
    squares,
    value,
)
from model_folders import read_manifest_document, write_manifest, write_model_folder
from rclpy.qos import QoSProfile, ReliabilityPolicy
from ros_client import Client
from sensor_msgs.msg import Image

from ml_integration.core.health import HealthSettings, judge
from ml_integration.core.monitor import Monitor
from ml_integration.ros.inference.diagnostics import STUCK_S, Wire, frame_statuses

CONCERNS = ['model', 'input', 'latency', 'drops', 'results', 'errors']
STAGES = ('wait', 'decode', 'preprocess', 'infer', 'postprocess', 'validate', 'publish', 'total')


@pytest.fixture(scope='module')
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model, and one whose topic nobody publishes."""
    folder = tmp_path_factory.mktemp('store')
    write_model_folder(folder, 'tiny')
    lonely = write_model_folder(folder, 'lonely')
    document = read_manifest_document(lonely)
    document['inputs'][0]['topic'] = 'nobody_there'
    write_manifest(lonely, document)
    return folder


@pytest.fixture(scope='module')
def node(
    store: Path, ros_domain: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[NodeUnderTest]:
    parameters = {'model_path': store, 'deadline_ms': 0}
    with (
        closing(Client()) as client,
        running_node(
            tmp_path_factory.mktemp('log'), client, name='/robot/eye', **parameters
        ) as running,
    ):
        yield running


def test_an_active_node_has_one_status_per_concern_and_all_is_well(node: NodeUnderTest) -> None:
    # Other work on this machine is no reason for a warning here.
    node.serve(model='tiny', health__input_timeout_ms=60000.0, health__max_drop_ratio=1.0)
    node.ask(image_message(squares(GREEN)))
    results = node.wait_for_status('results', lambda s: value(s, 'published') != '0', 'a result')
    message = next(m for m in node.diagnostics.messages if results in m.status)
    assert [s.name for s in message.status] == [f'robot/eye: {concern}' for concern in CONCERNS]
    assert {s.hardware_id for s in message.status} == {'/robot/eye'}
    assert {s.level for s in message.status} == {DiagnosticStatus.OK}
    model, inputs, latency, *_ = message.status
    assert model.message == 'active, tiny@1 on CPUExecutionProvider'
    assert len(value(model, 'sha256')) == 64
    assert value(inputs, 'publishers') == '1'
    assert [item.key for item in latency.values] == list(STAGES)


def test_a_node_that_is_not_active_reports_its_state_alone(node: NodeUnderTest) -> None:
    node.unconfigure()
    status = node.wait_for_status('model', lambda s: 'unconfigured' in s.message, 'unconfigured')
    assert status.message == 'unconfigured, no model loaded'
    node.serve(model='tiny')
    assert node.change('deactivate')
    status = node.wait_for_status('model', lambda s: 'inactive' in s.message, 'inactive')
    message = next(m for m in node.diagnostics.messages if status in m.status)
    assert message.status == [status]


def test_nothing_is_received_because_nobody_publishes(node: NodeUnderTest) -> None:
    node.serve(model='lonely', health__input_timeout_ms=100.0)
    status = node.wait_for_status('input', lambda s: s.level != s.OK, 'a warning')
    assert status.level == DiagnosticStatus.WARN
    assert 'no message yet for' in status.message
    assert 'on /robot/nobody_there; 0 publisher(s); is the topic remapped' in status.message
    assert value(status, 'topic') == '/robot/nobody_there'


def test_nothing_is_received_because_a_publisher_has_fallen_silent(node: NodeUnderTest) -> None:
    node.serve(model='tiny', health__input_timeout_ms=100.0)
    node.ask(image_message(squares(GREEN)))
    status = node.wait_for_status('input', lambda s: s.level != s.OK, 'a warning')
    assert status.level == DiagnosticStatus.WARN
    assert 'no message for' in status.message
    assert 'on /robot/image; 1 publisher(s)' in status.message
    assert 'remapped' not in status.message


def test_nothing_is_received_because_of_a_qos_mismatch(node: NodeUnderTest) -> None:
    node.serve(model='lonely', sensor_qos='reliable', health__input_timeout_ms=60000.0)
    best_effort = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
    publisher = node.client.node.create_publisher(Image, '/robot/nobody_there', best_effort)
    status = node.wait_for_status('input', lambda s: 'mismatch' in s.message, 'the mismatch')
    node.client.node.destroy_publisher(publisher)
    assert status.level == DiagnosticStatus.WARN
    assert '1 publisher(s); QoS mismatch: ' in status.message
    assert 'est effort publisher and reliable subscription' in status.message
    node.unconfigure()
    assert node.client.set_parameter(node.name, 'sensor_qos', 'sensor_data').successful


@pytest.mark.parametrize(
    ('busy_s', 'level'),
    [
        (0.0, DiagnosticStatus.OK),  # between two frames
        (STUCK_S - 0.1, DiagnosticStatus.OK),  # a slow model
        (STUCK_S, DiagnosticStatus.ERROR),  # an engine that does not come back
    ],
)
def test_a_frozen_engine_is_no_silent_freeze(busy_s: float, level: bytes) -> None:
    stats = Monitor(0).stats(10**9)
    health = judge(stats, HealthSettings(), 100.0)
    statuses = frame_statuses('/eye', health, stats, [Wire('', '/image', 1, '')], busy_s)
    (errors,) = (status for status in statuses if status.name == 'eye: errors')
    assert errors.level == level
    assert ('frozen' in errors.message) is (level == DiagnosticStatus.ERROR)


def test_what_is_wrong_with_some_cameras_is_said_of_each_of_them() -> None:
    monitor = Monitor(0, cameras=4)
    for camera in (0, 2):
        monitor.received(10**9, camera=camera)
    monitor.stale(10**9, camera=2)
    wires = [
        Wire('front', '/front/image', 1, ''),
        Wire('left', '/left/image', 0, ''),
        Wire('rear', '/rear/image', 1, ''),
        Wire('right', '/right/image', 1, 'reliability'),
    ]
    stats = monitor.stats(10**9)
    health = judge(stats, HealthSettings(input_timeout_ms=500.0), 100.0)
    inputs, _, drops, *_ = frame_statuses('/eye', health, stats, wires, 0.0)
    assert (inputs.level, drops.level) == (DiagnosticStatus.WARN, DiagnosticStatus.ERROR)
    assert inputs.message == (
        'no message yet for 1.0 s on /left/image; 0 publisher(s); '
        'is the topic remapped to the right name? | '
        'no message yet for 1.0 s on /right/image; 1 publisher(s); QoS mismatch: reliability'
    )
    assert 'every frame of rear is too old' in drops.message
    assert value(drops, 'rear: stale') == '1'
    assert (value(drops, 'front: received'), value(drops, 'front: stale')) == ('1', '0')
