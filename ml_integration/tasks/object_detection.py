"""Finds objects in pictures: boxes in the picture's own pixels, with class and score."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ml_integration.core.contracts import MessageTypes, Scorer, Topic
from ml_integration.core.datatypes import (
    Array,
    Geometry,
    ModelDescription,
    Prediction,
    Tensors,
    Verdict,
)
from ml_integration.ops.box_finding import BoxFinder, BoxSettings
from ml_integration.ops.boxes import iou_matrix
from ml_integration.ops.detection_checks import judge_detections
from ml_integration.ops.detection_listing import BoxRow, box_values, draw_detections
from ml_integration.ops.detection_messages import detection_array, serialized_detection_array
from ml_integration.ops.detections import Detections
from ml_integration.ops.matching import ObjectsDifference, compare_objects
from ml_integration.ops.picture_input import the_picture
from ml_integration.ops.scoring.objects import ObjectScorer


class ObjectDetection:
    """Detector with one picture as its input; `decoder` says how its outputs are read."""

    topics = (Topic('detections', 'vision_msgs/msg/Detection2DArray'),)

    @dataclass(frozen=True, slots=True)
    class Settings(BoxSettings):
        """Settings that belong to the model."""

    @dataclass(frozen=True, slots=True)
    class Row(BoxRow):
        """An object: name and number of its class, score, and edges of its box [px]."""

    def __init__(self, settings: Settings, model: ModelDescription) -> None:
        self._settings = settings
        self._model = model
        self._picture = the_picture(model)
        self._find = BoxFinder(settings, model, model.pictures[self._picture])
        self.batched = self._find.batched

    def postprocess(self, outputs: Tensors, geometry: Geometry) -> Detections:
        """Decodes, drops overlapping boxes, and brings the rest onto the picture."""
        boxes = self._find(outputs, geometry[self._picture])
        best = boxes.candidates
        return Detections(boxes.xyxy, best.scores, best.class_ids, boxes.found)

    def validate(self, result: Detections, geometry: Geometry) -> Verdict:
        """Checks numbers, boxes, classes and how many there are."""
        source_wh, limit = geometry[self._picture].source_wh, self._settings.implausible_count
        return Verdict(judge_detections(result, len(self._model.labels), source_wh, limit))

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

    def rows(self, result: Detections) -> list[Row]:
        """Lists the objects, best first."""
        return [self.Row(*values) for values in box_values(result, self._model.label)]

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
        draw_detections(canvas, result, self._model.label)


def _overlap(first: Detections, second: Detections) -> Array:
    return iou_matrix(first.xyxy, second.xyxy)
