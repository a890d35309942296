"""What is measured of rows of numbers."""

from __future__ import annotations

from math import isnan

import numpy as np
import pytest

from ml_integration.ops.sample_measures import MOST_ROWS, SAMPLE_MEASURES, measure_samples


def test_a_window_tells_what_is_missing_and_what_stands_still() -> None:
    rows = np.random.default_rng(0).normal(5, 2, (40, 4))
    rows[:, 2] = 7.0
    rows[3, 0] = np.nan
    found = measure_samples(list(rows[:, None]))
    assert tuple(found) == SAMPLE_MEASURES
    assert found['nan_share'] == pytest.approx(1 / rows.size)
    assert found['stuck_channels'] == 1
    assert found['mean'] == pytest.approx(np.nanmean(rows))
    assert found['std'] == pytest.approx(np.nanstd(rows))


def test_one_row_tells_nothing_of_what_stands_still() -> None:
    found = measure_samples([np.array([[1.0, 2.0]])])
    assert isnan(found['stuck_channels']) and found['mean'] == 1.5
    nothing = measure_samples([np.array([[np.nan, np.inf]])])
    assert nothing['nan_share'] == 1.0 and isnan(nothing['mean'])
    assert all(map(isnan, measure_samples([np.zeros((0, 3))]).values()))


def test_of_a_long_window_the_newest_rows_count() -> None:
    rows = np.zeros((2 * MOST_ROWS, 1))
    rows[MOST_ROWS:] = 1.0
    assert measure_samples([rows])['mean'] == 1.0
    assert measure_samples(list(rows[:, None]))['mean'] == 1.0
