"""Tells from rows of boxes and scores in one output how `boxes_and_scores` would read them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ml_integration.core.datatypes import Array, TensorSpec
from ml_integration.ops.decoding import grid_of
from ml_integration.ops.evidence import (
    COUNTS,
    NAMES,
    SHAPES,
    Evidence,
    Fit,
    are_fractions,
    are_scores,
    are_whole,
    has_objectness,
)
from ml_integration.ops.joined_columns import Columns
from ml_integration.ops.output_shapes import first_class, tables_of

_FLAT = 'flat_predictions'
"""Part of the name that YOLO-NAS gives to rows of 7."""
_PADDLE = ('multiclass_nms', 'fetch_name', 'save_infer_model', 'tmp_0')
_ORDERS = {
    5: (('box', 'score'),),
    6: (('class', 'score', 'box'),),  # Paddle
    7: (
        ('batch', 'class', 'score', 'box'),  # Caffe's and OpenVINO's DetectionOutput
        ('batch', 'box', 'score', 'class'),  # YOLO-NAS
    ),
}


def joined_fits(evidence: Evidence) -> Iterator[Fit]:
    """Yields the ways to read rows of boxes and scores; none if there are no such rows."""
    for output, rows, columns in tables_of(evidence, flat=True):
        if columns in _ORDERS and (rows is None or rows <= 1000):
            yield from _numbered(evidence, output, columns)
        if len(output.shape) == 3:
            yield from _queries(evidence, output, rows, columns)
            yield from _cells(evidence, output, rows, columns)
    yield from _four_axes(evidence)
    yield from _labels_apart(evidence)


def _numbered(evidence: Evidence, output: TensorSpec, columns: int) -> Iterator[Fit]:
    """Yields orders in which class and score are where whole numbers and scores are."""
    values = evidence.values(output)
    named = any(word in output.name.lower() for word in _PADDLE)
    if values is None and not named:
        return
    for order in _ORDERS[columns]:
        at = Columns(order)
        if values is not None and not _fits(values, at):
            continue
        options: dict[str, Any] = {'columns': order}
        if values is not None and are_fractions(values[:, at.box]):
            options['normalized'] = True
        why = f'few rows of {", ".join(order)}'
        yield Fit(SHAPES + COUNTS * named, why, options, (output.name,))
        if order == _ORDERS[7][1] and _FLAT not in output.name:  # EfficientDet begins with the top
            first = {} if (_seen(values, at.score, 6) < 0.5).any() else {'class_offset': 1}
            turned = {**options, 'box_format': 'yxyx', **first}
            yield Fit(SHAPES, f'{why}, the box from its top', turned, (output.name,))


def _fits(values: Array, at: Columns) -> bool:
    whole = at.number is None or are_whole(values[:, at.number])
    batch = values[:, 0] if 'batch' in at.order else np.zeros(0)
    boxes = values[:, at.box]
    corners = bool((boxes[:, 2:] >= boxes[:, :2] - 1e-3).all())
    return whole and corners and are_scores(values[:, at.score]) and not (batch > 0).any()


def _four_axes(evidence: Evidence) -> Iterator[Fit]:
    """Yields the reading of [1, 1, N, 7] rows, which SSD of Caffe and OpenVINO have."""
    if len(evidence.outputs) == 1 and evidence.outputs[0].shape[:2] == (1, 1):
        (output,) = evidence.outputs
        if len(output.shape) == 4 and output.shape[3] == 7:
            options = {'columns': _ORDERS[7][0], 'normalized': True}
            values = evidence.values(output)
            for first in first_class(_seen(values, 2, 1), evidence, True):
                why = f'rows as OpenVINO gives them, first class {first.get("class_offset", 0)}'
                yield Fit(SHAPES + COUNTS, why, {**options, **first}, (output.name,))


def _seen(values: Array | None, score: int, number: int) -> Array:
    """Returns the class numbers (N,) of rows that are no noise."""
    if values is None:
        return np.zeros(0)
    numbers: Array = values[values[:, score] > 0.05, number]
    return numbers


def _queries(
    evidence: Evidence, output: TensorSpec, rows: int | None, columns: int
) -> Iterator[Fit]:
    """Yields the reading of an RT-DETR that Ultralytics exported."""
    fits = evidence.labels in (0, columns - 4)
    if rows is None or not (4 < columns < rows <= 1000) or not fits:
        return
    values = evidence.values(output)
    if values is not None and not (are_fractions(values[:, :4]) and are_scores(values[:, 4:])):
        return
    if columns < 8 and (values is None or are_whole(values[:, -1])):  # a class number
        return
    options = {'columns': ('box', 'scores'), 'box_format': 'cxcywh', 'normalized': True}
    score = SHAPES + COUNTS * bool(evidence.labels)
    why = f'{rows} queries of 4 box numbers and {columns - 4} classes'
    yield Fit(score, why, options, (output.name,))


def _cells(
    evidence: Evidence, output: TensorSpec, rows: int | None, columns: int
) -> Iterator[Fit]:
    """Yields the reading of a row per cell without objectness: a YOLOv8 turned upright."""
    each, _ = grid_of(rows, evidence.input_wh)
    if each != 1 or columns < 5 or evidence.labels not in (0, columns - 4):
        return
    values = evidence.values(output)
    if values is not None and not are_scores(values[:, 4:]):
        return
    if values is not None and columns > 5 and not evidence.labels and has_objectness(values):
        return
    options: dict[str, Any] = {'columns': ('box', 'scores'), 'box_format': 'cxcywh', 'nms': True}
    if values is not None and are_fractions(values[:, :4]):
        options['normalized'] = True
    why = f'rows of 4 box numbers and {columns - 4} classes, one per cell'
    points = SHAPES + COUNTS + COUNTS * bool(evidence.labels)
    yield Fit(points, why, options, (output.name,))


def _labels_apart(evidence: Evidence) -> Iterator[Fit]:
    """Yields the reading of rows of box and score beside class numbers, as MMDeploy gives them."""
    tables = [s for s in evidence.outputs if len(s.shape) in (2, 3) and s.shape[-1] == 5]
    for table in tables[:1]:
        axes = len(table.shape) - 1
        lists = [s for s in evidence.outputs if len(s.shape) == axes]
        numbers = [s for s in lists if np.dtype(s.dtype).kind in 'iu' and s is not table]
        values = evidence.values(table)
        if len(numbers) == 1 and (values is None or are_scores(values[:, 4])):
            named = (table.name, numbers[0].name) == ('dets', 'labels')
            options: dict[str, Any] = {'columns': ('box', 'score')}
            if not named:
                options |= {'boxes_output': table.name, 'classes_output': numbers[0].name}
            why = 'rows of box and score beside class numbers'
            outputs = (table.name, numbers[0].name)
            yield Fit(SHAPES + COUNTS + NAMES * named, why, options, outputs)
