"""How much numbers that follow one another depend on each other, and series that do likewise."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]
Draw = tuple[Numbers, Numbers]
"""References (B, R, S) that were drawn, and streams (N, R, S) to compare with each."""
MOST_PERSISTENT = 0.995
"""Largest correlation of neighbors that is simulated."""
ERRORS = 2.0
"""Standard errors by which the persistence may be larger than it seems."""
FEWEST_DEGREES = 4.5
"""Degrees of freedom of the heaviest tails that are simulated."""
WINDOW = 5
"""Correlations are summed up over so many of their own times (Sokal, 1997)."""


def autocorrelation(values: Numbers) -> Numbers:
    """Returns the correlations (N, S) of series (N, S) with themselves, by lag; 0 of constants."""
    count = len(values)
    spectrum = np.fft.rfft(values - values.mean(axis=0), 2 * count, axis=0)
    covariance = np.fft.irfft(np.abs(spectrum) ** 2, axis=0)[:count]
    usual = np.maximum(np.abs(values).max(axis=0), 1e-12) ** 2 * count
    known = covariance[0] > 1e-12 * usual
    found: Numbers = np.where(known, covariance / np.where(known, covariance[0], 1.0), 0.0)
    return found


def correlated_time(values: Numbers) -> Numbers:
    """Returns how many neighbors say as much as one independent number, (S,), 1 or more."""
    times = 1 + 2 * np.cumsum(autocorrelation(values)[1:], axis=0)
    lags = np.arange(1, len(values))
    return np.array([_windowed(column, lags) for column in times.T])


def _windowed(times: Numbers, lags: npt.NDArray[np.int_]) -> float:
    enough = np.flatnonzero(lags >= WINDOW * times)
    at = int(enough[0]) if len(enough) else len(times) // 3
    return max(1.0, float(times[at]))


def persistence(values: Numbers) -> Numbers:
    """Returns the correlation of neighbors (S,) of a process of first order as persistent.

    It is taken from the neighbors or from all correlations, whichever is larger, without the bias
    of a short series (Kendall, 1954), and some standard errors higher.
    """
    count, times = len(values), correlated_time(values)
    found = np.maximum(autocorrelation(values)[1], (times - 1) / (times + 1))
    found = np.clip(found + (1 + 3 * found) / count, 0.0, 0.999)
    found = found + ERRORS * np.sqrt((1 - found**2) / count)
    limited: Numbers = np.minimum(found, MOST_PERSISTENT)
    return limited


def heaviness(values: Numbers) -> Numbers:
    """Returns the degrees of freedom (S,) of a t distribution with the tails of what is new.

    New is what a number (N, S) has that does not follow from its neighbor; the excess of its
    kurtosis tells the tails. Infinite where they are no heavier than those of a normal one.
    """
    centered = values - values.mean(axis=0)
    new = centered[1:] - autocorrelation(values)[1] * centered[:-1]
    variance = np.maximum((new**2).mean(axis=0), 1e-100)
    excess = (new**4).mean(axis=0) / variance**2 - 3 - math.sqrt(24 / len(values))
    heavy = 4 + 6 / np.maximum(excess, 1e-9)
    found: Numbers = np.where(excess > 0, np.maximum(heavy, FEWEST_DEGREES), np.inf)
    return found


def simulated(
    persistent: Numbers,
    degrees: Numbers,
    sizes: tuple[int, int, int],
    rng: np.random.Generator,
) -> Draw:
    """Draws from processes of first order with the variance 1.

    Args:
        persistent: (S,) correlation of neighbors.
        degrees: (S,) degrees of freedom of the t distribution of what is new, above 2; infinite:
            a normal one.
        sizes: length of references and of streams, and how many of each.
        rng: what is random.
    """
    first, second, draws = sizes
    shape = (draws, len(persistent))
    fresh = np.sqrt(1 - persistent**2)
    series = rng.standard_normal((first + second, *shape))
    for at in np.flatnonzero(np.isfinite(degrees)).tolist():
        spread = rng.chisquare(degrees[at], series.shape[:2])
        series[..., at] *= np.sqrt((degrees[at] - 2) / spread)
    series[1:] *= fresh
    for at in range(1, len(series)):
        series[at] += persistent * series[at - 1]
    return series[:first], series[first:]


def block_length(values: Numbers) -> Numbers:
    """Returns the mean length (S,) of the stretches to resample series (N, S) by.

    It is that of the stationary bootstrap of Politis and White, 2004, as corrected in 2009.
    """
    count = len(values)
    correlations = autocorrelation(values)
    most = min(3 * math.sqrt(count), count / 3)
    found = [_politis_white(column, count) for column in correlations.T]
    lengths: Numbers = np.clip(found, 1.0, max(1.0, most))
    return lengths


def _politis_white(correlations: Numbers, count: int) -> float:
    few = max(5, math.isqrt(int(math.log10(count))))
    most = min(math.isqrt(count) + 1 + few, count - 1)
    small = np.abs(correlations) < 2 * math.sqrt(math.log10(count) / count)
    last = next((lag for lag in range(1, most) if small[lag : lag + few].all()), most)
    width = min(2 * last, most)
    lags = np.arange(1, width + 1)
    weighted = np.minimum(1.0, 2 * (1 - lags / width)) * correlations[1 : width + 1]
    spectrum, slope = 1 + 2 * weighted.sum(), 2 * (lags * weighted).sum()
    if spectrum <= 0:
        return 1.0
    return math.pow((float(slope) / float(spectrum)) ** 2 * count, 1 / 3)


def stationary_indices(
    count: int, length: int, mean_length: float, draws: int, rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Draws series of neighbors that jump now and then (Politis and Romano, 1994).

    Args:
        count: how many there are to draw from, in a circle.
        length: of a series.
        mean_length: mean length of a stretch between two jumps.
        draws: number of series.
        rng: what is random.

    Returns:
        (length, draws), 0 to count - 1.
    """
    jumps = rng.random((length, draws)) < 1 / mean_length
    jumps[0] = True
    starts = rng.integers(0, count, (length, draws))
    steps = np.arange(length)[:, None]
    begun = np.maximum.accumulate(np.where(jumps, steps, 0), axis=0)
    return (np.take_along_axis(starts, begun, axis=0) + steps - begun) % count
