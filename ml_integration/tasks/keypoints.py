"""Finds points of objects in pictures, such as the joints of people or the corners of eyes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from ml_integration.core import plugins
from ml_integration.core.contracts import MessageTypes, Topic
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
from ml_integration.errors import MessageError, ModelMismatchError
from ml_integration.ops import decoders, keypoint_decoders
from ml_integration.ops.box_finding import BoxFinder, BoxSettings
from ml_integration.ops.class_numbers import renumbered
from ml_integration.ops.detection_listing import BoxRow, box_values, draw_detections
from ml_integration.ops.detection_messages import detection_array, serialized_detection_array
from ml_integration.ops.detections import Detections
from ml_integration.ops.flicker import Boxes, objects_flicker
from ml_integration.ops.judging import first_wrong, judge_classes, rounding, without_rounding
from ml_integration.ops.judging_boxes import describing, judge_boxes, judge_count
from ml_integration.ops.keypoint_decoders import KeypointDecoder, KeypointOptions
from ml_integration.ops.letterbox import Letterbox
from ml_integration.ops.matching import ObjectsDifference, compare_objects
from ml_integration.ops.picture_input import the_picture
from ml_integration.ops.poses import (
    COCO,
    COCO_BONES,
    around,
    draw_poses,
    keypoint_cloud,
    likeness,
    on_picture,
    serialized_keypoint_cloud,
    similarity,
    unseen,
)
from ml_integration.ops.reading_results import ClassNumbers, read_detections, read_keypoints
from ml_integration.ops.result_signals import ClassMix, object_signals, point_signals
from ml_integration.ops.scoring.objects import ObjectScorer


class Keypoints:
    """Finds objects and the points of each.

    `~/keypoints` (sensor_msgs/msg/PointCloud2) goes with `~/detections`: row n has the points of
    detection n in the order of `keypoint_names`, with the fields x and y [px of the picture] and
    score, float32. Without a box decoder the whole picture is the only object, and its box is
    around its visible points.
    """

    topics = (
        Topic('detections', 'vision_msgs/msg/Detection2DArray'),
        Topic('keypoints', 'sensor_msgs/msg/PointCloud2'),
    )

    @dataclass(frozen=True, slots=True)
    class Settings(BoxSettings):
        """Settings that belong to the model."""

        decoder: str = declared(
            '',
            'How the outputs with the boxes are laid out; empty where points belong to no box.',
            choices=('', *plugins.names(decoders.PLUGINS)),
        )
        points: str = declared(
            '',
            'How the points are given: in_rows with the boxes (YOLO pose, detectors of faces), '
            'listed beside them (Keypoint R-CNN), or of the only object in the picture as '
            'heatmaps (HRNet, ViTPose), simcc (RTMPose) or regression (face meshes, BlazePose).',
            choices=plugins.names(keypoint_decoders.PLUGINS),
            required=True,
        )
        points_options: KeypointOptions = field(default_factory=KeypointOptions)
        keypoint_names: tuple[str, ...] = declared(
            (), 'Names of the points; empty: those of COCO if there are 17, otherwise numbers.'
        )
        skeleton: tuple[str, ...] = declared(
            (),
            "Lines between points of the overlay, such as 'left_hip left_knee'; empty: those of "
            'COCO if the names are.',
        )
        keypoint_threshold: float = declared(
            0.3, 'Score from which on a point is visible, and drawn.', ge=0.0, le=1.0
        )

    @dataclass(frozen=True, slots=True)
    class Row(BoxRow):
        """An object: class, score, edges of its box [px]; x, y [px] and score of each point."""

        keypoints: tuple[float, ...]

    def __init__(self, settings: Settings, model: ModelDescription) -> None:
        self._settings = settings
        self._model = model
        self._picture = the_picture(model)
        input_wh = model.pictures[self._picture]
        decoder: type[KeypointDecoder] = keypoint_decoders.load(settings.points)
        self._points = decoder(model, input_wh, settings.points_options)
        self._find = self._finder(input_wh)
        self._rounding = rounding(model.outputs)
        self._numbers = ClassNumbers(model.labels)
        self._mix = ClassMix(model.labels)
        self.least_score = settings.keypoint_threshold
        self.batched = self._points.batched and (self._find is None or self._find.batched)
        self._check_names(self._points.count)

    def _finder(self, input_wh: tuple[int, int]) -> BoxFinder | None:
        """Makes what finds the boxes.

        Raises:
            ModelMismatchError: a decoder is missing, or there are no boxes for it.
        """
        settings = self._settings
        if self._points.needs_boxes != bool(settings.decoder):
            asked = 'a decoder of the boxes' if self._points.needs_boxes else 'no decoder of boxes'
            raise ModelMismatchError(
                str(self._model.identity),
                f"points that are given as '{settings.points}' need {asked}",
                f"'{settings.decoder}'",
                asked,
                "Correct 'decoder' or 'points' of the manifest's settings.",
            )
        if not settings.decoder:
            return None
        others = tuple(s for s in self._model.outputs if s.name not in self._points.reads)
        return BoxFinder(settings, replace(self._model, outputs=others), input_wh)

    def _check_names(self, count: int | None) -> None:
        names = self._settings.keypoint_names
        if not names and count == len(COCO):
            names = COCO
        self._names = names
        self.bones = _bones(self._settings.skeleton, names, str(self._model.identity))
        if self._settings.keypoint_names and count not in (None, len(names)):
            raise ModelMismatchError(
                str(self._model.identity),
                'there is not one name for each point',
                f'{len(names)} names',
                f'{count}',
                "Correct 'keypoint_names' of the manifest's settings.",
            )

    def postprocess(self, outputs: Tensors, geometry: Geometry) -> Detections:
        """Finds the objects and brings their points onto the picture."""
        place = geometry[self._picture]
        if self._find is None:
            return self._only(outputs, place)
        boxes = self._find(outputs, place)
        best = boxes.candidates
        with np.errstate(over='ignore', invalid='ignore'):
            points, _ = self._points(outputs, best)
        return Detections(
            boxes.xyxy,
            best.scores,
            best.class_ids,
            boxes.found,
            keypoints=self._settled(points, place),
        )

    def _only(self, outputs: Tensors, place: Letterbox) -> Detections:
        """Makes the whole picture the only object, unless it scores too little."""
        with np.errstate(over='ignore', invalid='ignore'):
            points, scores = self._points(outputs, None)
        keypoints = self._settled(points, place)
        if scores is None:
            scores = keypoints[..., 2].mean(axis=1)
        scores = without_rounding(scores.astype(np.float32), self._rounding)
        # Written so that NaN stays, for validation to report.
        kept = np.flatnonzero(~(scores < self._settings.score_threshold))
        found = Detections(
            around(keypoints, place.source_wh, self._settings.keypoint_threshold),
            scores,
            np.zeros(len(scores), np.int32),
            len(kept),
            keypoints=keypoints,
        )
        return found.take(kept)

    def _settled(self, points: Array, place: Letterbox) -> Array:
        moved = on_picture(points, place)
        moved[..., 2] = without_rounding(moved[..., 2], self._rounding)
        return moved

    def validate(self, result: Detections, geometry: Geometry) -> Verdict:
        """Checks the objects, and numbers, scores and places of their points."""
        labels, size_wh = len(self._model.labels), geometry[self._picture].source_wh
        describe = describing(result, size_wh, labels)
        assert result.keypoints is not None  # this task fills them
        points, scores = result.keypoints[..., :2], result.keypoints[..., 2]
        size = np.array(size_wh, np.float32)
        with np.errstate(invalid='ignore'):
            far = np.any((points < -size) | (points > 2 * size), axis=-1)
            visible = scores >= self._settings.keypoint_threshold
            wrong = (scores < 0) | (scores > 1)
        strange = np.logical_not(np.isfinite(result.keypoints).all(axis=-1))
        finite = ~_any(strange)
        reasons: tuple[Reason, ...] = ()
        if self._find is not None:
            reasons += judge_boxes(result, size_wh, labels)
            reasons += judge_count(result, self._settings.implausible_count)
        else:  # a box around points may be as narrow as they lie
            reasons += first_wrong('not_finite', finite & ~np.isfinite(result.scores), describe)
            reasons += judge_classes(result.scores, result.class_ids, labels, describe)
        told = partial(self._describe, result.keypoints, describe)
        reasons += first_wrong('keypoint_not_finite', ~finite, told(strange))
        reasons += first_wrong('keypoint_score_out_of_range', finite & _any(wrong), told(wrong))
        outside = far & visible
        reasons += first_wrong('keypoint_outside', finite & _any(outside), told(outside))
        return Verdict(reasons)

    def _describe(
        self, points: Array, describe: Callable[[int], str], wrong: Array
    ) -> Callable[[int], str]:
        """Returns a function that gives a sentence about an object and its first wrong point."""

        def told(index: int) -> str:
            number = int(wrong[index].argmax())
            x, y, score = points[index, number].tolist()
            name = f" '{self._names[number]}'" if number < len(self._names) else ''
            return (
                f'{describe(index)}, and its point {number}{name} scores {score:.6g} at '
                f'{x:.1f}, {y:.1f}'
            )

        return told

    def encode(
        self, prediction: Prediction, header: Any, messages: MessageTypes
    ) -> Iterator[tuple[str, Any]]:
        """Builds the objects and, row by row, their points."""
        found: Detections = prediction.result
        yield 'detections', detection_array(found, header, messages, self._model.label)
        yield 'keypoints', keypoint_cloud(_points_of(found), header, messages)

    def serialize(self, prediction: Prediction, header: Any) -> Iterator[tuple[str, bytes]]:
        """Builds the messages of `encode` in serialized form, fast even for many objects."""
        found: Detections = prediction.result
        yield 'detections', serialized_detection_array(found, header, self._model.label)
        yield 'keypoints', serialized_keypoint_cloud(_points_of(found), header)

    def telling(self, result: Detections) -> bool:
        """Tells whether there is an object with points: empty lists show none of their fields."""
        return _points_of(result).size > 0

    def rows(self, result: Detections) -> list[Row]:
        """Lists the objects, best first."""
        points = _points_of(result)
        every = zip(box_values(result, self._model.label), points, strict=True)
        return [self.Row(*(*values, tuple(each.ravel().tolist()))) for values, each in every]

    def draw(self, canvas: Array, result: Detections) -> None:
        """Draws each box with its class and score, the points and the lines between them."""
        draw_detections(canvas, result, self._model.label)
        draw_poses(canvas, _points_of(result), self.bones, self._settings.keypoint_threshold)

    def compare(
        self, first: Detections, second: Detections, model: ModelDescription
    ) -> ObjectsDifference:
        """Pairs the objects whose points are alike, and compares their classes and scores."""
        names = first.classes(self._model.label), second.classes(model.label)
        return compare_objects(likeness(first, second), (first.scores, second.scores), names)

    def translated(self, result: Detections, model: ModelDescription) -> Detections:
        """Returns a result of another model with the class numbers of this one."""
        return replace(result, class_ids=renumbered(result.class_ids, model, self._model))

    @property
    def truths(self) -> tuple[Topic, ...]:
        """The topics of the objects and of their points."""
        return self.topics

    def read(self, messages: Mapping[str, Any]) -> Detections:
        """Reads true objects and, row by row, their points; a score of 0 is a point not marked."""
        objects, points = (messages[topic.name] for topic in self.topics)
        found = read_detections(objects, self._numbers)
        keypoints = read_keypoints(points)
        wanted = (len(found), self._points.count or keypoints.shape[1])
        if len(found) and keypoints.shape[:2] != wanted:
            raise MessageError('height', f'points of {keypoints.shape[:2]}', f'those of {wanted}')
        return replace(found, keypoints=keypoints[: len(found)])

    def sample(self, result: Detections) -> Boxes:
        """Copies boxes and classes."""
        return result.xyxy.copy(), result.class_ids.copy()

    def flicker(self, before: Boxes, between: Boxes, after: Boxes) -> tuple[int, int]:
        """Counts objects that vanish for a frame, or are there for one only."""
        return objects_flicker(before, between, after)

    def signals(self, result: Detections) -> dict[str, float]:
        """Tells of the objects what detectors tell, and how sure the model is of their points."""
        points = point_signals(_points_of(result), self._settings.keypoint_threshold)
        return {**object_signals(result, self._mix), **points}

    def scorer(self) -> ObjectScorer:
        """Makes a scorer that gives the mean average precision of COCO's keypoints."""
        return ObjectScorer(similarity, self._model.label, ignored=unseen)


def _any(wrong: Array) -> Array:
    """Tells which objects (N,) have a True among theirs (N, ...)."""
    found: Array = np.atleast_1d(wrong.any(axis=tuple(range(1, wrong.ndim))))
    return found


def _points_of(found: Detections) -> Array:
    assert found.keypoints is not None  # this task fills them
    return found.keypoints


def _bones(lines: Sequence[str], names: Sequence[str], model: str) -> list[tuple[int, int]]:
    """Returns the lines as pairs of indices.

    Raises:
        ModelMismatchError: a line has other ends than two of the names.
    """
    if not lines:
        return list(COCO_BONES) if tuple(names) == COCO else []
    places = {name: index for index, name in enumerate(names)}
    found = []
    for line in lines:
        ends = line.split()
        if len(ends) != 2 or any(end not in places for end in ends):
            raise ModelMismatchError(
                model,
                'a line of the skeleton does not join two points',
                f"'{line}'",
                f'two of {", ".join(names) or "the names, of which there are none"}',
                "Correct 'skeleton' or 'keypoint_names' of the manifest's settings.",
            )
        found.append((places[ends[0]], places[ends[1]]))
    return found
