"""Judges boxes of objects in a picture, turned or not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ml_integration.core.datatypes import Array, Reason
from ml_integration.ops.detections import Detections
from ml_integration.ops.judging import first_wrong, judge_classes
from ml_integration.ops.on_picture import meets
from ml_integration.ops.rotated_boxes import envelopes


def judge_boxes(found: Detections, size_wh: tuple[int, int], labels: int) -> tuple[Reason, ...]:
    """Checks numbers, classes and boxes.

    A turned box may reach over the edge of the picture, by up to the picture's size: clipped, it
    would be no rectangle any more.

    Args:
        found: the objects.
        size_wh: of the picture [px].
        labels: number of the model's labels.
    """
    xyxy, angles, describe = found.xyxy, found.angles, describing(found, size_wh, labels)
    finite = np.isfinite(xyxy).all(axis=1)
    empty = np.any(xyxy[:, 2:] <= xyxy[:, :2], axis=1)
    if angles is None:
        outside = _reaches_over(xyxy, size_wh, 0)
    else:
        finite &= np.isfinite(angles)
        with np.errstate(invalid='ignore'):
            around = envelopes(xyxy, angles)
        outside = _reaches_over(around, size_wh, 1) | ~meets(around, size_wh)

    return (
        *first_wrong('not_finite', ~(finite & np.isfinite(found.scores)), describe),
        *judge_classes(found.scores, found.class_ids, labels, describe),
        *first_wrong('box_outside', finite & outside, describe),
        *first_wrong('box_without_area', finite & empty, describe),
    )


def judge_count(found: Detections, limit: int) -> tuple[Reason, ...]:
    """Checks that there are fewer objects than `limit`."""
    if found.found < limit:
        return ()
    text = f'{found.found} detections, which should be fewer than {limit}'
    return (Reason('too_many', text),)


def describing(found: Detections, size_wh: tuple[int, int], labels: int) -> Callable[[int], str]:
    """Returns a function that gives a sentence about the object of an index."""

    def describe(index: int) -> str:
        corners = ', '.join(f'{corner:.1f}' for corner in found.xyxy[index])
        angles = found.angles
        turned = '' if angles is None else f' turned by {angles[index]:.3g} rad'
        return (
            f'detection {index} has class {found.class_ids[index]} of {labels}, '
            f'score {found.scores[index]:.6g} and box [{corners}]{turned} '
            'in {} x {} px'.format(*size_wh)
        )

    return describe


def _reaches_over(xyxy: Array, size_wh: tuple[int, int], times: int) -> Array:
    """Tells which boxes (N, 4) reach over an edge by more than `times` the picture's size."""
    size = np.array(size_wh, np.float32)
    over: Array = np.any(
        (xyxy[:, :2] < -times * size) | (xyxy[:, 2:] > (1 + times) * size), axis=1
    )
    return over
