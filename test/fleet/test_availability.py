"""Seconds that count as available, and that they outlive whoever counted them."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml_integration.core.findings import Level
from ml_integration.fleet.availability import (
    MOST_STEPS,
    STEP_S,
    Ledger,
    Outcome,
    Seconds,
    outcome,
    together,
)
from ml_integration.fleet.kept_availability import from_bytes, read, to_bytes, write
from ml_integration.fleet.status import Status

NOW_S = 1_800_000_000.0


def model(state: str, loading: str = '', level: Level = Level.OK) -> Status:
    return Status('eye: model', level, values={'state': state, 'loading': loading})


@pytest.mark.parametrize(
    ('statuses', 'silent', 'expected'),
    [
        ([model('active')], False, Outcome.AVAILABLE),
        ([model('active', level=Level.WARN)], False, Outcome.AVAILABLE),
        ([model('active'), Status('eye: errors', Level.ERROR)], False, Outcome.UNAVAILABLE),
        ([model('active')], True, Outcome.UNAVAILABLE),
        ([model('inactive')], False, Outcome.INTENDED),
        ([model('unconfigured')], False, Outcome.INTENDED),
        ([model('unconfigured', 'coco for 3 s')], False, Outcome.UNAVAILABLE),
        ([model('unconfigured', level=Level.ERROR)], False, Outcome.UNAVAILABLE),
        ([Status('lidar driver', Level.OK)], False, Outcome.AVAILABLE),
        ([Status('lidar driver', Level.WARN, stale=True)], False, Outcome.UNAVAILABLE),
    ],
)
def test_what_a_second_counts_as(statuses: list[Status], silent: bool, expected: Outcome) -> None:
    assert outcome(statuses, silent) is expected


def test_all_together_are_available_while_none_is_missing() -> None:
    up, down, off, unknown = Outcome
    assert together([up, off, unknown]) is up
    assert together([up, down, off]) is down
    assert together([off, unknown]) is off
    assert together([]) is unknown


def test_a_window_moves_on_and_what_is_unknown_is_in_no_share() -> None:
    ledger = Ledger()
    ledger.book(Outcome.UNAVAILABLE, 60.0, NOW_S - 7200)
    ledger.book(Outcome.AVAILABLE, 180.0, NOW_S)
    ledger.book(Outcome.INTENDED, 1000.0, NOW_S)
    ledger.book(Outcome.UNKNOWN, 1000.0, NOW_S)
    assert ledger.within(1, NOW_S) == Seconds(180.0, 0.0, 1000.0)
    assert ledger.within(24, NOW_S).ratio == pytest.approx(0.75)
    assert ledger.within(24, NOW_S + 200_000).ratio is None


def test_no_more_than_a_week_is_kept() -> None:
    ledger = Ledger()
    for number in range(MOST_STEPS + 500):
        ledger.book(Outcome.AVAILABLE, 1.0, NOW_S + number * STEP_S)
    assert len(ledger.steps) == MOST_STEPS
    assert ledger.within(168, NOW_S + (MOST_STEPS + 499) * STEP_S).available == MOST_STEPS - 1


def test_what_was_written_is_read(tmp_path: Path) -> None:
    file = tmp_path / 'fleet/monitor.json'
    ledger = Ledger({3_000_000: Seconds(590.0, 10.0, 0.0)})
    write(file, to_bytes({'': ledger, 'robot/eye': ledger}))
    kept, problem = read(file, 10)
    assert not problem
    assert {name: dict(one.steps) for name, one in kept.items()} == {
        name: dict(ledger.steps) for name in ('', 'robot/eye')
    }


def test_there_is_nothing_at_first(tmp_path: Path) -> None:
    assert read(tmp_path / 'none.json', 10) == ({}, '')


@pytest.mark.parametrize(
    'content',
    [
        b'',
        b'[1]',
        b'{"schema": 2, "step_s": 600, "nodes": {}}',
        b'{"schema": 1, "step_s": 600, "nodes": {"eye": {"x": [1, 2, 3]}}}',
        b'{"schema": 1, "step_s": 600, "nodes": {"eye": {"1": [NaN, 2, 3]}}}',
        b'{"schema": 1, "step_s": 600, "nodes": {"eye": {"1": [1, 2]}}}',
        b'[' * 100_000,
    ],
)
def test_a_file_that_makes_no_sense_is_set_aside_and_told(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / 'monitor.json'
    file.write_bytes(content)
    kept, problem = read(file, 10)
    assert not kept
    assert 'availability begins anew' in problem
    assert (tmp_path / 'monitor.json.corrupt').read_bytes() == content


def test_no_more_nodes_are_read_than_are_followed() -> None:
    content = to_bytes({f'node_{number}': Ledger() for number in range(50)})
    assert len(from_bytes(content, 10)) == 10
