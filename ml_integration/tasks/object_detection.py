"""Finds objects in pictures: boxes in the picture's own pixels, with class and score."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ml_integration.core.abilities import Scorer
from ml_integration.core.contracts import MessageTypes, Topic
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
from ml_integration.ops.class_numbers import renumbered
from ml_integration.ops.detection_listing import BoxRow, box_values, draw_detections
from ml_integration.ops.detection_messages import detection_array, serialized_detection_array
from ml_integration.ops.detections import Detections
from ml_integration.ops.flicker import Boxes, objects_flicker
from ml_integration.ops.judging_boxes import judge_boxes, judge_count
from ml_integration.ops.matching import ObjectsDifference, compare_objects
from ml_integration.ops.picture_input import the_picture
from ml_integration.ops.reading_results import ClassNumbers, read_detections
from ml_integration.ops.result_signals import ClassMix, object_signals
from ml_integration.ops.rotated_boxes import rotated_iou_matrix
from ml_integration.ops.scoring.objects import ObjectScorer


class ObjectDetection:
    """Detector with one picture as its input; `decoder` says how its outputs are read."""

    topics = (Topic('detections', 'vision_msgs/msg/Detection2DArray'),)

    @dataclass(frozen=True, slots=True)
    class Settings(BoxSettings):
        """Settings that belong to the model."""

    @dataclass(frozen=True, slots=True)
    class UprightRow(BoxRow):
        """An object: name and number of its class, score, and edges of its box [px]."""

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
        self._find = BoxFinder(settings, model, model.pictures[self._picture], turnable=True)
        self._numbers = ClassNumbers(model.labels)
        self.batched = self._find.batched
        self._mix = ClassMix(model.labels)

    @property
    def Row(self) -> type:  # noqa: N802
        """What an object is listed as; with an angle if the decoder gives one."""
        return self.RotatedRow if self._find.rotated else self.UprightRow

    def postprocess(self, outputs: Tensors, geometry: Geometry) -> Detections:
        """Decodes, drops overlapping boxes, and brings the rest onto the picture."""
        boxes = self._find(outputs, geometry[self._picture])
        best = boxes.candidates
        return Detections(boxes.xyxy, best.scores, best.class_ids, boxes.found, boxes.angles)

    def validate(self, result: Detections, geometry: Geometry) -> Verdict:
        """Checks numbers, boxes, classes and how many there are."""
        source_wh = geometry[self._picture].source_wh
        reasons = judge_boxes(result, source_wh, len(self._model.labels))
        return Verdict((*reasons, *judge_count(result, self._settings.implausible_count)))

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
        return [self.UprightRow(*values) for values in box_values(result, self._model.label)]

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
        names = first.classes(self._model.label), second.classes(model.label)
        return compare_objects(_overlap(first, second), (first.scores, second.scores), names)

    def translated(self, result: Detections, model: ModelDescription) -> Detections:
        """Returns a result of another model with the class numbers of this one."""
        return replace(result, class_ids=renumbered(result.class_ids, model, self._model))

    @property
    def truths(self) -> tuple[Topic, ...]:
        """The topic of the objects."""
        return self.topics

    def read(self, messages: Mapping[str, Any]) -> Detections:
        """Reads true objects."""
        message = messages[self.topics[0].name]
        return read_detections(message, self._numbers, self._find.rotated)

    def sample(self, result: Detections) -> Boxes:
        """Copies boxes and classes."""
        return result.xyxy.copy(), result.class_ids.copy()

    def flicker(self, before: Boxes, between: Boxes, after: Boxes) -> tuple[int, int]:
        """Counts objects that vanish for a frame, or are there for one only."""
        return objects_flicker(before, between, after)

    def signals(self, result: Detections) -> dict[str, float]:
        """Tells how many objects there are, how sure the model is of them, and their classes."""
        return object_signals(result, self._mix)

    def scorer(self) -> Scorer:
        """Makes a scorer that gives the mean average precision of COCO."""
        return ObjectScorer(_overlap, self._model.label)

    def draw(self, canvas: Array, result: Detections) -> None:
        """Draws each box with its class and score."""
        draw_detections(canvas, result, self._model.label)


def _overlap(first: Detections, second: Detections) -> Array:
    if first.angles is None and second.angles is None:
        return iou_matrix(first.xyxy, second.xyxy)
    return rotated_iou_matrix((first.xyxy, first.angles), (second.xyxy, second.angles))
