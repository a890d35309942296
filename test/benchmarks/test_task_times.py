"""Every task is measured, with outputs that it reads and finds valid."""

from __future__ import annotations

import pytest

from benchmarks.side_by_side.report import Report
from benchmarks.side_by_side.tables import document
from benchmarks.side_by_side.task_samples import SAMPLES
from benchmarks.side_by_side.task_times import PARTS, calls_of, compare_tasks
from ml_integration.core import plugins


def test_every_task_has_a_sample() -> None:
    assert sorted(SAMPLES) == sorted(plugins.names('tasks'))


@pytest.mark.parametrize('name', SAMPLES)
def test_a_sample_is_valid_and_its_messages_can_be_read(name: str) -> None:
    postprocess, validate, encode, round_trip = calls_of(name, SAMPLES[name])
    result = postprocess()
    assert validate().ok
    assert not hasattr(result, 'scores') or len(result.scores) > 0
    assert len(encode()) == len(round_trip()) > 0


def test_times_are_a_table_of_their_own() -> None:
    series = compare_tasks(repeats=1, rounds=1)
    assert len(series) == len(SAMPLES) * len(PARTS)
    lines = document(Report('machine', 'now', series=tuple(series))).splitlines()
    head = lines.index('## Tasks')
    (row,) = (line for line in lines[head:] if line.startswith('| depth_estimation |'))
    assert row.count('|') == len(PARTS) + 3
