"""Recorded messages are served one after another, and each outcome is that of its message."""

from __future__ import annotations

from typing import Any

import pytest
from number_pipelines import number_input, number_pipeline

from ml_integration.core.cpus import keep_thread_on, process_cpus
from ml_integration.core.inputs import KeepRule
from ml_integration.serving.playback import Playback, Ticks

MS = 1_000_000


class Number(int):
    """A number that was recorded; the sensor of these pipelines takes numbers."""

    stamp_ns = recorded_ns = 0
    name = ''


def number(value: int, stamp_ms: float = 0.0) -> Any:
    made = Number(value)
    made.stamp_ns = made.recorded_ns = int(stamp_ms * MS)
    made.name = f'{value} at {stamp_ms:g}'
    return made


@pytest.fixture
def log() -> list[str]:
    return []


def told(playback: Playback, topic: str, message: Any) -> list[tuple[str, Any]]:
    """Names of the messages that started runs, with their results or errors."""
    return [
        (one.recorded.name, one.prediction.result if one.prediction else one.error)
        for one in playback.play(topic, message)
    ]


def test_each_message_is_run_before_the_next_one_comes(log: list[str]) -> None:
    playback = Playback(number_pipeline(), log.append)
    for stamp in range(20):
        assert told(playback, 'x', number(10, stamp)) == [(f'10 at {stamp}', 10)]
    total = playback.stats().total
    assert (total.received, total.published, total.displaced) == (20, 20, 0)


@pytest.mark.parametrize(
    ('bad', 'reason'),
    [
        (1, 'cannot be read'),  # in the sensor
        (2, 'a mistake in an encoder'),  # not even an error of ours
        (3, 'out of memory'),  # in the engine
        (4, 'cannot be decoded'),  # after the run
    ],
)
def test_a_message_that_fails_is_told_and_costs_only_itself(
    bad: int, reason: str, log: list[str]
) -> None:
    playback = Playback(number_pipeline(), log.append)
    assert told(playback, 'x', number(10, 1)) == [('10 at 1', 10)]
    ((name, error),) = told(playback, 'x', number(bad, 2))
    assert name == f'{bad} at 2' and reason in error
    assert told(playback, 'x', number(10, 3)) == [('10 at 3', 10)]
    assert playback.stats().total.failed == 1


def test_a_result_that_a_node_would_hold_back_is_marked(log: list[str]) -> None:
    playback = Playback(number_pipeline(), log.append)
    (outcome,) = playback.play('x', number(5))
    assert outcome.prediction is not None and not outcome.prediction.verdict.ok
    assert playback.stats().total.invalid == 1


def test_a_run_waits_for_the_companion_that_comes_later(log: list[str]) -> None:
    companion = number_input('c', KeepRule.NEAREST, 10)
    playback = Playback(number_pipeline(1, companion), log.append)
    assert told(playback, 'x', number(10, 100)) == []
    assert told(playback, 'c', number(7, 104)) == [('10 at 100', 10)]
    assert told(playback, 'c', number(7, 120)) == []


def test_another_recording_begins_anew_and_without_complaint(log: list[str]) -> None:
    held = number_input('c', KeepRule.LATEST, 1000)
    playback = Playback(number_pipeline(1, held), log.append)
    playback.play('c', number(7, 5000))
    assert told(playback, 'x', number(10, 5001)) == [('10 at 5001', 10)]
    playback.begin()
    assert told(playback, 'x', number(10, 1)) == []  # what was held is forgotten
    playback.play('c', number(7, 2))
    assert told(playback, 'x', number(10, 3)) == [('10 at 3', 10)]
    assert log == []


def test_ticks_come_at_their_rate_in_the_time_of_the_recording() -> None:
    ticks = Ticks(100.0)
    start = 5_000 * MS
    assert list(ticks.until(start)) == []
    assert list(ticks.until(start + 9 * MS)) == []
    assert [one.stamp_ns - start for one in ticks.until(start + 25 * MS)] == [10 * MS, 20 * MS]
    assert [one.stamp_ns - start for one in ticks.until(start + 30 * MS)] == [30 * MS]
    assert list(Ticks(0.0).until(start)) == []


def test_who_plays_keeps_all_its_cpus(log: list[str]) -> None:
    pipeline = number_pipeline()
    cpus = process_cpus()
    pipeline.session.cpus = frozenset(sorted(cpus)[:1])
    try:
        assert told(Playback(pipeline, log.append), 'x', number(10)) == [('10 at 0', 10)]
        assert process_cpus() == cpus
    finally:
        keep_thread_on(cpus)
