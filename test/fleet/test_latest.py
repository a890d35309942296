"""The newest word of each node is kept, as long as it means something and no further."""

from __future__ import annotations

from node_statuses import SECOND, detector, foreign, report

from ml_integration.core.findings import Level
from ml_integration.fleet.heard import MOST_STATUSES
from ml_integration.fleet.latest import FORGOTTEN_S, MOST_NODES, Latest, worst_first
from ml_integration.fleet.status import STALE_S, Status


def test_nodes_of_one_message_are_told_apart_and_sorted() -> None:
    latest = Latest()
    latest.take(report(*foreign(), *detector()), 0)
    assert [node.name for node in latest.nodes(0)] == ['detector', 'usb_cam']


def test_a_node_that_says_nothing_is_stale_and_then_forgotten() -> None:
    latest = Latest()
    latest.take(report(*detector()), 0)
    (node,) = latest.nodes(round(STALE_S * SECOND))
    assert not node.stale
    (node,) = latest.nodes(round(STALE_S * SECOND) + 1)
    assert node.stale and node.silent_s > STALE_S
    assert latest.nodes(round(FORGOTTEN_S * SECOND)) == ()


def test_a_node_may_say_itself_that_it_is_stale() -> None:
    latest = Latest()
    latest.take(report(Status('x: y', Level.WARN, stale=True)), 0)
    assert [node.stale for node in latest.nodes(0)] == [True]


def test_drops_are_those_of_the_last_ten_seconds() -> None:
    latest = Latest()
    for second in range(31):
        dropped = 10 * min(second, 15)  # all of them, and from then on none
        latest.take(report(*detector(received=10 * second, dropped=dropped)), second * SECOND)
        (node,) = latest.nodes(second * SECOND)
        if second in (10, 15):
            assert node.drop_ratio == 1.0
    assert node.drop_ratio == 0.0


def test_another_activation_counts_anew() -> None:
    latest = Latest()
    for received, dropped in ((1000, 900), (10, 5)):
        latest.take(report(*detector(received=received, dropped=dropped)), SECOND)
    assert [node.drop_ratio for node in latest.nodes(SECOND)] == [0.5]


def test_names_that_never_end_do_not_fill_the_memory() -> None:
    latest = Latest()
    names = [f'node_{number}: x' for number in range(MOST_NODES + 10)]
    concerns = [f'one: {number}' for number in range(MOST_STATUSES + 10)]
    latest.take(report(*(Status(name, Level.OK) for name in concerns + names)), 0)
    nodes = latest.nodes(0)
    assert len(nodes) == MOST_NODES
    assert max(len(node.statuses) for node in nodes) == MOST_STATUSES


def test_silence_is_worse_than_a_warning_and_an_error_worse_than_that() -> None:
    latest = Latest()
    latest.take(report(*detector('silent')), 0)
    for name, level, total_ms in (
        ('good', Level.OK, 1.0),
        ('slow', Level.OK, 90.0),
        ('bad', Level.ERROR, 1.0),
        ('odd', Level.WARN, 1.0),
    ):
        latest.take(report(*detector(name, level, total_ms=total_ms)), 6 * SECOND)
    order = [node.name for node in worst_first(latest.nodes(6 * SECOND))]
    assert order == ['bad', 'silent', 'odd', 'slow', 'good']
