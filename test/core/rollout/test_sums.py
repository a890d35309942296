"""Sums lose nothing but what the width of a bucket takes."""

from __future__ import annotations

import numpy as np
import pytest

from ml_integration.core.rollout.sums import (
    BUCKETS,
    CANDIDATE,
    COUNTS,
    GROWTH,
    STABLE,
    WIDTH,
    Batches,
    bucket,
    latencies,
    quantile_ms,
)


@pytest.mark.parametrize('scale', [0.02, 1.0, 30.0, 1000.0])
def test_quantiles_are_right_within_a_bucket(scale: float) -> None:
    values = scale * np.exp(0.5 * np.random.default_rng(1).standard_normal(4000))
    counts = np.bincount([bucket(one) for one in values], minlength=BUCKETS)[None].astype(float)
    for share in (0.5, 0.99):
        true = float(np.quantile(values, share))
        found = float(quantile_ms(counts, share)[0])
        assert 1 / GROWTH < found / max(true, 0.05) < GROWTH or true < 0.05


def test_no_latency_is_out_of_range() -> None:
    assert bucket(0.0) == 0
    assert bucket(1e9) == bucket(float('inf')) == BUCKETS - 1
    assert np.isnan(quantile_ms(np.zeros((1, BUCKETS)), 0.5)[0])


def test_columns_do_not_overlap() -> None:
    row = np.arange(WIDTH, dtype=np.float64)
    assert latencies(row, STABLE)[0] == COUNTS
    assert latencies(row, STABLE)[-1] + 1 == latencies(row, CANDIDATE)[0]
    assert latencies(row, CANDIDATE)[-1] == WIDTH - 1


@pytest.mark.parametrize('seconds', [1, 63, 64, 65, 1000, 4001])
def test_batches_stay_few_and_forget_nothing(seconds: int) -> None:
    batches, row = Batches(), np.ones(WIDTH)
    for _ in range(seconds):
        batches.add(row)
    assert batches.blocks == seconds
    assert batches.rows[:, 0].sum() == seconds
    assert len(batches.rows) <= Batches.MOST
    assert len(batches.rows) >= min(seconds, Batches.MOST // 2)
    assert len(set(batches.rows[:-1, 0])) <= 1  # all as long, but for the last one
