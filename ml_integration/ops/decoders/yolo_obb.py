"""Rotated boxes of Ultralytics, for object_detection: center, size, class scores, an angle."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ml_integration.core.datatypes import Array, ModelDescription, Tensors
from ml_integration.ops.boxes import xyxy_from_cxcywh
from ml_integration.ops.decoders import Candidates, DecoderOptions
from ml_integration.ops.decoding import (
    check_output,
    class_count,
    class_ids_from,
    floats,
    grid_of,
    in_pixels,
    promising,
    the_output,
)
from ml_integration.ops.evidence import (
    COUNTS,
    SHAPES,
    Evidence,
    Fit,
    are_fractions,
    are_scores,
    are_whole,
)
from ml_integration.ops.output_shapes import column_options, tables_of

_ROW = 7
_LOW, _HIGH = -np.pi / 2 - 0.01, np.pi + 0.01
"""Angles that exporters give [rad]: -pi/4 to 3pi/4 before, 0 to pi/2 after they are ordered."""


class YoloObb:
    """Reads [1, 4 + classes + 1, N]: cx, cy, w, h, an activated score per class, an angle [rad].

    Where the model drops overlapping boxes itself, rows [1, N, 7] hold cx, cy, w, h, score, class
    number and angle.
    """

    batched = True
    rotated = True

    def __init__(
        self, model: ModelDescription, input_wh: tuple[int, int], options: DecoderOptions
    ) -> None:
        output = the_output(model)
        sizes = output.shape[1:] if len(output.shape) == 3 else (None, None)
        classes = class_count(model, sizes[0], others=5)
        self.overlapping = sizes[1] != _ROW or sizes[0] == 5 + classes == _ROW
        axes = (1, 5 + classes, None) if self.overlapping else (1, None, _ROW)
        reads = '[1, 4 + classes + 1, N], or rows of box, score, class and angle'
        check_output(model, output, axes, reads)
        self._name = output.name
        self._input_wh = input_wh
        self._options = options

    def __call__(self, tensors: Tensors, threshold: float) -> Candidates:
        """Takes the best class score per column, or the rows as they are."""
        table = floats(tensors[self._name])
        if not self.overlapping:
            keep = promising(table[:, 4], threshold)
            rows = table[keep]
            numbers = class_ids_from(rows[:, 5], self._options.class_offset)
            found = Candidates(rows[:, :4], rows[:, 4], numbers, keep, None, rows[:, 6])
            return self._in_pixels(found)
        scores = table[4:-1].max(axis=0)
        keep = promising(scores, threshold)
        kept = table[:, keep]
        numbers = class_ids_from(kept[4:-1].argmax(axis=0), 0)
        return self._in_pixels(Candidates(kept[:4].T, scores[keep], numbers, keep, None, kept[-1]))

    def _in_pixels(self, found: Candidates) -> Candidates:
        """Returns objects whose boxes are given by center and size."""
        pixels = in_pixels(found.xyxy, self._input_wh, self._options.normalized)
        return found._replace(xyxy=xyxy_from_cxcywh(pixels))

    @staticmethod
    def fits(evidence: Evidence) -> Sequence[Fit]:
        """Finds columns whose last number is an angle, or rows that end with one."""
        return [*_columns(evidence), *_rows(evidence)]


def _columns(evidence: Evidence) -> list[Fit]:
    found = []
    for output, rows, columns in tables_of(evidence, upright=False):
        each, _ = grid_of(columns, evidence.input_wh)
        classes = rows - 5
        if classes < 1 or evidence.labels not in (0, classes) or each != 1:
            continue
        tables = evidence.tables(output)
        values = np.concatenate([table.T for table in tables]) if tables else None
        # Without labels, only an angle that is no score tells it from the scores of a class.
        if values is None and not evidence.labels:
            continue
        if values is not None and not (are_scores(values[:, 4:-1]) and _are_angles(values[:, -1])):
            continue
        fractions = values is not None and are_fractions(values[:, :4])
        score = SHAPES + COUNTS + COUNTS * bool(evidence.labels)
        why = f'columns of {rows} = 4 box numbers, {classes} classes and an angle'
        found.append(Fit(score, why, column_options(0, fractions), (output.name,)))
    return found


def _rows(evidence: Evidence) -> list[Fit]:
    found = []
    for output, rows, columns in tables_of(evidence):
        if columns != _ROW or not (rows is None or rows <= 1000):
            continue
        values = evidence.values(output)
        if values is not None and not (
            are_scores(values[:, 4]) and are_whole(values[:, 5]) and _are_angles(values[:, 6])
        ):
            continue
        fractions = values is not None and are_fractions(values[:, :4])
        score = SHAPES + COUNTS * (rows == 300)
        why = 'few rows of 7 numbers = box, score, class and angle'
        found.append(Fit(score, why, column_options(0, fractions), (output.name,)))
    return found


def _are_angles(values: Array) -> bool:
    """Tells whether numbers are angles [rad] and no scores or whole numbers."""
    finite = values[np.isfinite(values)]
    inside = bool(((finite > _LOW) & (finite < _HIGH)).all())
    return inside and not are_scores(finite) and not are_whole(finite)
