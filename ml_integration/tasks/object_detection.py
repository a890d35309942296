"""Finds objects in pictures: boxes in the picture's own pixels, with class and score."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ml_integration.core import plugins
from ml_integration.core.contracts import MessageTypes, Scorer, Topic
from ml_integration.core.datatypes import (
    Array,
    Geometry,
    ModelDescription,
    Prediction,
    Reason,
    Tensors,
    Verdict,
)
from ml_integration.core.declaration import declared
from ml_integration.errors import FrameError, ModelMismatchError
from ml_integration.ops import decoders
from ml_integration.ops.boxes import classwise_nms, iou_matrix
from ml_integration.ops.decoders import Candidates, Decoder, DecoderOptions, RotatedCandidates
from ml_integration.ops.decoding import best_first
from ml_integration.ops.detection_messages import detection_array, serialized_detection_array
from ml_integration.ops.detections import Detections
from ml_integration.ops.drawing import class_color, draw_box, draw_rotated_box
from ml_integration.ops.judging import rounding, without_rounding
from ml_integration.ops.judging_boxes import judge_boxes
from ml_integration.ops.matching import ObjectsDifference, compare_objects
from ml_integration.ops.on_picture import boxes_on_picture, rotated_on_picture
from ml_integration.ops.picture_input import the_picture
from ml_integration.ops.rotated_boxes import corners, rotated_iou_matrix, rotated_nms
from ml_integration.ops.scoring.objects import ObjectScorer

_GONE = {
    'rt_detr': "Write 'decoder: boxes_and_scores' with these decoder_options instead: box_format: "
    'cxcywh, normalized: true, and columns: [box, scores] for one output, or activation: sigmoid '
    'and top_k: 300 for boxes and logits apart.'
}
"""Decoders that manifests named once, with what to write instead."""


class ObjectDetection:
    """Detector with one picture as its input; `decoder` says how its outputs are read."""

    topics = (Topic('detections', 'vision_msgs/msg/Detection2DArray'),)

    @dataclass(frozen=True, slots=True)
    class Settings:
        """Settings that belong to the model."""

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
    class UprightRow:
        """An object: name and number of its class, score, and edges of its box [px]."""

        label: str
        class_id: int
        score: float
        left: float
        top: float
        right: float
        bottom: float

    @dataclass(frozen=True, slots=True)
    class RotatedRow:
        """An object whose box is turned: its center and size [px], the longer side along `angle`.

        The angle [rad] is that from the x axis towards the y axis, from -pi/2 to pi/2.
        """

        label: str
        class_id: int
        score: float
        center_x: float
        center_y: float
        length: float
        width: float
        angle: float

    def __init__(self, settings: Settings, model: ModelDescription) -> None:
        self._settings = settings
        self._model = model
        self._picture = the_picture(model)
        self._input_wh = model.pictures[self._picture]
        self._decode = self._decoder(self._input_wh)
        self._rounding = rounding(model.outputs)
        self.batched = self._decode.batched
        # A decoder of another package may be older than rotated boxes.
        self._rotated: bool = getattr(self._decode, 'rotated', False)

    @property
    def Row(self) -> type:  # noqa: N802
        """What an object is listed as; with an angle if the decoder gives one."""
        return self.RotatedRow if self._rotated else self.UprightRow

    def postprocess(self, outputs: Tensors, geometry: Geometry) -> Detections:
        """Decodes, drops overlapping boxes, and brings the rest onto the picture."""
        settings = self._settings
        self._follow(geometry[self._picture].target_wh)
        with np.errstate(over='ignore', invalid='ignore'):
            seen = self._decode(outputs, settings.score_threshold)
            order = self._chosen(seen)
            angles = None
            if isinstance(seen, RotatedCandidates):
                xyxy, turned, relevant = rotated_on_picture(
                    seen.xyxy[order], seen.angles[order], geometry[self._picture]
                )
                angles = turned[relevant][: settings.max_detections]
            else:
                xyxy, relevant = boxes_on_picture(seen.xyxy[order], geometry[self._picture])
        order = order[relevant]
        best = order[: settings.max_detections]
        scores = without_rounding(seen.scores[best], self._rounding)
        boxes, class_ids = xyxy[relevant][: len(best)], seen.class_ids[best]
        return Detections(boxes, scores, class_ids, len(order), angles)

    def _chosen(self, seen: Candidates | RotatedCandidates) -> Array:
        """Returns the indices of one box of each object, best first."""
        xyxy, scores, class_ids = seen[:3]
        if not self._decode.overlapping:
            return best_first(scores)
        most = self._settings.iou_threshold
        if isinstance(seen, RotatedCandidates):
            return rotated_nms(xyxy, seen.angles, scores, class_ids, most)
        return classwise_nms(xyxy, scores, class_ids, most)

    def _follow(self, input_wh: tuple[int, int]) -> None:
        """Makes the decoder anew where the size is free and the picture has another one [px].

        Raises:
            FrameError: the outputs are not those of such a picture.
        """
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

    def validate(self, result: Detections, geometry: Geometry) -> Verdict:
        """Checks numbers, boxes, classes and how many there are."""
        source_wh = geometry[self._picture].source_wh
        reasons = judge_boxes(result, source_wh, len(self._model.labels))
        limit = self._settings.implausible_count
        if result.found >= limit:
            text = f'{result.found} detections, which should be fewer than {limit}'
            reasons += (Reason('too_many', text),)
        return Verdict(reasons)

    def encode(
        self, prediction: Prediction, header: Any, messages: MessageTypes
    ) -> Iterator[tuple[str, Any]]:
        """Builds the message, with an empty list when there is nothing to report."""
        (topic,) = self.topics
        label = self._model.label
        message = detection_array(prediction.result, header, messages, label)
        yield topic.name, message

    def serialize(self, prediction: Prediction, header: Any) -> Iterator[tuple[str, bytes]]:
        """Builds the message of `encode` in serialized form, fast even for many detections."""
        label = self._model.label
        serialized = serialized_detection_array(prediction.result, header, label)
        yield self.topics[0].name, serialized

    def telling(self, result: Detections) -> bool:
        """Tells whether there is a detection: an empty list shows none of its fields."""
        return len(result) > 0

    def rows(self, result: Detections) -> list[UprightRow] | list[RotatedRow]:
        """Lists the objects, best first."""
        if result.angles is not None:
            return self._rotated_rows(result, result.angles)
        return [
            self.UprightRow(self._model.label(class_id), class_id, score, *corners)
            for class_id, score, corners in zip(
                result.class_ids.tolist(),
                result.scores.tolist(),
                result.xyxy.tolist(),
                strict=True,
            )
        ]

    def _rotated_rows(self, result: Detections, angles: Array) -> list[RotatedRow]:
        low, high = result.xyxy[:, :2], result.xyxy[:, 2:]
        numbers = np.column_stack((result.scores, (low + high) / 2, high - low, angles))
        return [
            self.RotatedRow(self._model.label(class_id), class_id, *row)
            for class_id, row in zip(result.class_ids.tolist(), numbers.tolist(), strict=True)
        ]

    def compare(
        self, first: Detections, second: Detections, model: ModelDescription
    ) -> ObjectsDifference:
        """Pairs the boxes that overlap, and compares their classes and scores."""
        names = (
            [self._model.label(class_id) for class_id in first.class_ids.tolist()],
            [model.label(class_id) for class_id in second.class_ids.tolist()],
        )
        return compare_objects(_overlap(first, second), (first.scores, second.scores), names)

    def scorer(self) -> Scorer:
        """Makes a scorer that gives the mean average precision of COCO."""
        return ObjectScorer(_overlap, self._model.label)

    def draw(self, canvas: Array, result: Detections) -> None:
        """Draws each box with its class and score."""
        rotated = result.angles is not None
        boxes = corners(result.xyxy, result.angles) if result.angles is not None else result.xyxy
        draw = draw_rotated_box if rotated else draw_box
        for box, score, class_id in zip(
            boxes, result.scores, result.class_ids.tolist(), strict=True
        ):
            text = f'{self._model.label(class_id)} {score:.2f}'
            draw(canvas, box, text, class_color(class_id))


def _overlap(first: Detections, second: Detections) -> Array:
    if first.angles is None and second.angles is None:
        return iou_matrix(first.xyxy, second.xyxy)
    return rotated_iou_matrix((first.xyxy, first.angles), (second.xyxy, second.angles))
