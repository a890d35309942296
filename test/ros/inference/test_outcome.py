"""Outcomes go over real DDS to the model that made the result, and stay over restarts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from inference_processes import (
    GREEN,
    image_message,
    running_node,
    squares,
    value,
)
from model_folders import write_model_folder
from ros_client import Client
from ros_processes import wait_until
from std_msgs.msg import Header

from ml_integration.cli.main import main
from ml_integration.ros.node import qos


@pytest.fixture
def client(ros_domain: int) -> Iterator[Client]:
    with closing(Client()) as made:
        yield made


def of(header: Header, *outcomes: tuple[bytes, str]) -> DiagnosticArray:
    """Outcomes of a result."""
    statuses = [DiagnosticStatus(level=level, message=word) for level, word in outcomes]
    return DiagnosticArray(header=header, status=statuses)


def told(status: DiagnosticStatus, key: str) -> str:
    return next((item.value for item in status.values if item.key == key), '')


def test_versions_are_compared_by_what_their_results_were_good_for(
    tmp_path: Path, client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    store, state = tmp_path / 'store', tmp_path / 'state'
    for version in (1, 2):
        write_model_folder(store, 'tiny', version=version)
    parameters: dict[str, Any] = {
        'model_path': store,
        'state_dir': state,
        'deadline_ms': 0,
        'autostart': True,
    }
    good, bad = DiagnosticStatus.OK, DiagnosticStatus.ERROR
    picture = image_message(squares(GREEN))
    with running_node(tmp_path, client, name='/first', model='tiny@1', **parameters) as node:
        first = node.ask(picture)
        assert client.set_parameter(node.name, 'model', 'tiny@2').successful
        node.wait_for_status('model', lambda s: value(s, 'model') == 'tiny@2', 'the swap')
        second = node.ask(picture)
        outcome = client.publisher(DiagnosticArray, '/first/outcome')
        wait_until(outcome.get_subscription_count, 'somebody who listens to outcomes')
        outcome.publish(of(first.header, (good, 'grasped'), (bad, 'dropped'), (good, '')))
        outcome.publish(of(second.header, (bad, 'dropped'), (good, 'failure'), (good, 'no word')))
        outcome.publish(of(Header(), (good, 'grasped')))
        status = node.wait_for_status(
            'outcome', lambda s: told(s, 'tiny@2: useful') == '1', 'the outcomes'
        )
        assert told(status, 'tiny@1: useful [%]') == '66.67'
        assert told(status, 'tiny@2: useful [%]') == '50.00'
        assert float(told(status, 'tiny@2: useful low [%]')) == pytest.approx(9.45, abs=0.01)
        assert told(status, 'refused') == '2'
        wait_until(lambda: node.process.log.count('an outcome is not counted') == 2, 'the log')
        models = client.collect(DiagnosticArray, '/first/models', qos.latched())
        node.unconfigure()  # which keeps everything
        assert node.change('configure')
        status = node.status('outcome')
        found = [s for m in models.messages for s in m.status if s.name == 'tiny@1']
        assert '2 of 3 useful' in value(found[-1], 'outcome')
    stores = ['--store', str(store), '--state-dir', str(state)]
    assert main(['show', 'tiny@1', *stores]) == 0
    assert '2 of 3 useful (95 %: 21% to 94%; dropped 1, grasped 1, useful 1)' in (
        capsys.readouterr().out
    )
    with running_node(
        tmp_path, client, '-r', '__node:=first', name='/first', model='tiny@2', **parameters
    ) as node:
        node.ask(picture)
        status = node.wait_for_status('outcome', lambda s: told(s, 'tiny@1: useful'), 'memory')
        assert told(status, 'tiny@1: useful') == '2'
