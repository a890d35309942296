"""SCRFD of InsightFace: distances from the corners of cells to the sides of a face."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ml_integration.core.datatypes import ModelDescription, Tensors, TensorSpec
from ml_integration.ops.cell_heads import (
    are_batched,
    cell_corners,
    cell_rows,
    check_rows,
    gathered,
    heads_of,
    joined,
    known_rows,
    moved_points,
    no_such_heads,
    rows_of,
)
from ml_integration.ops.decoders import Candidates, DecoderOptions
from ml_integration.ops.decoding import promising, sigmoid
from ml_integration.ops.evidence import COUNTS, NAMES, SHAPES, Evidence, Fit, are_scores
from ml_integration.ops.poses import FACE

_EACH = {3: 2, 5: 1}
"""Rows for each cell, by the number of grids, in all models of InsightFace."""
_ENCODE = {
    'color': 'rgb', 'resize': 'letterbox_topleft', 'scale': 1.0, 'mean': (127.5,) * 3,
    'std': (128.0,) * 3, 'pad_value': 0.0,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Heads:
    """Outputs of the grids, finest first; no points if the model gives none."""

    scores: tuple[TensorSpec, ...]
    boxes: tuple[TensorSpec, ...]
    points: tuple[TensorSpec, ...]

    @property
    def every(self) -> tuple[TensorSpec, ...]:
        """All of them."""
        return self.scores + self.boxes + self.points

    @property
    def fit(self) -> bool:
        """Whether each grid has all that it needs."""
        count = len(self.boxes)
        return count > 0 and len(self.scores) == count and len(self.points) in (0, count)


class Scrfd:
    """Reads for each grid scores [N, 1], distances [N, 4] and points [N, 10], with 1 as a batch.

    Left, top, right, bottom and the points count from the upper left corner of a cell, in sizes
    of it; finer grids come first, with two rows for each cell (Guo et al. 2021, Sample and
    Computation Redistribution for Efficient Face Detection, as InsightFace decodes it).
    """

    overlapping = True

    def __init__(
        self, model: ModelDescription, input_wh: tuple[int, int], options: DecoderOptions
    ) -> None:
        heads = _heads(model.outputs)
        strides = _strides(len(heads.boxes), options)
        each = options.anchors or (_EACH.get(len(strides), 1),) * len(strides)
        fits = heads.fit and len(each) == len(strides) and len(model.labels) <= 1
        expected = cell_rows(input_wh, strides, each) if fits else 0
        parts = (part for part in (heads.scores, heads.boxes, heads.points) if part)
        if not fits or any(rows_of(part) not in (None, expected) for part in parts):
            raise no_such_heads(model, _reads(input_wh, strides, each))
        self._corners, self._sizes = cell_corners(input_wh, strides, each)
        self._input_wh = input_wh
        self._scores = [spec.name for spec in heads.scores]
        self._boxes = [spec.name for spec in heads.boxes]
        self._points = [spec.name for spec in heads.points]
        self._logits = options.activation == 'sigmoid'
        self.batched = are_batched(heads.every)

    def __call__(self, tensors: Tensors, threshold: float) -> Candidates:
        """Places the likely rows on their cells."""
        scores = joined(tensors, self._scores)[:, 0]
        check_rows(len(scores), len(self._corners), self._input_wh)
        scores = sigmoid(scores) if self._logits else scores
        rows = promising(scores, threshold)
        corners, sizes = self._corners[rows], self._sizes[rows]
        far = gathered(tensors, self._boxes, rows) * sizes
        boxes = np.concatenate((corners - far[:, :2], corners + far[:, 2:]), axis=1)
        points = None
        if self._points:
            points = moved_points(gathered(tensors, self._points, rows), corners, sizes)
        class_ids = np.zeros(len(rows), np.int32)
        return Candidates(boxes, scores[rows], class_ids, rows, points=points)

    @staticmethod
    def fits(evidence: Evidence) -> Sequence[Fit]:
        """Finds the outputs of three or five grids, with InsightFace's number of rows."""
        heads = _heads(evidence.outputs)
        if evidence.labels > 1 or len(heads.every) != len(evidence.outputs):
            return []
        grids, each = len(heads.boxes), _EACH.get(len(heads.boxes), 0)
        rows = known_rows(evidence, heads.boxes)
        # One row for each cell and no points may as well be another model of one class.
        if each == 0 or (each == 1 and not heads.points) or not _are_of(evidence, heads, rows):
            return []
        told = any(word in spec.name.lower() for spec in heads.boxes for word in ('bbox', 'box'))
        values = [evidence.values(spec) for spec in heads.scores]
        logits = any(one is not None and not are_scores(one) for one in values)
        points = f' and {len(FACE)} points' if heads.points else ''
        return [
            Fit(
                SHAPES + 2 * COUNTS + NAMES * told,
                f"{rows} rows = {each} per cell of {grids} grids: SCRFD's boxes{points}",
                {'activation': 'sigmoid'} if logits else {},
                tuple(spec.name for spec in heads.every),
                _ENCODE,
                labels=('face',),
                points=FACE if heads.points else (),
                raw=True,
            )
        ]


def _heads(outputs: Sequence[TensorSpec]) -> _Heads:
    return _Heads(*(heads_of(outputs, width) for width in (1, 4, 2 * len(FACE))))


def _are_of(evidence: Evidence, heads: _Heads, rows: int | None) -> bool:
    """Tells whether outputs have the rows of InsightFace's grids on such a picture."""
    strides = _strides(len(heads.boxes), DecoderOptions())
    each = (_EACH[len(strides)],) * len(strides)
    wh = evidence.input_wh
    return heads.fit and wh is not None and rows == cell_rows(wh, strides, each)


def _strides(grids: int, options: DecoderOptions) -> tuple[int, ...]:
    """Returns the options' cell sizes, or those that double from 8 px on for other numbers."""
    if len(options.strides) == grids:
        return options.strides
    return tuple(8 * 2**grid for grid in range(grids))


def _reads(input_wh: tuple[int, int], strides: Sequence[int], each: Sequence[int]) -> str:
    grids = ', '.join(map(str, strides)) or '8, 16, 32'
    counts = ', '.join(map(str, each)) or '2'
    return (
        f'[N, 1], [N, 4] and [N, 10] or none for each grid of the strides {grids}, '
        f'with {counts} rows for each cell of {input_wh[0]} x {input_wh[1]} px, of one class'
    )
