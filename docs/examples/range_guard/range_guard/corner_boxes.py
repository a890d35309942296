"""A decoder of detectors: left, top, width, height, score and class in one output."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ml_integration.core.datatypes import ModelDescription, Tensors
from ml_integration.errors import ModelMismatchError
from ml_integration.ops.decoders import Candidates, DecoderOptions
from ml_integration.ops.decoding import class_ids_from, promising


class CornerBoxes:
    """Reads one output [1, N, 6] in pixels of the model's input."""

    overlapping = True  # one object gives several boxes: the task drops them
    batched = True

    def __init__(
        self, model: ModelDescription, input_wh: tuple[int, int], options: DecoderOptions
    ) -> None:
        if len(model.outputs) != 1 or model.outputs[0].shape[2:] != (6,):
            got = '; '.join(map(str, model.outputs))
            raise ModelMismatchError(str(model.identity), 'no corner boxes', got, '[1, N, 6]')
        self._output = model.outputs[0].name
        self._offset = options.class_offset

    def __call__(self, tensors: Tensors, threshold: float) -> Candidates:
        """Reads what scores enough, and what is no number, for validation to report."""
        rows = tensors[self._output][0].astype(np.float32, copy=False)
        rows = rows[promising(rows[:, 4], threshold)]
        corners = np.concatenate([rows[:, :2], rows[:, :2] + rows[:, 2:4]], axis=1)
        return Candidates(corners, rows[:, 4], class_ids_from(rows[:, 5], self._offset))

    @staticmethod
    def fits(evidence: Any) -> Sequence[Any]:
        """Proposes itself for nothing: end_to_end has the same shape. A manifest names it."""
        return ()
