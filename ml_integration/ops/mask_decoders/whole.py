"""Masks that cover the whole picture: RF-DETR and DETR, or pasted as torchvision exports them."""

from __future__ import annotations

import numpy as np

from ml_integration.core.datatypes import Array, Tensors, TensorSpec
from ml_integration.ops.decoders import Candidates, rows_of
from ml_integration.ops.mask_decoders import MaskGrids, check_masks, whole_input


class Whole:
    """Reads a grid on the whole input per row of the boxes, [1, N, h, w], [N, 1, h, w], [N, h, w].

    Those of DETR and RF-DETR are logits on a smaller grid; those that torchvision, Detectron2 or
    MMDeploy have pasted are shares on the size of the input (mask_activation: none).
    """

    logits = True

    def __init__(self, output: TensorSpec, model: str) -> None:
        check_masks(output, model, (3, 4), 'masks [1, N, h, w], [N, 1, h, w] or [N, h, w]')
        self._name = output.name
        self.batched = len(output.shape) == 4 and output.shape[0] in (1, None)

    def __call__(
        self, tensors: Tensors, objects: Candidates, input_wh: tuple[int, int]
    ) -> MaskGrids:
        """Finds the grids of the objects without copying them."""
        grids = tensors[self._name]
        height, width = grids.shape[-2:]
        grids = grids.reshape(-1, height, width)
        numbers = rows_of(objects, len(grids), 'masks').tolist()

        def cut(index: int, rows: slice, columns: slice) -> Array:
            part: Array = grids[numbers[index], rows, columns]
            return part.astype(np.float32, copy=False)

        return MaskGrids(whole_input(len(numbers), input_wh), (width, height), cut)
