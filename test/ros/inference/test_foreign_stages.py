"""A stage of another package is chosen, set up and heard like one of this package."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import foreign_stages
import numpy as np
import pytest
from inference_processes import (
    BLUE,
    GREEN,
    RED,
    NodeUnderTest,
    image_message,
    running_node,
    squares,
    value,
)
from model_folders import write_model_folder
from ros_client import Client
from ros_processes import wait_until
from std_msgs.msg import Int64

PICTURE = np.ascontiguousarray(squares(RED, GREEN, BLUE))


@pytest.fixture
def node(tmp_path: Path, ros_domain: int) -> Iterator[NodeUnderTest]:
    """A node that is given the stage and a value for it at its start."""
    write_model_folder(tmp_path / 'store', 'm')
    given = {'model_path': tmp_path / 'store', 'model': 'm', 'deadline_ms': 0}
    environment = foreign_stages.register(tmp_path / 'packages')
    with (
        closing(Client()) as client,
        running_node(
            tmp_path,
            client,
            *('-p', 'stages:=[best]', '-p', 'best.most:=2'),
            name='/guest',
            environment=environment,
            **given,
        ) as running,
    ):
        yield running


def test_its_settings_are_parameters_and_its_results_are_published(node: NodeUnderTest) -> None:
    node.serve()
    found = node.results(Int64, 'found')
    assert len(node.ask(image_message(PICTURE)).detections) == 2
    wait_until(lambda: found.messages, 'the message of the stage')
    assert found.messages[-1].data == 2
    refused = node.client.set_parameter(node.name, 'best.most', 3)
    assert not refused.successful
    assert 'no change while the node is configured (now 2)' in refused.reason
    assert node.status('model').level == b'\x00'  # nothing that it does not know
    node.serve(best__most=3)
    assert len(node.ask(image_message(PICTURE)).detections) == 3
    node.unconfigure()
    refused = node.client.set_parameter(node.name, 'best.most', 10)
    assert not refused.successful
    assert 'best.most' in refused.reason and '9' in refused.reason


def test_one_that_is_chosen_later_has_its_parameters_from_then_on(node: NodeUnderTest) -> None:
    node.serve(stages=[])
    assert len(node.ask(image_message(PICTURE)).detections) == 3
    for stages, sentence in (
        (['broken'], 'this module is broken'),
        (['health'], "another name than 'health', which is a parameter of the node"),
        (['best', 'best'], 'each at most once: best, broken, cascade, health, lifting'),
    ):
        node.unconfigure()
        assert node.client.set_parameter(node.name, 'stages', stages).successful
        assert not node.change('configure')
        assert sentence in node.process.log
    node.serve(stages=['best', 'tracking'], best__most=1)
    (only,) = node.ask(image_message(PICTURE)).detections
    assert only.id
    assert 'after a change' not in node.process.log
    assert value(node.status('model'), 'alarm') == ''
