"""What a node has said becomes its situation: counts become rates over some seconds."""

import math

import pytest

from ml_integration.core.findings import Level
from ml_integration.fleet.heard import MOST_STATUSES, WINDOW_S, Heard, machines
from ml_integration.fleet.status import STALE_S, Status

S = 10**9


def statuses(received: int, host: str = '') -> list[Status]:
    """What a node says."""
    drops = {'received': str(received), 'displaced': '0', 'stale': '0'}
    entry = {'front: rate [Hz]': '30', 'front: topic': '/front', 'front: lost': '0'}
    return [
        Status('detector: drops', Level.OK, values=drops),
        Status('detector: input', Level.OK, values=entry),
        Status('detector: resources', Level.OK, values={'host': host}),
    ]


def heard(*received: int, host: str = '') -> Heard:
    """A node that was heard once a second."""
    node = Heard('detector', 0)
    for second, count in enumerate(received):
        node.take(statuses(count, host), second * S)
    return node


def test_counts_become_rates_over_the_window() -> None:
    situation = heard(*range(0, 900, 30)).situation()
    assert situation.elapsed_s == WINDOW_S
    assert situation.frames_hz == pytest.approx(30.0)
    assert [one.topic for one in situation.sources] == ['/front']


def test_a_node_that_speaks_often_does_not_fill_the_memory() -> None:
    node = Heard('detector', 0)
    for step in range(2000):
        node.take([*statuses(step), Status(f'x: {step % 400}', Level.OK)], step * S // 100)
    assert len(node._counts) <= 2 * WINDOW_S + 1
    assert len(node.statuses) == MOST_STATUSES
    assert node.situation().frames_hz == pytest.approx(100.0)


def test_a_restarted_node_has_no_rate_rather_than_a_wrong_one() -> None:
    assert math.isnan(heard(900, 3).situation().frames_hz)
    assert heard(900, 3, 33).situation().frames_hz == pytest.approx(30.0)


def test_a_machine_has_those_that_speak_and_run_on_it() -> None:
    now_ns = round((STALE_S + 1) * S)
    nodes = [heard(1, host='left'), *(Heard(name, 0) for name in ('a', 'b', 'c'))]
    for node, host in zip(nodes[1:], ('left', 'left', 'right'), strict=True):
        node.take(statuses(1, host), now_ns)
    assert {host: len(on) for host, on in machines(nodes, now_ns).items()} == {
        'left': 2,
        'right': 1,
    }
