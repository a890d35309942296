"""Ground truth that somebody publishes is compared with the results of a node."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import numpy as np
import pytest
from inference_processes import (
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
from vision_msgs.msg import Detection2DArray

PICTURE = squares(RED, GREEN)
PAIRS = 12


@pytest.fixture(scope='module')
def node(ros_domain: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeUnderTest]:
    store = tmp_path_factory.mktemp('store')
    write_model_folder(store, 'tiny')
    with (
        closing(Client()) as client,
        running_node(
            tmp_path_factory.mktemp('log'), client, name='/judged', model='tiny',
            model_path=store, deadline_ms=0, accuracy__window=20, accuracy__score='mAP50',
            accuracy__min=0.9,
        ) as running,
    ):  # fmt: skip
        running.serve()
        yield running


def truth_feed(node: NodeUnderTest) -> Any:
    """Publisher of ground truth that the node knows of: it keeps results from then on."""
    feed = node.client.publisher(Detection2DArray, f'{node.name}/ground_truth')
    wait_until(feed.get_subscription_count, 'a subscription to ground truth')
    count, message = 0, Detection2DArray()
    while not count:  # the node may hear of the publisher later than that of it
        message.header = node.ask(image_message(PICTURE)).header
        feed.publish(message)
        count = int(value(node.status('accuracy'), 'pairs'))
    return feed


def test_truths_that_come_after_the_results_are_scored_and_a_bad_score_warns(
    node: NodeUnderTest,
) -> None:
    feed = truth_feed(node)
    results = [node.ask(image_message(PICTURE)) for _ in range(PAIRS)]
    known = node.status('accuracy')
    before, unmatched = int(value(known, 'pairs')), value(known, 'unmatched')
    for result in results:
        feed.publish(result)
    status = node.wait_for_status(
        'accuracy', lambda one: int(value(one, 'pairs')) >= before + PAIRS, 'all pairs'
    )
    # What came before had no objects, which the results have.
    assert 0 < float(value(status, 'mAP50')) < 1
    for _ in range(20):
        feed.publish(node.ask(image_message(PICTURE)))
    status = node.wait_for_status(
        'accuracy', lambda one: value(one, 'mAP50') == '1', 'scores of the last pairs only'
    )
    assert (status.level, value(status, 'unmatched')) == (b'\0', unmatched)
    assert 10 <= int(value(status, 'pairs')) <= 20
    for _ in range(20):
        wrong = node.ask(image_message(PICTURE))
        for one in wrong.detections:
            one.bbox.center.position.x += one.bbox.size_x
        feed.publish(wrong)
    status = node.wait_for_status('accuracy', lambda one: one.level == b'\1', 'a warning')
    assert 'is below 0.9' in status.message and 'mAP50' in status.message


def test_what_contradicts_itself_costs_a_count_and_a_sentence(node: NodeUnderTest) -> None:
    feed = truth_feed(node)
    before = int(value(node.status('accuracy'), 'refused'))

    def spoil(change: Any) -> None:
        message = node.ask(image_message(PICTURE))
        change(message)
        feed.publish(message)

    def of_no_class(message: Any) -> None:
        message.detections[0].results[0].hypothesis.class_id = 'unicorn'

    def of_no_size(message: Any) -> None:
        message.detections[0].bbox.size_x = float('nan')

    def of_nothing(message: Any) -> None:
        message.detections[0].results = []

    for change in (of_no_class, of_no_size, of_nothing):
        spoil(change)
    bad = Detection2DArray()
    bad.header.stamp.sec = -5
    feed.publish(bad)
    lost = Detection2DArray()
    set_stamp(lost, 77)
    feed.publish(lost)
    status = node.wait_for_status(
        'accuracy', lambda one: int(value(one, 'refused')) == before + 4, 'four refused'
    )
    assert int(value(status, 'unmatched')) >= 1
    assert node.ask(image_message(PICTURE)).detections


def test_no_truth_costs_nothing_and_keeps_the_keys(node: NodeUnderTest) -> None:
    known = [item.key for item in node.status('accuracy').values]
    assert {'mAP50', 'mAP50-95', 'pairs', 'unmatched', 'refused', 'flicker'} <= set(known)
    node.unconfigure()
    status = node.wait_for_status('accuracy', lambda one: one.message == 'unconfigured', 'idle')
    assert {item.value for item in status.values} <= {''}
    node.serve()
    wait_until(
        lambda: stamp_of(node.ask(image_message(np.zeros((64, 64, 3), np.uint8)))), 'a result'
    )
    assert [item.key for item in node.status('accuracy').values] == known
