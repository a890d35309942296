"""Finds out how far the signals of a stable stream stray from a reference that is made of it.

What limits a false alarm a day is never in a recording of minutes, and blocks depend on each
other: a limit has to be carried beyond what was seen, and has to know how little was seen.
Therefore both the reference and the stream that is compared with it are drawn anew many times, in
two ways, and the larger limit counts.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ml_integration.core.drift_reference import Limits, Numbers
from ml_integration.ops.dependence import (
    Draw,
    block_length,
    heaviness,
    persistence,
    simulated,
    stationary_indices,
)

IN_A_ROW = 5
"""Blocks in a row that make a finding."""
STRETCH = 100
"""Blocks of a stretch, of which only the largest distance counts: alarms come in clusters."""
SHARE = 0.1
"""Share of the stretches whose largest distances are the tail."""
DRAWS, LENGTH = 100, 2000
"""References that are drawn, and blocks of the stream that is compared with each."""
LEAST_OF_SHARE, LEAST_OF_MEAN = 0.05, 0.01
"""Smallest scale of a signal from 0 to 1, and of any other as a share of its mean: a signal that
never moved in the reference may move by `LEAST` of that."""
LEAST = 2.0
HEAVIEST = 0.4
"""Largest shape of a tail."""


def calibrate(blocks: npt.NDArray[np.float32], in_a_row: int = IN_A_ROW, seed: int = 0) -> Limits:
    """Finds the limits of a reference.

    Args:
        blocks: (B, S), B > `in_a_row`; NaN where nothing is known.
        in_a_row: blocks in a row that make a finding.
        seed: of the draws; the same blocks give the same limits.
    """
    values = blocks.astype(np.float64)
    center, share = np.nanmean(values, axis=0), _are_shares(values)
    least = np.maximum(np.where(share, LEAST_OF_SHARE, LEAST_OF_MEAN * np.abs(center)), 1e-6)
    values = np.where(np.isnan(values), center, values)
    deviation = values.std(axis=0)
    scale = np.maximum(deviation, least)
    rng = np.random.default_rng(seed)
    sizes = (len(values), LENGTH, DRAWS)
    seen = _tail(_drawn_blocks(values, rng), least, in_a_row)
    persistent = persistence(values)
    # What moves all over its range cannot be farther away now and then.
    degrees = np.where(share & (deviation >= LEAST_OF_SHARE), np.inf, heaviness(values))
    draw = simulated(persistent, degrees, sizes, rng)
    normal = _tail(draw, np.zeros_like(least), in_a_row)
    smaller = deviation / scale
    return Limits(
        center,
        scale,
        np.array([seen[0], normal[0] * smaller, LEAST * least / scale]),
        np.array([seen[1], normal[1] * smaller, np.zeros_like(least)]),
        # Far out, such a process has the tail of what is new in it.
        np.array([seen[2], np.maximum(normal[2], 1 / degrees), np.zeros_like(least)]),
        SHARE / STRETCH,
        in_a_row,
        len(values) * float(((1 - persistent) / (1 + persistent)).min()),
    )


def run_distances(distances: Numbers, in_a_row: int) -> Numbers:
    """Returns the distance of the nearest of some blocks in a row on one side of the center.

    Args:
        distances: (N, ...) signed, in scales.
        in_a_row: number of blocks.

    Returns:
        (N - in_a_row + 1, ...); negative where they are not all on one side.
    """
    low, high = distances[in_a_row - 1 :].copy(), distances[in_a_row - 1 :].copy()
    for back in range(1, in_a_row):
        before = distances[in_a_row - 1 - back : len(distances) - back]
        np.minimum(low, before, out=low)
        np.maximum(high, before, out=high)
    return np.maximum(low, -high)


def alarms(blocks: Numbers, limits: Limits, per_day: float) -> npt.NDArray[np.bool_]:
    """Tells of each block (B, S) whether the watch would say that signals have moved.

    Returns:
        (B, S) bool.
    """
    distances = np.nan_to_num((blocks - limits.center) / limits.scale)
    found = np.zeros(distances.shape, bool)
    if len(blocks) >= limits.in_a_row:
        runs = run_distances(distances, limits.in_a_row)
        found[limits.in_a_row - 1 :] = runs > limits.allowed(per_day)
    return found


def count_alarms(found: npt.NDArray[np.bool_]) -> int:
    """Counts how often alarms (B, S) begin, those of all signals together."""
    any_of: npt.NDArray[np.bool_] = np.logical_or.reduce(found, axis=1)
    return int(any_of[:1].sum() + np.count_nonzero(any_of[1:] & ~any_of[:-1]))


def _are_shares(values: Numbers) -> npt.NDArray[np.bool_]:
    """Tells which signals (S,) are from 0 to 1 in all blocks."""
    known = np.where(np.isnan(values), 0.0, values)
    found: npt.NDArray[np.bool_] = (known.min(axis=0) >= 0) & (known.max(axis=0) <= 1)
    return found


def _drawn_blocks(values: Numbers, rng: np.random.Generator) -> Draw:
    """Draws references and streams of a recording's own blocks, stretch by stretch."""
    count, mean_length = len(values), float(block_length(values).max())
    first = stationary_indices(count, count, mean_length, DRAWS, rng)
    second = stationary_indices(count, LENGTH, mean_length, DRAWS, rng)
    return values[first], values[second]


def _tail(drawn: Draw, least: Numbers, in_a_row: int) -> tuple[Numbers, Numbers, Numbers]:
    """Returns level, step and shape (S,) of the distances of streams from references."""
    reference, stream = drawn
    scale = np.maximum(reference.std(axis=0), least)
    runs = run_distances((stream - reference.mean(axis=0)) / scale, in_a_row)
    whole = len(runs) // STRETCH
    stretches = runs[: whole * STRETCH].reshape(whole, STRETCH, *runs.shape[1:])
    largest = stretches.max(axis=1).reshape(-1, runs.shape[-1])
    level = np.quantile(largest, 1 - SHARE, axis=0)
    return level, *_pareto(largest - level)


def _pareto(beyond: Numbers) -> tuple[Numbers, Numbers]:
    """Fits step and shape (S,) to distances (N, S) beyond a level, the others below 0.

    Probability-weighted moments of Hosking and Wallis, 1987; a shape counts as far as it is more
    than its standard error.
    """
    steps, shapes = [], []
    for column in beyond.T:
        excess = np.sort(column[column > 0])
        count = len(excess)
        if count < 2:
            steps.append(0.0)
            shapes.append(0.0)
            continue
        mean = float(excess.mean())
        weighted = float((excess * np.arange(count - 1, -1, -1)).sum()) / (count * (count - 1))
        spread = mean - 2 * weighted
        shape = 2 - mean / spread if spread > 0 else 0.0  # no tail where all are alike
        shapes.append(min(max(shape - 1 / count**0.5, 0.0), HEAVIEST))
        steps.append(mean * (1 - shapes[-1]))
    return np.array(steps), np.array(shapes)
