"""Judges objects that were found in a picture, for every task that finds some."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ml_integration.core.datatypes import Reason
from ml_integration.ops.detections import Detections
from ml_integration.ops.judging import first_wrong, judge_classes


def judge_detections(
    result: Detections, labels: int, source_wh: tuple[int, int], limit: int
) -> tuple[Reason, ...]:
    """Finds what is wrong with numbers, boxes, classes and how many there are.

    Args:
        result: the objects.
        labels: number of the model's labels; 0 lets any class pass that is not negative.
        source_wh: size of the picture [px].
        limit: number of objects from which on the result is not valid.
    """
    xyxy, describe = result.xyxy, describing(result, labels, source_wh)
    finite = np.isfinite(xyxy).all(axis=1)
    edges = np.array(source_wh, np.float32)
    outside = np.any((xyxy[:, :2] < 0) | (xyxy[:, 2:] > edges), axis=1)
    empty = np.any(xyxy[:, 2:] <= xyxy[:, :2], axis=1)
    reasons = (
        *first_wrong('not_finite', ~(finite & np.isfinite(result.scores)), describe),
        *judge_classes(result.scores, result.class_ids, labels, describe),
        *first_wrong('box_outside', finite & outside, describe),
        *first_wrong('box_without_area', finite & empty, describe),
    )
    if result.found >= limit:
        text = f'{result.found} detections, which should be fewer than {limit}'
        reasons += (Reason('too_many', text),)
    return reasons


def describing(
    result: Detections, labels: int, source_wh: tuple[int, int]
) -> Callable[[int], str]:
    """Returns a function that gives a sentence about the object of an index."""
    width, height = source_wh

    def describe(index: int) -> str:
        corners = ', '.join(f'{corner:.1f}' for corner in result.xyxy[index])
        return (
            f'detection {index} has class {result.class_ids[index]} of {labels}, '
            f'score {result.scores[index]:.6g} and box [{corners}] in {width} x {height} px'
        )

    return describe
