"""Masks that are mixed from a few common ones: YOLOv5, v8 and later with masks, YOLACT."""

from __future__ import annotations

import numpy as np

from ml_integration.core.datatypes import Array, Tensors, TensorSpec
from ml_integration.errors import FrameError
from ml_integration.ops.decoders import Candidates
from ml_integration.ops.mask_decoders import MaskGrids, check_masks, whole_input


class Prototypes:
    """Reads prototypes [1, M, h, w] or [M, h, w] on the whole input.

    The decoder of the boxes gives M coefficients per object (other_columns: M), and the sum of
    the prototypes times these is the object's mask as logits.

    Source: Bolya et al. 2019, YOLACT: Real-time Instance Segmentation.
    """

    logits = True

    def __init__(self, output: TensorSpec, model: str) -> None:
        check_masks(output, model, (3, 4), 'prototypes [1, M, h, w]')
        self._name = output.name
        self.batched = len(output.shape) == 4

    def __call__(
        self, tensors: Tensors, objects: Candidates, input_wh: tuple[int, int]
    ) -> MaskGrids:
        """Mixes masks only where they are asked for."""
        prototypes = tensors[self._name]
        count, height, width = prototypes.shape[-3:]
        prototypes = prototypes.reshape(count, height, width).astype(np.float32, copy=False)
        weights = objects.others
        if weights is None or weights.shape[1] != count:
            raise FrameError(
                'the boxes do not come with one number per prototype',
                got='none' if weights is None else f'{weights.shape[1]} numbers',
                expected=f'{count}',
                hint=f"Set 'decoder_options.other_columns: {count}'.",
            )

        def cut(index: int, rows: slice, columns: slice) -> Array:
            part = prototypes[:, rows, columns]
            shape = part.shape[1:]
            mixed: Array = weights[index] @ part.reshape(count, -1)
            return mixed.reshape(shape)

        return MaskGrids(whole_input(len(weights), input_wh), (width, height), cut)
