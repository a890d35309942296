"""Limits of a reference: what a stable stream keeps to, and what the watch makes of them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from ml_integration.core.blocks import Block, BlockRule
from ml_integration.core.drift import StreamDrift
from ml_integration.core.drift_reference import Reference
from ml_integration.ops.dependence import block_length, correlated_time, stationary_indices
from ml_integration.ops.drift_calibration import alarms, calibrate, count_alarms

Numbers = npt.NDArray[np.float64]
HOUR = 3600


def process(persistent: float, count: int, seed: int, signals: int = 4) -> Numbers:
    """A stable stream: neighbors are correlated, and nothing ever changes."""
    fresh = np.random.default_rng(seed).standard_normal((count, signals))
    fresh[1:] *= np.sqrt(1 - persistent**2)
    for at in range(1, count):
        fresh[at] += persistent * fresh[at - 1]
    return fresh


@pytest.mark.parametrize('persistent', [0.5, 0.9])
def test_a_stable_stream_gives_no_alarm_and_one_that_moves_does(persistent: float) -> None:
    values = process(persistent, 600 + 4 * HOUR, 3)
    known, stream = values[:600], values[600:]
    limits = calibrate(known.astype(np.float32))
    assert count_alarms(alarms(stream, limits, 1.0)) == 0
    stream[HOUR:, 2] += 8.0
    found = alarms(stream, limits, 1.0)
    first = int(np.flatnonzero(found.any(axis=1))[0])
    assert HOUR + limits.in_a_row - 1 <= first < HOUR + 30
    assert found[first].tolist() == [False, False, True, False]


def test_what_depends_on_itself_gets_wider_limits_and_says_less() -> None:
    loose, tight = (calibrate(process(one, 600, 1).astype(np.float32)) for one in (0.9, 0.0))
    assert (loose.allowed(1.0) > 1.5 * tight.allowed(1.0)).all()
    assert loose.independent < 150 < tight.independent


def test_the_same_blocks_give_the_same_limits() -> None:
    known = process(0.8, 300, 2).astype(np.float32)
    first, second = calibrate(known), calibrate(known)
    assert (first.allowed(1.0) == second.allowed(1.0)).all()


def test_what_never_moved_may_move_a_little() -> None:
    known = np.column_stack((np.full(300, 0.25), np.full(300, 200.0), np.full(300, np.nan)))
    known[:200, 2] = 0.5  # the rest was not told
    limits = calibrate(known.astype(np.float32))
    allowed = limits.allowed(1.0) * limits.scale
    assert allowed == pytest.approx([0.1, 4.0, 0.1])


def test_the_watch_and_the_table_agree() -> None:
    values = process(0.9, 900, 5)
    values[700:, 1] -= 9.0
    values[750:760] = np.nan
    limits = calibrate(values[:600].astype(np.float32))
    names = tuple('abcd')
    known = Reference(
        'm@1', '', names, values[:600].astype(np.float32), BlockRule(), limits, '', ''
    )
    stream, told = StreamDrift(known), []
    for at, row in enumerate(values[600:]):
        stream._compare(Block(dict(zip(names, row, strict=True)), 0, 1), at, 1.0)
        told.append(sorted(stream.drifted()))
    expected = [np.flatnonzero(row).tolist() for row in alarms(values[600:], limits, 1.0)]
    assert told == expected
    assert [] in told and [1] in told


def test_dependence_is_measured() -> None:
    values = np.column_stack([process(one, 4000, 7, 1)[:, 0] for one in (0.0, 0.8)])
    independent, dependent = correlated_time(values)
    assert independent < 2 and 5 < dependent < 14  # in truth 1 and 9
    short, long = block_length(values)
    assert short < 10 < long


def test_resampled_series_keep_neighbors_together() -> None:
    drawn = stationary_indices(100, 5000, 20.0, 4, np.random.default_rng(0))
    together = (np.diff(drawn, axis=0) % 100 == 1).mean()
    assert drawn.min() == 0 and drawn.max() == 99
    assert 0.93 < together < 0.97
