"""Masks that are stretched over the boxes of their objects: Mask R-CNN."""

from __future__ import annotations

import numpy as np

from ml_integration.core.datatypes import Array, Tensors, TensorSpec
from ml_integration.ops.decoders import Candidates, rows_of
from ml_integration.ops.mask_decoders import MaskGrids, check_masks


class InBoxes:
    """Reads a small grid per box, [N, 1, h, w], [1, N, h, w] or [N, h, w], of shares 0 to 1.

    Outside of the box there is nothing, so that a ring of zeros around the grid belongs to it.

    Source: He et al. 2017, Mask R-CNN; the ring is that of its reference code.
    """

    logits = False

    def __init__(self, output: TensorSpec, model: str) -> None:
        check_masks(output, model, (3, 4), 'masks [N, 1, h, w], [1, N, h, w] or [N, h, w]')
        self._name = output.name
        self.batched = len(output.shape) == 4 and output.shape[0] in (1, None)

    def __call__(
        self, tensors: Tensors, objects: Candidates, input_wh: tuple[int, int]
    ) -> MaskGrids:
        """Puts the ring around the grids of the objects."""
        grids = tensors[self._name]
        grids = grids.reshape(-1, *grids.shape[-2:])
        grids = grids[rows_of(objects, len(grids), 'masks')].astype(np.float32, copy=False)
        count, height, width = grids.shape
        ringed = np.zeros((count, height + 2, width + 2), np.float32)
        ringed[:, 1:-1, 1:-1] = grids
        boxes = objects.xyxy.astype(np.float64)
        cell = (boxes[:, 2:] - boxes[:, :2]) / (width, height)
        areas = np.concatenate((boxes[:, :2] - cell, boxes[:, 2:] + cell), axis=1)

        def cut(index: int, rows: slice, columns: slice) -> Array:
            part: Array = ringed[index, rows, columns]
            return part

        return MaskGrids(areas, (width + 2, height + 2), cut)
