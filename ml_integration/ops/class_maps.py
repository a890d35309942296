"""Class numbers of each pixel: found in a model's outputs, and colored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ml_integration.core.datatypes import Array
from ml_integration.ops.dense_maps import to_source
from ml_integration.ops.drawing import class_color
from ml_integration.ops.letterbox import Letterbox
from ml_integration.ops.smooth_classes import Scratch, smooth_best, take_higher

_COLORS = 256


@dataclass(frozen=True, slots=True)
class ClassMap:
    """Class of each pixel of a picture.

    Attributes:
        classes: (H, W) uint8 or uint16, index into the model's labels.
        finite_share: share of the model's numbers that are finite.
        unknown: the smallest or largest number that is no class, where there is one.
        alpha: (H, W) float32, the probability of class 1 from 0 to 1; None if it is not asked for.
        improbable: the number furthest from 0 to 1 that should be a probability; None if all are.
    """

    classes: Array
    finite_share: float = 1.0
    unknown: float | None = None
    alpha: Array | None = None
    improbable: float | None = None

    def __post_init__(self) -> None:
        if self.classes.dtype.name not in ('uint8', 'uint16') or self.classes.ndim != 2:
            got = f'{self.classes.dtype}{self.classes.shape}'
            raise ValueError(f'classes is {got}, not uint8 or uint16 (H, W)')


def best_class(
    scores: Array,
    class_axis: int,
    geometry: Letterbox,
    smooth: bool,
    outside: int,
    scratch: Scratch,
) -> Array:
    """Returns the class with the highest score for each pixel of the picture.

    Args:
        scores: (C, h, w) or (h, w, C) float32 at the model's resolution.
        class_axis: 0 or 2, which of them counts classes.
        geometry: how the picture lies in the model's input.
        smooth: bring the scores to the picture's size, and not the classes: edges are as exact as
            the scores tell, and each class that is best somewhere or nearly so takes its time.
        outside: class of the pixels that the model does not see.
        scratch: buffers to work in.

    Returns:
        (H, W) uint8, or uint16 for more than 256 classes.
    """
    dtype = np.uint8 if scores.shape[class_axis] <= _COLORS else np.uint16
    if not smooth or _pixel_for_pixel(scores, class_axis, geometry):
        last = class_axis == 2
        classes = scores.argmax(axis=2).astype(dtype) if last else _first_best(scores, dtype)
        return to_source(classes, geometry, 'nearest', outside)
    return smooth_best(np.moveaxis(scores, class_axis, 0), geometry, dtype, outside, scratch)


def _pixel_for_pixel(scores: Array, class_axis: int, geometry: Letterbox) -> bool:
    """Tells whether there are scores for each pixel of the picture: nothing lies between."""
    height, width = (size for axis, size in enumerate(scores.shape) if axis != class_axis)
    return (width, height) == geometry.target_wh and geometry.scale_xy == (1, 1)


def _first_best(scores: Array, dtype: type) -> Array:
    """Returns the index of the highest of scores (C, h, w), the first of equal ones.

    Maps are compared one after another: an argmax over the first axis takes several times longer.
    """
    best = scores[0].copy()
    found: Array = np.zeros(scores.shape[1:], dtype)
    room = np.empty(best.size, np.uint8)
    for number in range(1, len(scores)):
        take_higher(best, found, scores[number], number, room)
    return found


def improbable(numbers: Array, tolerance: float) -> float | None:
    """Returns the number furthest from 0 to 1; None if all that are finite are probabilities.

    Args:
        numbers: of any shape.
        tolerance: a number may pass 0 or 1 by this much.
    """
    low, high = float(np.nanmin(numbers, initial=0)), float(np.nanmax(numbers, initial=1))
    furthest = low if -low > high - 1 else high
    return furthest if max(-low, high - 1) > tolerance and np.isfinite(furthest) else None


def finite_share(numbers: Array) -> float:
    """Returns which share of numbers is finite.

    A sum is finite only if all numbers are, and takes a fraction of the time of looking at each.
    """
    with np.errstate(over='ignore', invalid='ignore'):
        if np.isfinite(numbers.sum()):
            return 1.0
    return float(np.isfinite(numbers).mean())


def counts_of(classes: Array, most: int) -> Array:
    """Returns the number of pixels of each class (most,); those from `most` on are left out."""
    return np.bincount(classes.ravel(), minlength=most)[:most]


def color_table() -> Array:
    """Returns a BGR color for each class (256, 1, 3) uint8."""
    table = np.array([class_color(number) for number in range(_COLORS)], np.uint8)
    return table.reshape(_COLORS, 1, 3)


def blend(canvas: Array, classes: Array, table: Array, share: float, clear: int | None) -> None:
    """Tints a picture (H, W, 3) uint8 by class (H, W), in place; class `clear` stays as it is."""
    small = classes.astype(np.uint8, copy=False)  # further classes take the colors of others
    colors = cv2.applyColorMap(small, table)
    mixed = cv2.addWeighted(canvas, 1 - share, colors, share, 0)
    if clear is None:
        canvas[...] = mixed
    else:
        cv2.copyTo(mixed, (classes != clear).view(np.uint8), canvas)


def blend_softly(canvas: Array, alpha: Array, color: Sequence[int], share: float) -> None:
    """Tints a picture (H, W, 3) uint8 in place, by `share` where alpha (H, W) float32 is 1."""
    colors = np.empty_like(canvas)
    colors[...] = color
    weights = alpha * np.float32(share)
    canvas[...] = cv2.blendLinear(canvas, colors, 1 - weights, weights)
