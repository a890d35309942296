"""Tells from rows of boxes and scores in one output how `boxes_and_scores` would read them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ml_integration.core.datatypes import Array, TensorSpec
from ml_integration.ops.evidence import (
    COUNTS,
    NAMES,
    SHAPES,
    Evidence,
    Fit,
    are_fractions,
    are_scores,
    are_whole,
)
from ml_integration.ops.joined_columns import Columns
from ml_integration.ops.output_shapes import tables_of

_PADDLE = ('multiclass_nms', 'fetch_name', 'save_infer_model', 'tmp_0')
_ORDERS = {
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
        elif len(output.shape) == 3:
            yield from _queries(evidence, output, rows, columns)
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


def _fits(values: Array, at: Columns) -> bool:
    whole = at.number is None or are_whole(values[:, at.number])
    return whole and are_scores(values[:, at.score])


def _four_axes(evidence: Evidence) -> Iterator[Fit]:
    """Yields the reading of [1, 1, N, 7] rows, which SSD of Caffe and OpenVINO have."""
    if len(evidence.outputs) == 1 and evidence.outputs[0].shape[:2] == (1, 1):
        (output,) = evidence.outputs
        if len(output.shape) == 4 and output.shape[3] == 7:
            options = {'columns': _ORDERS[7][0], 'normalized': True}
            yield Fit(SHAPES + COUNTS, 'rows as OpenVINO gives them', options, (output.name,))


def _queries(
    evidence: Evidence, output: TensorSpec, rows: int | None, columns: int
) -> Iterator[Fit]:
    """Yields the reading of an RT-DETR that Ultralytics exported."""
    fits = evidence.labels in (0, columns - 4)
    if rows is None or not (4 < columns < rows <= 1000) or columns < 8 or not fits:
        return
    values = evidence.values(output)
    if values is not None and not (are_fractions(values[:, :4]) and are_scores(values[:, 4:])):
        return
    options = {'columns': ('box', 'scores'), 'box_format': 'cxcywh', 'normalized': True}
    score = SHAPES + COUNTS * bool(evidence.labels)
    why = f'{rows} queries of 4 box numbers and {columns - 4} classes'
    yield Fit(score, why, options, (output.name,))


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
