"""YOLOX: rows relative to the cells of three grids."""

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
    promising,
    the_output,
)
from ml_integration.ops.evidence import (
    COUNTS,
    SHAPES,
    Evidence,
    Fit,
    are_relative,
    are_scores,
)
from ml_integration.ops.output_shapes import columns_beside, tables_of

_ENCODE = {'color': 'bgr', 'scale': 1.0, 'resize': 'letterbox_topleft'}
"""What the original code trains with: pixels of OpenCV as they are, at the top left."""


class Yolox:
    """Reads [1, N, 5 + classes]: one row per cell, the grids of all strides one after another.

    center = (xy + cell) * stride, size = exp(wh) * stride; objectness and class scores are
    activated. This is what the original export gives without --decode_in_inference.
    """

    overlapping = True
    batched = True

    def __init__(
        self, model: ModelDescription, input_wh: tuple[int, int], options: DecoderOptions
    ) -> None:
        output = the_output(model)
        classes = class_count(model, output.shape[-1] if output.shape else None, others=5)
        self._cells, self._strides = _grids(input_wh, options.strides)
        reads = f'[1, cells of the strides {", ".join(map(str, options.strides))}, 5 + classes]'
        check_output(model, output, (1, len(self._cells), 5 + classes), reads)
        self._name = output.name

    def __call__(self, tensors: Tensors, threshold: float) -> Candidates:
        """Places the likely rows on their grid cells."""
        rows = floats(tensors[self._name])
        likely = promising(rows[:, 4], threshold)
        rows = rows[likely]
        scores = rows[:, 4] * rows[:, 5:].max(axis=1)
        keep = promising(scores, threshold)
        rows, likely = rows[keep], likely[keep]
        strides = self._strides[likely]
        sizes = np.exp(rows[:, 2:4]) * strides
        centers = (rows[:, :2] + self._cells[likely]) * strides
        boxes = np.concatenate((centers, sizes), axis=1)
        class_ids = class_ids_from(rows[:, 5:].argmax(axis=1), 0)
        return Candidates(xyxy_from_cxcywh(boxes), scores[keep], class_ids, likely)

    @staticmethod
    def fits(evidence: Evidence) -> Sequence[Fit]:
        """Finds exactly one row per grid cell, with numbers that are relative to it."""
        found = []
        for output, rows, columns in tables_of(evidence):
            each, strides = grid_of(rows, evidence.input_wh)
            if each != 1 or columns < 6 or columns_beside(evidence, columns, 5) != 0:
                continue
            values = evidence.values(output)
            relative = values is None or are_relative(values[:, :2])
            if relative and (values is None or are_scores(values[:, 4:])):
                words = ', '.join(map(str, strides))
                why = f'{rows} rows = one per cell of the strides {words}, {columns - 5} classes'
                score = SHAPES + COUNTS + COUNTS * bool(evidence.labels)
                options = {} if strides == (8, 16, 32) else {'strides': strides}
                found.append(Fit(score, why, options, (output.name,), _ENCODE))
        return found


def _grids(input_wh: tuple[int, int], strides: Sequence[int]) -> tuple[Array, Array]:
    """Returns cell indices (N, 2) as x, y and strides (N, 1) of all rows, float32."""
    cells, sizes = [], []
    for stride in strides:
        y, x = np.mgrid[: input_wh[1] // stride, : input_wh[0] // stride]
        cells.append(np.stack((x.ravel(), y.ravel()), axis=1))
        sizes.append(np.full((x.size, 1), stride))
    return np.concatenate(cells).astype(np.float32), np.concatenate(sizes).astype(np.float32)
