"""What `/diagnostics` says, and that silence has a reason there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from frozen_frames import silent_freezer
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
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import String

from ml_integration.core.endpoints import Endpoint
from ml_integration.core.health import (
    FEWEST_STALE,
    FRAME_CONCERNS,
    Alarms,
    HealthSettings,
    judge,
    judge_idle,
)
from ml_integration.core.histogram import BUCKETS
from ml_integration.core.monitor import Monitor
from ml_integration.core.resource_watch import ResourceWatch
from ml_integration.core.stats import STAGES, InputKey
from ml_integration.ros.inference.diagnostics import MODEL_KEYS, frame_statuses, idle_statuses
from ml_integration.ros.messages.diagnostic_numbers import numbers, statuses_of
from ml_integration.serving.rollout_watch import RolloutWatch

DOCUMENT = Path(__file__).parents[3] / 'docs/diagnostics.md'
CONCERNS = [
    'model',
    'input',
    'latency',
    'drops',
    'results',
    'errors',
    'content',
    'drift',
    'accuracy',
    'outcome',
    'resources',
    'freeze_frame',
    'rollout',
]


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


def histogram_keys() -> set[str]:
    return {f'{stage} <= {bound} [ms]' for stage in (*STAGES, 'age') for bound in BUCKETS}


def test_an_active_node_has_one_status_per_concern_and_all_is_well(node: NodeUnderTest) -> None:
    # Other work on this machine is no reason for a warning here.
    node.serve(model='tiny', health__input_timeout_ms=60000.0, health__max_drop_ratio=1.0)
    node.ask(image_message(squares(GREEN)))
    results = node.wait_for_status('results', lambda s: value(s, 'published') != '0', 'a result')
    message = next(m for m in node.diagnostics.messages if results in m.status)
    assert [s.name for s in message.status] == [f'robot/eye: {concern}' for concern in CONCERNS]
    assert {s.hardware_id for s in message.status} == {'/robot/eye'}
    # What else this machine does is no fault of the node's.
    assert {s.level for s in message.status if 'resources' not in s.name} == {DiagnosticStatus.OK}
    model, inputs, latency, *_ = message.status
    assert model.message == 'active, tiny@1 on CPUExecutionProvider'
    assert len(value(model, 'sha256')) == 64
    assert value(inputs, 'publishers') == '1'
    ends = (' p50 [ms]', ' p95 [ms]', ' p99 [ms]')
    assert numbers(latency).keys() == {
        *(stage + end for stage in STAGES for end in ends),
        *histogram_keys(),
        'frames per run',
    }
    assert numbers(latency)['total <= inf [ms]'] == numbers(results)['published']
    assert numbers(model)['load [s]'] > 0
    assert numbers(model)['threads'] >= 1
    assert value(model, 'spinning') in ('never', 'within_run', 'always')
    assert value(model, 'graph optimization') == 'all'
    p50, p95, p99 = (numbers(latency)[f'total{end}'] for end in ends)
    assert 0 < p50 <= p95 <= p99


def test_every_state_has_the_same_statuses_with_the_same_keys(node: NodeUnderTest) -> None:
    found: dict[str, list[DiagnosticStatus]] = {}

    def listen(state: str) -> None:
        status = node.wait_for_status('model', lambda s: value(s, 'state') == state, state)
        message = next(m for m in node.diagnostics.messages if status in m.status)
        found[state] = list(message.status)

    node.serve(model='tiny')
    node.ask(image_message(squares(GREEN)))  # from here on it is known what is measured of inputs
    node.unconfigure()
    node.diagnostics.messages.clear()  # it was so before, and knew less
    listen('unconfigured')
    node.serve(model='tiny', health__input_timeout_ms=60000.0)
    node.ask(image_message(squares(GREEN)))
    listen('active')
    assert node.change('deactivate')
    listen('inactive')
    keys = [[(s.name, [item.key for item in s.values]) for s in each] for each in found.values()]
    assert keys[0] == keys[1] == keys[2]
    for state in ('unconfigured', 'inactive'):
        _, *frames, resources, _, _ = found[state]
        assert value(resources, 'pid') in ('', str(node.process.pid))
        assert {(s.level, s.message) for s in frames} == {(DiagnosticStatus.OK, state)}
        assert {item.value for s in frames for item in s.values} == {''}
    assert found['unconfigured'][0].message == 'unconfigured, no model loaded'
    assert found['inactive'][0].message == 'inactive, tiny@1 on CPUExecutionProvider'
    everything = [item for each in found.values() for s in each for item in s.values]
    assert not [item for item in everything if ' / ' in item.value or item.value == 'None']


def test_nothing_is_received_because_nobody_publishes(node: NodeUnderTest) -> None:
    node.serve(model='lonely', health__input_timeout_ms=100.0)
    other = node.client.node.create_publisher(Image, '/robot/nobody_here', 1)
    status = node.wait_for_status(
        'input', lambda s: s.level != s.OK and 'nobody_here' in s.message, 'a warning'
    )
    node.client.destroy(other)
    assert status.level == DiagnosticStatus.WARN
    assert 'no message yet for' in status.message
    assert 'on /robot/nobody_there; no publisher; there is /robot/nobody_here' in status.message
    assert 'remap -r nobody_there:=/robot/nobody_here' in status.message
    assert value(status, 'topic') == '/robot/nobody_there'
    assert 'there is /robot/nobody_here' in node.process.log


@pytest.mark.parametrize('kind', [CompressedImage, String])
def test_nothing_is_received_because_the_topic_has_another_type(
    node: NodeUnderTest, kind: type
) -> None:
    node.serve(model='lonely', health__input_timeout_ms=60000.0)
    publisher = node.client.node.create_publisher(kind, '/robot/nobody_there', 1)
    name = '/msg/'.join((kind.__module__.partition('.')[0], kind.__name__))
    status = node.wait_for_status('input', lambda s: name in s.message, 'the type')
    node.client.destroy(publisher)
    assert status.level == DiagnosticStatus.WARN
    assert f'1 publisher; it has {name}, this model takes sensor_msgs/msg/Image' in (
        status.message
    )
    assert 'remap' in status.message
    assert value(status, 'other types') == name
    assert f'it has {name}, this model takes' in node.process.log


def test_nothing_is_received_because_a_publisher_has_fallen_silent(node: NodeUnderTest) -> None:
    node.serve(model='tiny', health__input_timeout_ms=100.0)
    node.ask(image_message(squares(GREEN)))
    status = node.wait_for_status('input', lambda s: s.level != s.OK, 'a warning')
    assert status.level == DiagnosticStatus.WARN
    assert 'no message for' in status.message
    assert 'on /robot/image; 1 publisher' in status.message
    assert 'remapped' not in status.message


def test_nothing_is_received_because_of_a_qos_mismatch(node: NodeUnderTest) -> None:
    node.serve(model='lonely', sensor_qos='reliable', health__input_timeout_ms=60000.0)
    best_effort = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
    publisher = node.client.node.create_publisher(Image, '/robot/nobody_there', best_effort)
    status = node.wait_for_status('input', lambda s: 'mismatch' in s.message, 'the mismatch')
    node.client.destroy(publisher)
    assert status.level == DiagnosticStatus.WARN
    assert '1 publisher; QoS mismatch: ' in status.message
    assert 'the publisher is best effort, and this node asks for reliable' in status.message
    assert 'with the parameter sensor_qos set to sensor_data' in status.message
    node.unconfigure()
    assert node.client.set_parameter(node.name, 'sensor_qos', 'sensor_data').successful


def test_what_is_wrong_with_some_cameras_is_said_of_each_of_them() -> None:
    monitor = Monitor(0, [InputKey(name) for name in ('front', 'left', 'rear', 'right')])
    for camera in ('front', *FEWEST_STALE * ['rear']):
        monitor.received(camera, '', 10**9)
    for _ in range(FEWEST_STALE):
        monitor.stale('rear', 10**9)
    endpoints = [
        Endpoint('front', '', '/front/image', 1),
        Endpoint('left', '', '/left/image', 0),
        Endpoint('rear', '', '/rear/image', 1),
        Endpoint('right', '', '/right/image', 1, 'reliability'),
    ]
    stats = monitor.stats(10**9)
    settings = HealthSettings(input_timeout_ms=500.0)
    health = judge(stats, endpoints, 0.0, Alarms(), settings, 100.0)
    inputs, _, drops, *_ = frame_statuses('/eye', health, stats, endpoints, 0.0)
    assert (inputs.level, drops.level) == (DiagnosticStatus.WARN, DiagnosticStatus.ERROR)
    assert inputs.message == (
        'no message yet for 1.0 s on /left/image; no publisher; '
        'is the topic remapped to the right name? | '
        'no message yet for 1.0 s on /right/image; 1 publisher; QoS mismatch: reliability'
    )
    assert 'every frame of rear is too old' in drops.message
    assert value(drops, 'rear: stale') == str(FEWEST_STALE)
    assert (value(drops, 'front: received'), value(drops, 'front: stale')) == ('1', '0')


@pytest.mark.parametrize(
    ('keys', 'rates'),
    [
        ([InputKey('', 'images')], ['rate [Hz]']),  # one of everything
        ([InputKey('front', 'images')], ['front: rate [Hz]']),
        (
            [InputKey('', 'images'), InputKey('', 'joints', triggers=False)],
            ['images: rate [Hz]', 'joints: rate [Hz]'],
        ),
        (
            [InputKey('front', 'images'), InputKey('front', 'joints'), InputKey('rear', 'images')],
            ['front: images: rate [Hz]', 'front: joints: rate [Hz]', 'rear: rate [Hz]'],
        ),
    ],
)
def test_the_key_of_a_value_names_what_there_are_several_of(
    keys: list[InputKey], rates: list[str]
) -> None:
    inputs, *_ = idle_statuses('/eye', judge_idle('inactive', Alarms()), keys)
    found = [item.key for item in inputs.values]
    assert [key for key in found if key.endswith('rate [Hz]')] == rates
    assert len(set(found)) == len(found)


def test_a_program_reads_numbers_and_leaves_out_what_is_not_known() -> None:
    monitor = Monitor(0)
    monitor.received('', '', 10**9, 640)
    stats, endpoints = monitor.stats(2 * 10**9), [Endpoint('', '', '/1/image', 2)]
    health = judge(stats, endpoints, 0.0, Alarms(), HealthSettings())
    message = DiagnosticArray(status=frame_statuses('/eye', health, stats, endpoints, 0.0))
    statuses = statuses_of(message, '/eye')
    assert [*statuses] == list(FRAME_CONCERNS)
    assert numbers(statuses['input']) == {
        'publishers': 2.0,
        'rate [Hz]': 0.5,
        'messages': 1.0,
        'lost': 0.0,
        'silent [s]': 1.0,
        'serialized [bytes]': 640.0,
        'segment [bytes]': 0.0,
        'time jumps': 0.0,
    }
    latency = numbers(statuses['latency'])
    assert latency.keys() == {'frames per run', *histogram_keys()}
    assert set(latency.values()) == {0.0}
    assert statuses_of(message, 'ey') == {}


def test_every_key_is_in_the_documentation() -> None:
    idle = judge_idle('inactive', Alarms())
    keys = [item.key for s in idle_statuses('/eye', idle, [InputKey()]) for item in s.values]
    keys += [key for key, _ in ResourceWatch(lambda: 0.0).look(0).values]
    keys += [key for key, _ in silent_freezer(Path(), False).seen().values]
    text = DOCUMENT.read_text()
    for key in (*MODEL_KEYS, *keys):
        stage, _, rest = key.partition(' ')
        rest = re.sub(r'<= \w+ ', '<= <bound> ', rest)
        documented = f'`{key}`' in text or (f'`{stage}`' in text and f'`<stage> {rest}`' in text)
        assert documented, key
    for key, _ in RolloutWatch().look(0).values:
        name, _, of = key.partition(': ')
        assert f'`{name}`' in text and (not of or f'`<criterion>: {of}`' in text), key
