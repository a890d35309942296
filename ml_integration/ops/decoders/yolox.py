"""YOLOX: rows relative to the cells of three grids."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ml_integration.core.datatypes import Array, ModelDescription, Tensors, TensorSpec
from ml_integration.ops.boxes import xyxy_from_cxcywh
from ml_integration.ops.decoders import Candidates, DecoderOptions
from ml_integration.ops.decoding import (
    cell_count,
    check_output,
    class_count,
    class_ids_from,
    floats,
    promising,
    the_output,
)


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
        rows, cells = rows[keep], likely[keep]
        strides = self._strides[cells]
        sizes = np.exp(rows[:, 2:4]) * strides
        centers = (rows[:, :2] + self._cells[cells]) * strides
        boxes = np.concatenate((centers, sizes), axis=1)
        class_ids = class_ids_from(rows[:, 5:].argmax(axis=1), 0)
        return Candidates(xyxy_from_cxcywh(boxes), scores[keep], class_ids)

    @staticmethod
    def recognize(input_wh: tuple[int, int] | None, outputs: Sequence[TensorSpec]) -> str:
        """Recognizes exactly one row per grid cell."""
        if len(outputs) != 1 or len(outputs[0].shape) != 3 or input_wh is None:
            return ''
        rows, columns = outputs[0].shape[1:]
        if columns is None or columns < 6 or rows != cell_count(input_wh, (8, 16, 32)):
            return ''
        return (
            f'{rows} rows = one per cell of the strides 8, 16 and 32, {columns - 5} classes '
            '(where boxes already are in pixels, as from YOLOv6, it is yolo)'
        )


def _grids(input_wh: tuple[int, int], strides: Sequence[int]) -> tuple[Array, Array]:
    """Returns cell indices (N, 2) as x, y and strides (N, 1) of all rows, float32."""
    cells, sizes = [], []
    for stride in strides:
        y, x = np.mgrid[: input_wh[1] // stride, : input_wh[0] // stride]
        cells.append(np.stack((x.ravel(), y.ravel()), axis=1))
        sizes.append(np.full((x.size, 1), stride))
    return np.concatenate(cells).astype(np.float32), np.concatenate(sizes).astype(np.float32)
