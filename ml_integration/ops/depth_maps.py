"""Depth of each pixel of a picture: the result of every task that estimates it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ml_integration.core.datatypes import Array

KINDS = ('metric', 'relative_depth', 'inverse_depth')
"""What the numbers of a map are: meters, or a measure that is known up to its scale: larger for
what is farther, or, known up to its scale and shift, larger for what is nearer."""
EVERY = 4
"""Distance of the pixels that a picture of a map is scaled by [px]."""


@dataclass(frozen=True, slots=True)
class DepthMap:
    """Depth along the optical axis for each pixel of a picture.

    Attributes:
        depth: (H, W) float32, of the picture's size; [m] if the map is metric. NaN where nothing
            is known: outside of what the model saw, and out of range.
        kind: one of `KINDS`.
        finite: share of the model's own numbers that are finite, 0 to 1.
        positive: share of the model's own numbers that are larger than 0, 0 to 1.
        spread: largest of the model's finite numbers less the smallest one.
    """

    depth: npt.NDArray[np.float32]
    kind: str = 'metric'
    finite: float = 1.0
    positive: float = 1.0
    spread: float = float('inf')

    def __post_init__(self) -> None:
        if self.depth.ndim != 2 or self.depth.dtype != np.float32 or self.kind not in KINDS:
            dtype, shape = self.depth.dtype, self.depth.shape
            raise ValueError(f'depth is {dtype}{shape} of kind {self.kind}, not float32 (H, W)')

    @property
    def metric(self) -> bool:
        """True if the numbers are meters."""
        return self.kind == 'metric'

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        """Pixels (H, W) with a number."""
        known: npt.NDArray[np.bool_] = np.isfinite(self.depth)
        return known


def limited(depth: Array, low: float, high: float) -> None:
    """Makes NaN of numbers (H, W) float32 that are no numbers from `low` to `high`, in place."""
    inside = cv2.inRange(depth, low, high)
    if cv2.countNonZero(inside) < depth.size:
        depth[inside == 0] = np.nan


def in_colors(found: DepthMap) -> tuple[Array, Array, tuple[float, float]]:
    """Makes a picture of a map, from red for what is near to blue for what is far.

    Colors are spread over the numbers between the 2nd and the 98th percentile, in steps that are
    even in the inverse of a depth as the eye judges distances, and even in an inverse depth.

    Returns:
        (H, W, 3) uint8 BGR, (H, W) uint8 that is not 0 where there is a number, and the numbers
        of the nearest and of the farthest color.
    """
    limit = float(np.finfo(np.float32).max)
    inverse = found.kind == 'inverse_depth'
    with np.errstate(divide='ignore', over='ignore'):
        near = found.depth.copy() if inverse else np.reciprocal(found.depth)
    known = cv2.inRange(near, -limit, limit)
    sample = near[::EVERY, ::EVERY][known[::EVERY, ::EVERY] > 0]
    if not sample.size:
        sample = near[known > 0]
    low, high = np.percentile(sample, (2, 98)).tolist() if sample.size else (0.0, 0.0)
    step = 255 / (high - low) if high > low else 0.0
    np.clip(near, low, high, out=near)
    levels = cv2.convertScaleAbs(near, alpha=step, beta=-low * step)
    colors = cv2.applyColorMap(levels, cv2.COLORMAP_TURBO)
    if inverse:
        return colors, known, (high, low)
    return colors, known, (1 / high if high else np.inf, 1 / low if low else np.inf)


def aligned(found: DepthMap, truth: Array) -> Array:
    """Brings a map to the scale of a true depth, which says everything about a relative one.

    A relative depth is multiplied so that both have the same median, as in Zhou et al., 2017
    (Unsupervised Learning of Depth and Ego-Motion from Video). An inverse depth gets the scale
    and the shift of least squares against the inverse of the truth, as in Ranftl et al., 2020
    (Towards Robust Monocular Depth Estimation), and is inverted then.

    Args:
        found: the map.
        truth: (H, W) float32 [m], positive; NaN where it is not known.

    Returns:
        (H, W) float32 [m]; NaN where it is not known, or nothing positive.
    """
    if found.metric:
        return found.depth
    both = found.known & np.isfinite(truth) & (truth > 0)
    if not both.any():
        return np.full_like(found.depth, np.nan)
    mine = found.depth[both].astype(np.float64)
    if found.kind == 'relative_depth':
        factor = float(np.median(truth[both].astype(np.float64))) / max(
            float(np.median(mine)), 1e-12
        )
        return (found.depth * factor).astype(np.float32)
    scale, shift = _line(mine, 1 / truth[both].astype(np.float64))
    inverse = found.depth * scale + shift
    with np.errstate(divide='ignore', invalid='ignore'):
        return np.where(inverse > 0, 1 / inverse, np.nan).astype(np.float32)


def normalized(found: DepthMap, pixels: Array) -> Array:
    """Returns the numbers of some pixels without their scale and, of an inverse depth, shift.

    A relative depth is divided by its median. An inverse depth has its median taken away and is
    divided by the mean distance from it (Ranftl et al., 2020, equations 5 and 6).

    Args:
        found: the map.
        pixels: (H, W) bool, at least one.

    Returns:
        (N,) float64.
    """
    numbers = found.depth[pixels].astype(np.float64)
    middle = float(np.median(numbers))
    if found.kind == 'inverse_depth':
        numbers -= middle
        middle = float(np.mean(np.abs(numbers)))
    result: Array = numbers / middle if middle else numbers
    return result


def _line(numbers: Array, wanted: Array) -> tuple[float, float]:
    """Returns the scale and the shift of numbers (N,) that come closest to others."""
    mean, target = float(numbers.mean()), float(wanted.mean())
    away = numbers - mean
    spread = float(away @ away)
    scale = float(away @ (wanted - target)) / spread if spread > 0 else 0.0
    return scale, target - scale * mean
