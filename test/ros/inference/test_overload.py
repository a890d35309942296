"""A model that is slower than the camera: the newest frame counts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import odd_backends
import pytest
from inference_processes import (
    GREEN,
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

from ml_integration.core.health import FEWEST_STALE

SECOND_NS = 10**9


@pytest.fixture(scope='module')
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('store')
    write_model_folder(folder, 'quick')
    slow = write_model_folder(folder, 'slow')
    odd_backends.spoil(slow, odd_backends.HOLDING)
    return folder


@pytest.fixture(scope='module')
def engine(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of the node; while the file that it names exists, no frame is finished."""
    return odd_backends.register(tmp_path_factory.mktemp('engine'))


@pytest.fixture(scope='module')
def node(
    store: Path,
    engine: dict[str, str],
    ros_domain: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[NodeUnderTest]:
    parameters = {
        'model_path': store,
        'sensor_qos': 'reliable',
        'execution__engine': odd_backends.ENGINE,
    }
    with (
        closing(Client()) as client,
        running_node(
            tmp_path_factory.mktemp('log'),
            client,
            name='/shared',
            environment=engine,
            **parameters,
        ) as running,
    ):
        yield running


def publish(node: NodeUnderTest, age_s: float = 0.0) -> int:
    """Publishes a picture taken some time ago; returns its stamp [ns]."""
    message = image_message(squares(GREEN))
    set_stamp(message, node.now_ns() - int(age_s * SECOND_NS))
    node.feed().publish(message)
    return stamp_of(message)


def test_latency_does_not_grow_because_the_newest_frame_wins_and_the_others_are_counted(
    node: NodeUnderTest, engine: dict[str, str]
) -> None:
    node.serve(model='slow', deadline_ms=0)
    node.ask(image_message(squares(GREEN)))
    node.serve(health__max_drop_ratio=0.0)  # counts anew
    node.feed()
    gate = Path(engine[odd_backends.GATE])
    gate.touch()
    try:
        stamps = [publish(node) for _ in range(5)]
        status = node.wait_for_status(
            'drops', lambda s: value(s, 'received') == '5' and s.level == s.WARN, '5 frames'
        )
    finally:
        gate.unlink()
    node.results().wait_for(lambda result: stamp_of(result) == stamps[-1], 'the newest frame')
    served = [stamp for stamp in map(stamp_of, node.results().messages) if stamp in stamps]
    assert served == sorted(served)
    assert len(served) <= 2  # the one that was in work, and the newest
    assert int(value(status, 'displaced')) == len(stamps) - len(served)


def test_frames_older_than_the_deadline_are_counted_and_not_published(
    node: NodeUnderTest,
) -> None:
    node.serve(model='quick', deadline_ms=5000)
    node.ask(image_message(squares(GREEN)))
    node.serve()
    for number in range(1, FEWEST_STALE + 1):
        stale = publish(node, age_s=10.0)
        node.wait_for_status('drops', lambda s, n=number: value(s, 'stale') == str(n), 'it')
    status = node.wait_for_status('drops', lambda s: value(s, 'stale') == str(FEWEST_STALE), 'all')
    assert status.level == status.ERROR
    assert 'use_sim_time' in status.message  # all of them are: the clocks may differ
    assert stamp_of(node.ask(image_message(squares(GREEN)))) > stale
    assert stale not in map(stamp_of, node.results().messages)


def test_a_new_deadline_acts_at_once(node: NodeUnderTest) -> None:
    node.serve(model='quick', deadline_ms=5000)
    publish(node, age_s=10.0)
    node.wait_for_status('drops', lambda s: value(s, 'stale') == '1', 'a stale frame')
    assert node.client.set_parameter(node.name, 'deadline_ms', 20000).successful  # an integer
    publish(node, age_s=10.0)
    node.wait_for_status('results', lambda s: value(s, 'published') == '1', 'a result')
