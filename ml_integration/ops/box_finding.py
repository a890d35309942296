"""Finds boxes in a detector's outputs, for every task that looks for objects."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ml_integration.core import plugins
from ml_integration.core.datatypes import Array, ModelDescription, Tensors
from ml_integration.core.declaration import declared
from ml_integration.errors import FrameError, ModelMismatchError
from ml_integration.ops import decoders
from ml_integration.ops.boxes import classwise_nms, clip_boxes
from ml_integration.ops.decoders import Candidates, Decoder, DecoderOptions
from ml_integration.ops.decoding import best_first
from ml_integration.ops.judging import rounding, without_rounding
from ml_integration.ops.letterbox import Letterbox

_GONE = {
    'rt_detr': "Write 'decoder: boxes_and_scores' with these decoder_options instead: box_format: "
    'cxcywh, normalized: true, and columns: [box, scores] for one output, or activation: sigmoid '
    'and top_k: 300 for boxes and logits apart.'
}
"""Decoders that manifests named once, with what to write instead."""


@dataclass(frozen=True, slots=True)
class BoxSettings:
    """Settings of a task that finds boxes."""

    decoder: str = declared(
        '',
        'How the outputs are laid out; ml_model inspect FILE.onnx proposes it.',
        choices=plugins.names(decoders.PLUGINS),
        required=True,
        gone=_GONE,
    )
    decoder_options: DecoderOptions = field(default_factory=DecoderOptions)
    score_threshold: float = declared(0.25, 'Smallest score of a detection.', ge=0.0, le=1.0)
    iou_threshold: float = declared(
        0.45, 'How much two boxes of one class may overlap.', ge=0.0, le=1.0
    )
    max_detections: int = declared(
        100, 'Detections that are published per picture, the best ones.', ge=1, le=10000
    )
    implausible_count: int = declared(
        1000, 'Detections in one picture from which on the result is not valid.', ge=1
    )


@dataclass(frozen=True, slots=True)
class FoundBoxes:
    """Boxes that were found in one picture, best first.

    Attributes:
        xyxy: (N, 4) float32 [px of the picture].
        candidates: the same N objects as the model gives them, `xyxy` [px of its input].
        found: their number before the cut to `max_detections`.
    """

    xyxy: Array
    candidates: Candidates
    found: int


class BoxFinder:
    """Decodes, drops overlapping boxes, and brings the rest onto the picture.

    Args:
        settings: of the task.
        model: with the outputs that the decoder looks at.
        input_wh: size of the picture in the model's input [px].

    Raises:
        ModelMismatchError: the decoder does not read such outputs.
    """

    def __init__(
        self, settings: BoxSettings, model: ModelDescription, input_wh: tuple[int, int]
    ) -> None:
        self._settings = settings
        self._model = model
        self._input_wh = input_wh
        self._decode = self._decoder(input_wh)
        self._rounding = rounding(model.outputs)
        self.batched = self._decode.batched

    def __call__(self, outputs: Tensors, geometry: Letterbox) -> FoundBoxes:
        """Returns the best boxes.

        Args:
            outputs: of the model, (1, ...) each.
            geometry: where the picture is in the model's input.

        Raises:
            FrameError: the outputs are not those of such a picture.
        """
        settings = self._settings
        self._follow(geometry.target_wh)
        with np.errstate(over='ignore', invalid='ignore'):
            every = self._decode(outputs, settings.score_threshold)
            if self._decode.overlapping:
                order = classwise_nms(
                    every.xyxy, every.scores, every.class_ids, settings.iou_threshold
                )
            else:
                order = best_first(every.scores)
            xyxy, relevant = _on_picture(every.xyxy[order], geometry)
        order = order[relevant]
        best = every.take(order[: settings.max_detections])
        scores = without_rounding(best.scores, self._rounding)
        xyxy = xyxy[relevant][: len(scores)]
        return FoundBoxes(xyxy, best._replace(scores=scores), len(order))

    def _follow(self, input_wh: tuple[int, int]) -> None:
        """Makes the decoder anew where the size is free and the picture has another one [px]."""
        if input_wh == self._input_wh:
            return
        try:
            self._decode, self._input_wh = self._decoder(input_wh), input_wh
        except ModelMismatchError as error:
            raise FrameError(
                'the model cannot take a picture of this size',
                got='{} x {} px in its input'.format(*input_wh),
                expected='{} x {} px'.format(*self._input_wh),
                hint=str(error),
            ) from error

    def _decoder(self, input_wh: tuple[int, int]) -> Decoder:
        """Makes a decoder for pictures of a size [px]."""
        decoder: type[Decoder] = decoders.load(self._settings.decoder)
        return decoder(self._model, input_wh, self._settings.decoder_options)


def _on_picture(xyxy: Array, geometry: Letterbox) -> tuple[Array, Array]:
    """Clips boxes [px of the model's input] to the picture.

    A box that lies in the padding, or has shrunk to nothing, is nothing wrong and not visible.
    One that is not finite, turned inside out or further outside than the model's input is
    wide is the model's or the decoder's fault; it stays as it is, for validation to report.

    Returns:
        Boxes (N, 4) [px of the picture] and which of them (N,) are visible or wrong.
    """
    source = geometry.to_source(xyxy)
    low, high, size = xyxy[:, :2], xyxy[:, 2:], np.array(geometry.target_wh)
    wrong = ~np.isfinite(xyxy).all(axis=1)
    wrong |= np.any((high < low) | (low > 2 * size) | (high < -size), axis=1)
    clipped = np.where(wrong[:, None], source, clip_boxes(source, geometry.source_wh))
    return clipped, wrong | (clipped[:, 2:] > clipped[:, :2]).all(axis=1)
