"""Finds boxes in a detector's outputs, for every task that looks for objects."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ml_integration.core import plugins
from ml_integration.core.datatypes import Array, ModelDescription, Tensors
from ml_integration.core.declaration import declared
from ml_integration.errors import FrameError, ModelMismatchError
from ml_integration.ops import decoders
from ml_integration.ops.boxes import classwise_nms
from ml_integration.ops.decoders import Candidates, Decoder, DecoderOptions
from ml_integration.ops.decoding import best_first
from ml_integration.ops.judging import rounding, without_rounding
from ml_integration.ops.letterbox import Letterbox
from ml_integration.ops.on_picture import boxes_on_picture, rotated_on_picture
from ml_integration.ops.rotated_boxes import rotated_nms

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
        angles: (N,) float32 [rad] on the picture; None if no box is turned.
    """

    xyxy: Array
    candidates: Candidates
    found: int
    angles: Array | None = None


class BoxFinder:
    """Decodes, drops overlapping boxes, and brings the rest onto the picture.

    Args:
        settings: of the task.
        model: with the outputs that the decoder looks at.
        input_wh: size of the picture in the model's input [px].
        turnable: whether the task can do with boxes that are turned.

    Raises:
        ModelMismatchError: the decoder does not read such outputs, or gives what the task cannot
            do with.
    """

    def __init__(
        self,
        settings: BoxSettings,
        model: ModelDescription,
        input_wh: tuple[int, int],
        turnable: bool = False,
    ) -> None:
        self._settings = settings
        self._model = model
        self._input_wh = input_wh
        self._decode = self._decoder(input_wh)
        self._rounding = rounding(model.outputs)
        self.batched = self._decode.batched
        # A decoder of another package may be older than rotated boxes.
        self.rotated: bool = getattr(self._decode, 'rotated', False)
        if self.rotated and not turnable:
            raise ModelMismatchError(
                str(model.identity),
                'this task has no use for boxes that are turned',
                f"decoder: '{settings.decoder}'",
                'a decoder of upright boxes',
                'Choose another decoder, or the task object_detection.',
            )

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
            order = self._chosen(every)
            angles = None
            if every.angles is None:
                xyxy, relevant = boxes_on_picture(every.xyxy[order], geometry)
            else:
                xyxy, angles, relevant = rotated_on_picture(
                    every.xyxy[order], every.angles[order], geometry
                )
                angles = angles[relevant][: settings.max_detections]
        order = order[relevant]
        best = every.take(order[: settings.max_detections])
        scores = without_rounding(best.scores, self._rounding)
        xyxy = xyxy[relevant][: len(scores)]
        return FoundBoxes(xyxy, best._replace(scores=scores), len(order), angles)

    def _chosen(self, every: Candidates) -> Array:
        """Returns the indices of one box of each object, best first."""
        xyxy, scores, class_ids = every[:3]
        if not self._decode.overlapping:
            return best_first(scores)
        most = self._settings.iou_threshold
        if every.angles is not None:
            return rotated_nms(xyxy, every.angles, scores, class_ids, most)
        return classwise_nms(xyxy, scores, class_ids, most)

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
