"""Many nodes, ours and others', seen through what they say alone."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from fleet_reports import full_node, of_values, report, told
from node_statuses import unoptimized

from ml_integration.core.findings import Level
from ml_integration.core.judge import CLEAR, Judge
from ml_integration.fleet.availability import Ledger, Outcome, Seconds
from ml_integration.fleet.fleet import Fleet, Overview
from ml_integration.fleet.fleet_findings import (
    CONCERNS,
    MANY_RESTARTS,
    health_of,
    idle_looks,
    judge_fleet,
)
from ml_integration.fleet.heard import MOST_STATUSES
from ml_integration.fleet.status import Report, Status

WALL_S = 1_800_000_000.0


class Clock:
    """A fleet whose seconds pass when the test says so."""

    def __init__(self, most: int = 8, forget_s: float = 100.0, **kept: Ledger) -> None:
        self.fleet = Fleet((1.0, 24.0), most, forget_s, '/monitor', kept, 0)
        self.s = 0.0

    def after(self, seconds: float, *reports: Report) -> Overview:
        """Lets time pass, takes reports and returns how it is then."""
        self.s += seconds
        for one in reports:
            self.fleet.take(one, round(self.s * 1e9))
        return self.fleet.tick(round(self.s * 1e9), WALL_S + self.s)


def finding(overview: Overview, concern: str) -> tuple[Level, str]:
    found = health_of(judge_fleet(overview, 99.5, '')).of(concern)
    return found.level, found.sentence


def test_a_node_is_silent_after_five_seconds_and_that_is_an_error_at_once() -> None:
    clock = Clock()
    assert not clock.after(1, full_node('eye')).silent
    assert not clock.after(5).silent
    overview = clock.after(0.5)
    assert [node.name for node in overview.silent] == ['eye']
    assert finding(overview, 'fleet') == (Level.ERROR, '1 nodes, 1 silent: eye')
    assert overview.nodes[0].finding.level == Level.ERROR
    assert not clock.after(1, full_node('eye')).silent


def test_time_is_booked_by_what_it_counts_as() -> None:
    clock = Clock()
    clock.after(0, full_node('eye'))
    for _ in range(60):
        clock.after(1, full_node('eye'))
    for _ in range(20):
        overview = clock.after(1, full_node('eye'), report(told('eye: errors', Level.ERROR)))
    assert overview.nodes[0].outcome is Outcome.UNAVAILABLE
    assert overview.nodes[0].availability[0] == Seconds(60.0, 20.0)
    assert overview.availability[0] == Seconds(60.0, 20.0)
    level, sentence = finding(overview, 'availability')
    assert (level, sentence.partition(',')[0]) == (Level.WARN, 'below 99.5 %: eye 75.00 % of 1 h')


def test_time_in_which_nobody_listened_is_unknown() -> None:
    clock = Clock()
    clock.after(0, full_node('eye'))
    clock.after(1, full_node('eye'))
    overview = clock.after(3600, full_node('eye'))
    assert overview.nodes[0].availability[1] == Seconds(1.0)


def test_a_node_of_before_that_does_not_come_back_is_missed() -> None:
    clock = Clock(eye=Ledger({int(WALL_S // 600): Seconds(100.0)}))
    overview = clock.after(1)
    assert overview.nodes[0].outcome is Outcome.UNKNOWN
    for _ in range(6):
        overview = clock.after(1)
    assert overview.nodes[0].availability[0] == Seconds(100.0, 2.0)


def test_a_node_that_is_long_gone_is_forgotten() -> None:
    clock = Clock(forget_s=50.0)
    clock.after(0, full_node('eye'))
    assert len(clock.after(49).nodes) == 1
    assert not clock.after(2).nodes
    assert set(clock.fleet.ledgers()) == {''}


def test_nodes_that_are_not_ours_are_followed_too() -> None:
    statuses = (
        Status('lidar', Level.OK),
        Status('/arm: joint 3', Level.ERROR, 'hot'),
        Status('arm: driver: bus', Level.OK),
        Status('gps', Level.WARN, 'old', stale=True),
        Status('', Level.OK),
        Status('monitor: fleet', Level.ERROR),  # its own
        of_values('odd: latency', {'infer p50 [ms]': 'nan', 'total p50 [ms]': 'x'}),
    )
    clock = Clock()
    for _ in range(5):
        overview = clock.after(1, Report(0, statuses))
    found = {node.name: (node.finding.level, node.outcome) for node in overview.nodes}
    assert found == {
        'arm': (Level.ERROR, Outcome.UNAVAILABLE),
        'gps': (Level.WARN, Outcome.UNAVAILABLE),
        'lidar': (Level.OK, Outcome.AVAILABLE),
        'odd': (Level.OK, Outcome.AVAILABLE),
    }
    assert overview.worst_stage is None


def test_a_level_that_flaps_does_not_flap_in_the_summary() -> None:
    clock, seen = Clock(), []
    for second in range(60):
        level = Level.WARN if second % 2 else Level.OK
        seen.append(clock.after(1, report(Status('model', level))).nodes[0].finding.level)
    changes = sum(a is not b for a, b in pairwise(seen))
    assert changes == 1


def test_a_status_that_is_not_sent_any_more_does_not_count_for_ever() -> None:
    clock = Clock()
    clock.after(1, report(Status('arm: joint', Level.ERROR), Status('arm: bus', Level.OK)))
    for _ in range(CLEAR):
        overview = clock.after(1, report(Status('arm: bus', Level.OK)))
    assert overview.nodes[0].outcome is Outcome.AVAILABLE


def test_a_hostile_fleet_does_not_grow_without_bound() -> None:
    clock, noise = Clock(most=8), random.Random(1)
    for _ in range(20):
        names = [f'{noise.random()}' * 100 for _ in range(200)]
        statuses = [Status(name, Level.OK, values={'x': 'nan'}) for name in names]
        chatty = [Status(f'eye: {noise.random()}', Level.OK) for _ in range(200)]
        overview = clock.after(0.1, Report(0, (*chatty, *statuses)))
    assert len(overview.nodes) == 8
    assert all(len(node.statuses) <= MOST_STATUSES for node in overview.nodes)
    level, sentence = finding(overview, 'fleet')
    assert level == Level.WARN
    assert 'more are not followed: raise max_nodes' in sentence
    assert len(clock.fleet._refused) <= 8


def resources(uptime_s: float, pid: int) -> Report:
    return report(of_values('eye: resources', {'uptime [s]': uptime_s, 'pid': pid}))


@pytest.mark.parametrize(
    ('reports', 'restarts'),
    [
        ([resources(10, 5), resources(11, 5), resources(12, 5)], 0),
        ([resources(10, 5), resources(1, 6), resources(2, 6)], 1),
        ([resources(100, 1), resources(3, 1)], 1),  # the first process of a container
        ([report(told('eye: drops', received=9)), report(told('eye: drops', received=2))], 1),
        ([report(of_values('cam', {'Events since startup': n})) for n in (50, 60, 3, 4)], 1),
        (
            [
                report(told('eye: drops', received=9), told('eye: model', state='active')),
                report(told('eye: drops', received=''), told('eye: model', state='inactive')),
                report(told('eye: drops', received=1), told('eye: model', state='active')),
            ],
            0,  # it was only activated again
        ),
    ],
)
def test_restarts_are_counted(reports: list[Report], restarts: int) -> None:
    clock = Clock()
    for one in reports:
        overview = clock.after(1, one)
    assert overview.nodes[0].restarts == restarts


def test_a_node_that_starts_again_and_again_is_told() -> None:
    clock = Clock()
    for number in range(MANY_RESTARTS + 1):
        overview = clock.after(1, resources(1, number))
    assert finding(overview, 'restarts') == (
        Level.WARN, f'started again within 10 min: eye {MANY_RESTARTS} times'
    )  # fmt: skip


def test_the_worst_stage_is_that_of_all_nodes() -> None:
    slow = {'infer p50 [ms]': 30.0, 'decode p50 [ms]': 5.0, 'total p50 [ms]': 40.0}
    overview = Clock().after(
        1,
        report(of_values('eye: latency', slow)),
        report(of_values('ear: latency', {'infer p50 [ms]': 2.0, 'total p50 [ms]': 2.0})),
    )
    (fleet, *_) = judge_fleet(overview, 99.5, '')
    values = dict(fleet.values)
    assert (values['worst node'], values['worst stage']) == ('eye', 'infer')
    assert values['worst stage share [%]'] == pytest.approx(75.0)


def test_budgets_are_those_that_nodes_tell() -> None:
    short = {'rss [MB]': 950.0, 'memory budget [MB]': 1000.0}
    overview = Clock().after(
        1,
        report(
            told('eye: latency', Level.WARN),
            told('eye: drops', Level.WARN),
            of_values('eye: resources', short, Level.WARN),
            of_values('ear: resources', {'rss [MB]': 9.0, 'throttled': 'heat'}, Level.WARN),
        ),
    )
    assert finding(overview, 'budgets') == (
        Level.WARN, 'exceeded: eye: latency, eye: drops, eye: memory'
    )  # fmt: skip


def test_the_same_keys_are_told_in_every_state() -> None:
    active = judge_fleet(Clock().after(1, full_node('eye')), 99.5, 'no space')
    idle = idle_looks('inactive', (1.0, 24.0))
    assert [look.finding.concern for look in idle] == list(CONCERNS)
    assert [[key for key, _ in look.values] for look in idle] == [
        [key for key, _ in look.values] for look in active
    ]
    assert {value for look in idle for _, value in look.values} == {None}
    assert Judge().steady(health_of(idle)).level == Level.OK


def test_what_would_make_a_node_better_is_told_once_it_lasts_and_is_no_fault() -> None:
    clock = Clock()
    for seen in range(5):
        overview = clock.after(1, report(unoptimized('eye')), report(unoptimized('ear')))
        assert finding(overview, 'advice')[0] is Level.OK
        assert [len(node.advice) for node in overview.nodes] == [seen >= 2] * 2
    assert 'execution.graph_optimization:=all' in finding(overview, 'advice')[1]
    assert not any(node.advice for node in clock.after(6).nodes), 'both are silent'
