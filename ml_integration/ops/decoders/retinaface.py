"""RetinaFace in PyTorch: boxes and points counted from prior boxes, with variances."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ml_integration.core.datatypes import Array, ModelDescription, Tensors, TensorSpec
from ml_integration.ops.boxes import xyxy_from_cxcywh
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
from ml_integration.ops.evidence import COUNTS, SHAPES, Evidence, Fit, are_scores
from ml_integration.ops.poses import FACE

Layout = tuple[tuple[int, ...], tuple[tuple[int, ...], ...]]
"""Cell sizes of the grids, and the sides of the square priors of a cell of each [px]."""

_LAYOUTS: tuple[Layout, ...] = (
    ((8, 16, 32), ((16, 32), (64, 128), (256, 512))),  # RetinaFace
    ((8, 16, 32, 64), ((10, 16, 24), (32, 48), (64, 96), (128, 192, 256))),  # slim and RFB
)
_PLACE, _SIZE = 0.1, 0.2
"""Variances."""
_ENCODE = {
    'color': 'bgr', 'resize': 'letterbox', 'scale': 1.0, 'mean': (104.0, 117.0, 123.0),
    'std': (1.0, 1.0, 1.0), 'pad_value': 0.0,
}  # fmt: skip


class Retinaface:
    """Reads boxes [1, N, 4], points [1, N, 10], and scores [1, N, 2] of 'no face' and 'face'.

    center = that of the prior + 0.1 * xy * its side, size = its side * exp(0.2 * wh); points as
    centers (Deng et al. 2019, RetinaFace, as its best known port to PyTorch decodes it; SSD's
    own way).
    """

    overlapping = True

    def __init__(
        self, model: ModelDescription, input_wh: tuple[int, int], options: DecoderOptions
    ) -> None:
        heads = _heads(model.outputs)
        rows = {rows_of([spec]) for spec in heads}
        layout = _layout(next(iter(rows), None), input_wh)
        if len(heads) != 3 or len(rows) != 1 or len(model.labels) > 1 or layout is None:
            counts = ' or '.join(str(_rows(input_wh, one)) for one in _LAYOUTS)
            size = f'{input_wh[0]} x {input_wh[1]} px'
            reads = f'[1, N, 2], [1, N, 4] and [1, N, 10] of one class; N for {size}: {counts}'
            raise no_such_heads(model, reads)
        self._centers, self._sides = _priors(input_wh, layout)
        self._input_wh = input_wh
        self._scores, self._boxes, self._points = (spec.name for spec in heads)
        self._logits = options.activation != 'none'
        self.batched = are_batched(heads)

    def __call__(self, tensors: Tensors, threshold: float) -> Candidates:
        """Places the likely rows on their priors."""
        both = joined(tensors, [self._scores])
        check_rows(len(both), len(self._centers), self._input_wh)
        scores = sigmoid(both[:, 1] - both[:, 0]) if self._logits else both[:, 1]
        rows = promising(scores, threshold)
        centers, sides = self._centers[rows], self._sides[rows]
        numbers = gathered(tensors, [self._boxes], rows)
        boxes = np.concatenate(
            (
                centers + numbers[:, :2] * (_PLACE * sides),
                np.exp(numbers[:, 2:] * _SIZE) * sides,
            ),
            axis=1,
        )
        points = gathered(tensors, [self._points], rows)
        points = moved_points(points, centers, _PLACE * sides)
        class_ids = np.zeros(len(rows), np.int32)
        xyxy = xyxy_from_cxcywh(boxes)
        return Candidates(xyxy, scores[rows], class_ids, rows, points=points)

    @staticmethod
    def fits(evidence: Evidence) -> Sequence[Fit]:
        """Finds as many rows as RetinaFace has priors, with scores, boxes and points."""
        heads = _heads(evidence.outputs)
        if len(heads) != 3 or len(evidence.outputs) != 3 or evidence.labels > 1:
            return []
        every = {known_rows(evidence, [spec]) for spec in heads}
        rows, wh = every.pop(), evidence.input_wh
        if every or rows is None or wh is None or _layout(rows, wh) is None:
            return []
        values = evidence.values(heads[0])
        logits = values is not None and not are_scores(values)
        return [
            Fit(
                SHAPES + 2 * COUNTS,
                f"{rows} rows = one per prior: RetinaFace's boxes and {len(FACE)} points",
                {'activation': 'softmax'} if logits else {},
                tuple(spec.name for spec in heads),
                _ENCODE,
                labels=('face',),
                points=FACE,
                raw=True,
            )
        ]


def _heads(outputs: Sequence[TensorSpec]) -> tuple[TensorSpec, ...]:
    """Returns the outputs with scores, boxes and points, as many as there are."""
    return tuple(spec for width in (2, 4, 2 * len(FACE)) for spec in heads_of(outputs, width))


def _each(layout: Layout) -> tuple[int, ...]:
    return tuple(len(sides) for sides in layout[1])


def _rows(input_wh: tuple[int, int], layout: Layout) -> int:
    return cell_rows(input_wh, layout[0], _each(layout))


def _layout(rows: int | None, input_wh: tuple[int, int]) -> Layout | None:
    """Returns the priors that are so many."""
    return next((one for one in _LAYOUTS if rows in (None, _rows(input_wh, one))), None)


def _priors(input_wh: tuple[int, int], layout: Layout) -> tuple[Array, Array]:
    """Returns centers (N, 2) [px] and sides (N, 1) [px] of the priors."""
    corners, sizes = cell_corners(input_wh, layout[0], _each(layout))
    sides = [
        np.tile(sides, cell_rows(input_wh, (stride,), (1,)))
        for stride, sides in zip(*layout, strict=True)
    ]
    return corners + sizes / 2, np.concatenate(sides).astype(np.float32)[:, None]
