"""Finds objects in pictures and the pixels that belong to each of them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np

from ml_integration.core import plugins
from ml_integration.core.abilities import Score
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
from ml_integration.errors import MessageError
from ml_integration.ops import mask_decoders
from ml_integration.ops.box_finding import BoxFinder, BoxSettings
from ml_integration.ops.boxes import iou_matrix
from ml_integration.ops.class_numbers import renumbered
from ml_integration.ops.detection_listing import BoxRow, box_values, draw_detections
from ml_integration.ops.detection_messages import detection_array, serialized_detection_array
from ml_integration.ops.detections import Detections
from ml_integration.ops.drawing import class_color, line_width
from ml_integration.ops.flicker import Boxes, objects_flicker
from ml_integration.ops.image_messages import map_image, serialized_map_image
from ml_integration.ops.instance_masks import instance_areas, instance_overlap, paint_instances
from ml_integration.ops.judging import first_wrong
from ml_integration.ops.judging_boxes import describing, judge_boxes, judge_count
from ml_integration.ops.mask_decoders import MaskDecoder, masks_output
from ml_integration.ops.matching import ObjectsDifference, compare_objects, pairs
from ml_integration.ops.picture_input import the_picture
from ml_integration.ops.reading_results import ClassNumbers, read_detections, read_map
from ml_integration.ops.result_signals import ClassMix, mask_share, object_signals
from ml_integration.ops.scoring.objects import ObjectScorer

FEW = 5
"""As many objects may all be without a pixel by accident, such as those behind a better one."""
TINT = 0.45
"""Part of an object's color in its pixels; the rest is the picture's."""


@dataclass(frozen=True, slots=True)
class Instances(Detections):
    """Objects with their pixels.

    Attributes:
        broken: indices of objects whose mask has numbers that are not finite.
    """

    broken: tuple[int, ...] = ()

    def take(self, which: Array) -> Instances:
        """Returns some of the objects, in the order of their indices `which` (M,)."""
        chosen = super(Instances, self).take(which)  # a class with slots is made twice
        assert isinstance(chosen, Instances)
        broken = np.flatnonzero(np.isin(which, self.broken))
        return replace(chosen, broken=tuple(broken.tolist()))

    @property
    def map(self) -> Array:
        """The map of `instances`, which this task always fills."""
        assert self.instances is not None
        return self.instances


@dataclass(frozen=True, slots=True)
class InstancesDifference(ObjectsDifference):
    """Difference of two lists of objects with masks.

    Attributes:
        mask_iou: smallest overlap of the masks of the same object; 1 where there is none.
    """

    mask_iou: float = 1.0


class InstanceScorer:
    """Scores masks and boxes by the mean average precision of COCO."""

    def __init__(self, model: ModelDescription) -> None:
        self._masks = ObjectScorer(mask_overlap, model.label)
        self._boxes = ObjectScorer(box_overlap, model.label)

    def add(self, result: Detections, truth: Detections) -> None:
        """Adds a picture; the scores of the truth do not count."""
        self._masks.add(result, truth)
        self._boxes.add(result, truth)

    def scores(self) -> list[Score]:
        """Returns the mean AP of all classes and that of each class, first of the masks."""
        return [
            replace(score, name=f'{what} {score.name}')
            for what, scorer in (('mask', self._masks), ('box', self._boxes))
            for score in scorer.scores()
        ]


class InstanceSegmentation:
    """Detector that also says which pixels belong to each object.

    A pixel of the image `instance_mask` is 1 + the index of its object in `detections`, whatever
    ids a tracker gives them, and 0 where there is none. It is mono8, or mono16 for more than 255
    objects, and as large as the input picture.
    """

    topics = (
        Topic('detections', 'vision_msgs/msg/Detection2DArray'),
        Topic('instance_mask', 'sensor_msgs/msg/Image'),
    )

    @dataclass(frozen=True, slots=True)
    class Settings(BoxSettings):
        """Settings that belong to the model."""

        masks: str = declared(
            '',
            'How the masks are given: prototypes are mixed for each object (YOLO, YOLACT), '
            'in_boxes is a small grid stretched over each box (Mask R-CNN), whole is a grid on '
            'the whole picture for each box (RF-DETR, DETR, masks that the export pastes).',
            choices=plugins.names(mask_decoders.PLUGINS),
            required=True,
        )
        masks_output: str = declared(
            '', 'Output with the masks or prototypes; empty: found by its name or its four axes.'
        )
        mask_activation: str = declared(
            'usual',
            'What makes shares from 0 to 1 of the numbers of masks; usual: sigmoid, and none for '
            'in_boxes.',
            choices=('usual', 'none', 'sigmoid'),
        )
        mask_threshold: float = declared(
            0.5, 'Share from which on a pixel belongs to the object.', ge=0.01, le=0.99
        )
        max_empty_share: float = declared(
            0.9,
            f'Share of objects without any pixel, among more than {FEW}, above which the result '
            'is not valid.',
            ge=0.0,
            le=1.0,
        )

    @dataclass(frozen=True, slots=True)
    class Row(BoxRow):
        """An object: class, score, edges of its box [px], and how many pixels belong to it."""

        area: int

    def __init__(self, settings: Settings, model: ModelDescription) -> None:
        self._settings = settings
        self._model = model
        self._picture = the_picture(model)
        output = masks_output(model, settings.masks_output)
        decoder: type[MaskDecoder] = mask_decoders.load(settings.masks)
        self._masks = decoder(output, str(model.identity))
        others = tuple(spec for spec in model.outputs if spec is not output)
        boxes = replace(model, outputs=others)
        self._find = BoxFinder(settings, boxes, model.pictures[self._picture])
        self.batched = self._find.batched and self._masks.batched
        self._mix = ClassMix(model.labels)
        share, usual = settings.mask_threshold, settings.mask_activation == 'usual'
        logits = self._masks.logits if usual else settings.mask_activation == 'sigmoid'
        self._numbers = ClassNumbers(model.labels)
        self._level = math.log(share / (1 - share)) if logits else share

    def postprocess(self, outputs: Tensors, geometry: Geometry) -> Instances:
        """Finds the boxes, and paints the masks of the best ones inside of them."""
        place = geometry[self._picture]
        boxes = self._find(outputs, place)
        best = boxes.candidates
        with np.errstate(over='ignore', invalid='ignore'):
            masks = self._masks(outputs, best, place.target_wh)
            painted, broken = paint_instances(masks, boxes.xyxy, place, self._level)
        return Instances(
            boxes.xyxy,
            best.scores,
            best.class_ids,
            boxes.found,
            instances=painted,
            broken=broken,
        )

    def validate(self, result: Instances, geometry: Geometry) -> Verdict:
        """Checks boxes and classes, and that there are masks."""
        labels, source_wh = len(self._model.labels), geometry[self._picture].source_wh
        reasons = judge_boxes(result, source_wh, labels)
        reasons += judge_count(result, self._settings.implausible_count)
        wrong = np.isin(np.arange(len(result)), result.broken)
        describe = describing(result, source_wh, labels)
        reasons += first_wrong(
            'mask_not_finite',
            wrong,
            lambda index: f'{describe(index)}, and a mask of numbers that are not finite',
        )
        if not reasons and len(result) > FEW:
            empty = int(np.count_nonzero(instance_areas(result.map, len(result)) == 0))
            if empty > self._settings.max_empty_share * len(result):
                text = f'{empty} of {len(result)} objects have no pixel in the mask'
                reasons += (Reason('masks_empty', text),)
        return Verdict(reasons)

    def encode(
        self, prediction: Prediction, header: Any, messages: MessageTypes
    ) -> Iterator[tuple[str, Any]]:
        """Builds the boxes, and the image of the input's size that says whose each pixel is."""
        result, (boxes, mask) = prediction.result, self.topics
        yield boxes.name, detection_array(result, header, messages, self._model.label)
        yield mask.name, map_image(result.map, header, messages)

    def serialize(self, prediction: Prediction, header: Any) -> Iterator[tuple[str, bytes]]:
        """Builds the messages of `encode` in serialized form, fast even for many objects."""
        result, (boxes, mask) = prediction.result, self.topics
        yield boxes.name, serialized_detection_array(result, header, self._model.label)
        yield mask.name, serialized_map_image(result.map, header)

    def telling(self, result: Instances) -> bool:
        """Tells whether there is an object: an empty list shows none of its fields."""
        return len(result) > 0

    def rows(self, result: Instances) -> list[Row]:
        """Lists the objects, best first."""
        areas = instance_areas(result.map, len(result)).tolist()
        every = zip(box_values(result, self._model.label), areas, strict=True)
        return [self.Row(*(*values, area)) for values, area in every]

    def draw(self, canvas: Array, result: Instances) -> None:
        """Tints the pixels of each object, and draws its outline and its box."""
        colors = _tinted(result.map, _colors(result.class_ids.tolist()))
        inside = (result.map > 0).view(np.uint8)
        mixed = cv2.addWeighted(canvas, 1 - TINT, colors, TINT, 0)
        cv2.copyTo(mixed, inside, canvas)
        square = np.ones((2 * line_width(canvas) + 1,) * 2, np.uint8)
        edges = (cv2.erode(result.map, square) != cv2.dilate(result.map, square)) & (inside > 0)
        cv2.copyTo(colors, edges.view(np.uint8), canvas)
        draw_detections(canvas, result, self._model.label)

    def compare(
        self, first: Instances, second: Instances, model: ModelDescription
    ) -> InstancesDifference:
        """Pairs the boxes that overlap, and compares their classes, scores and masks."""
        names = first.classes(self._model.label), second.classes(model.label)
        overlap = box_overlap(first, second)
        areas, others = (instance_areas(item.map, len(item)) for item in (first, second))
        masks = mask_overlap(first, second)
        masks[areas[:, None] + others[None] == 0] = 1.0  # both are empty
        boxes = compare_objects(overlap, (first.scores, second.scores), names, masks)
        same = np.array(names[0], np.str_)[:, None] == np.array(names[1], np.str_)[None]
        each = masks[pairs(overlap, same)]
        return InstancesDifference(
            boxes.disagreement,
            boxes.same,
            boxes.other_class,
            boxes.only_first,
            boxes.only_second,
            boxes.score,
            float(each.min(initial=1.0)),
        )

    def translated(self, result: Instances, model: ModelDescription) -> Instances:
        """Returns a result of another model with the class numbers of this one."""
        return replace(result, class_ids=renumbered(result.class_ids, model, self._model))

    @property
    def truths(self) -> tuple[Topic, ...]:
        """The topics of the objects and of their pixels."""
        return self.topics

    def read(self, messages: Mapping[str, Any]) -> Instances:
        """Reads true objects, and the image that says whose each pixel is."""
        boxes, mask = (messages[topic.name] for topic in self.topics)
        found = read_detections(boxes, self._numbers)
        image = read_map(mask, ('mono8', '8UC1', 'mono16', '16UC1'))
        if (highest := int(image.max(initial=0))) > len(found):
            raise MessageError('data', f'object {highest}', f'at most {len(found)}, one per box')
        parts = (found.xyxy, found.scores, found.class_ids, found.found)
        return Instances(*parts, instances=image)

    def sample(self, result: Instances) -> Boxes:
        """Copies boxes and classes."""
        return result.xyxy.copy(), result.class_ids.copy()

    def flicker(self, before: Boxes, between: Boxes, after: Boxes) -> tuple[int, int]:
        """Counts objects that vanish for a frame, or are there for one only."""
        return objects_flicker(before, between, after)

    def signals(self, result: Instances) -> dict[str, float]:
        """Tells of the objects what detectors tell, and the share of the picture they cover."""
        covered = mask_share(result.instances)
        return {**object_signals(result, self._mix), 'covered': covered}

    def scorer(self) -> InstanceScorer:
        """Makes a scorer that gives the mean average precision of masks and of boxes."""
        return InstanceScorer(self._model)


def box_overlap(first: Detections, second: Detections) -> Array:
    """Returns how much the boxes of two results overlap, (N, M) from 0 to 1."""
    return iou_matrix(first.xyxy, second.xyxy)


def mask_overlap(first: Detections, second: Detections) -> Array:
    """Returns how much the masks of two results overlap, (N, M) from 0 to 1."""
    assert first.instances is not None and second.instances is not None
    return instance_overlap(first.instances, second.instances, (len(first), len(second)))


def _tinted(instances: Array, colors: Array) -> Array:
    """Returns a picture (H, W, 3) of a map (H, W) in the colors (N, 3) of its objects."""
    table = np.zeros((max(256, len(colors) + 1), 3), np.uint8)
    table[1 : len(colors) + 1] = colors
    if instances.dtype == np.uint8:
        small: Array = cv2.applyColorMap(instances, table[:256, None])
        return small
    return table.take(instances, axis=0)


def _colors(class_ids: Sequence[int]) -> Array:
    """Returns the color (N, 3) of each object, that of its class."""
    return np.array([class_color(class_id) for class_id in class_ids], np.uint8).reshape(-1, 3)
