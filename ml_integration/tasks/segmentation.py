"""Says of each pixel of a picture which class it shows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

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
from ml_integration.errors import MessageError, SettingError
from ml_integration.ops.class_axes import class_axis
from ml_integration.ops.class_maps import (
    ClassMap,
    best_class,
    blend,
    blend_softly,
    color_table,
    counts_of,
    finite_share,
    improbable,
)
from ml_integration.ops.class_numbers import renumbered
from ml_integration.ops.decoding import sigmoid, the_output
from ml_integration.ops.dense_maps import to_source
from ml_integration.ops.drawing import class_color, draw_list
from ml_integration.ops.flicker import map_sample, maps_flicker
from ml_integration.ops.image_messages import map_image, serialized_map_image
from ml_integration.ops.judging import rounding
from ml_integration.ops.map_differences import (
    AlphaDifference,
    MapDifference,
    compare_alpha,
    compare_classes,
)
from ml_integration.ops.picture_input import the_picture
from ml_integration.ops.reading_results import read_map
from ml_integration.ops.result_signals import ClassMix, map_signals
from ml_integration.ops.scoring.class_maps import ClassMapScorer
from ml_integration.ops.smooth_classes import Scratch

SHOWN = 0.5
"""Share of the color in a tinted picture."""
LISTED = 12
"""Classes that are named in a drawn picture, the largest ones."""
MOST = 65535
BACKGROUNDS = ('background', 'bg', 'nothing', 'none', 'void', 'unlabeled', 'unknown')
"""Names of a class that is no thing, which is not tinted."""


class Segmentation:
    """Segmenter with one picture as its input; publishes the class number of each pixel.

    The mask has the size of the picture: mono8, or mono16 for more than 256 classes. The names of
    the numbers are on `~/label_info`, latched. Of a model that says how probable one class is,
    such as a person or the foreground, pixels are 0 and 1; with the setting `alpha` the
    probability itself is on `~/alpha` as well, 32FC1 from 0 to 1.
    """

    topics: tuple[Topic, ...] = (
        Topic('mask', 'sensor_msgs/msg/Image'),
        Topic('alpha', 'sensor_msgs/msg/Image'),
        Topic('label_info', 'vision_msgs/msg/LabelInfo', latched=True),
    )

    @dataclass(frozen=True, slots=True)
    class Settings:
        """Settings that belong to the model."""

        kind: str = declared(
            '',
            'What the output holds: scores (a number per class and pixel, of which the highest '
            'counts), classes (the class number of each pixel) or probability (one number per '
            'pixel, of two classes).',
            choices=('scores', 'classes', 'probability'),
            required=True,
        )
        sigmoid: bool = declared(False, 'A probability is given as a logit.')
        threshold: float = declared(
            0.5, 'Probability from which on a pixel has class 1.', ge=0.0, le=1.0
        )
        alpha: bool = declared(
            False, 'The probability of class 1 is published too, as 32FC1 from 0 to 1.'
        )
        upsampling: str = declared(
            'nearest',
            "How scores and probabilities are brought to the picture's size: nearest (their "
            'classes are) or linear (smooth edges, takes longer with each class).',
            choices=('nearest', 'linear'),
        )
        outside: int = declared(
            0, 'Class of the pixels that the model does not see.', ge=0, le=MOST
        )
        ignored: int = declared(
            255,
            'Class number in ground truth that says that a pixel does not count.',
            ge=0,
            le=MOST,
        )

    @dataclass(frozen=True, slots=True)
    class Row:
        """A class in the picture: its name, number, pixels and share of the picture."""

        label: str
        class_id: int
        pixels: int
        share: float

    def __init__(self, settings: Settings, model: ModelDescription) -> None:
        self._settings = settings
        self._model = _named(model, settings.kind)
        self._picture = the_picture(model)
        output = the_output(model)
        self._axis = class_axis(output, settings.kind, model)
        self._output = output.name
        self.batched = len(output.shape) > (2 if self._axis is None else 3)
        self._colors = color_table()
        self._background = _background(settings.kind, self._model.labels)
        if settings.alpha and settings.kind != 'probability':
            raise SettingError(
                'alpha', True, "false, but for the kind 'probability'", where=str(model.identity)
            )
        shown = ('mask', 'alpha', 'label_info') if settings.alpha else ('mask', 'label_info')
        self.topics = tuple(topic for topic in self.topics if topic.name in shown)
        self._rounding = rounding(model.outputs)
        self._mix = ClassMix(self._model.labels)
        self._scratch = Scratch()

    def postprocess(self, outputs: Tensors, geometry: Geometry) -> ClassMap:
        """Finds the class of each pixel, and brings them to the picture's size."""
        settings, box = self._settings, geometry[self._picture]
        numbers = outputs[self._output]
        if self._axis is not None:
            with np.errstate(over='ignore'):
                scores = numbers.reshape(numbers.shape[-3:]).astype(np.float32, copy=False)
            smooth = settings.upsampling == 'linear'
            outside, scratch = settings.outside, self._scratch
            classes = best_class(scores, self._axis, box, smooth, outside, scratch)
            return ClassMap(classes, finite_share(scores))
        plane = numbers.reshape([size for size in numbers.shape if size != 1] or [1, 1])
        if settings.kind == 'classes':
            return self._numbered(plane, box)
        return self._probable(plane.astype(np.float32, copy=False), box)

    def _probable(self, plane: Array, box: Any) -> ClassMap:
        settings, finite = self._settings, finite_share(plane)
        odd = None if settings.sigmoid else improbable(plane, self._rounding)
        way, outside = settings.upsampling, float(bool(settings.outside))
        if not settings.alpha:
            least = _logit(settings.threshold) if settings.sigmoid else settings.threshold
            whole = to_source(plane, box, way, np.inf if outside else -np.inf)
            return ClassMap((whole >= least).view(np.uint8), finite, improbable=odd)
        if settings.sigmoid:
            plane = sigmoid(plane)
        alpha = np.clip(to_source(plane, box, way, outside), 0, 1)
        return ClassMap((alpha >= settings.threshold).view(np.uint8), finite, None, alpha, odd)

    def _numbered(self, plane: Array, box: Any) -> ClassMap:
        finite = np.isfinite(plane)
        low, high = float(np.min(plane, initial=0)), float(np.max(plane, initial=0))
        wrong = next((value for value in (low, high) if not 0 <= value <= MOST), None)
        dtype = np.uint8 if high <= 255 else np.uint16
        with np.errstate(invalid='ignore'):
            numbers = np.where(finite, np.clip(plane, 0, MOST), 0).astype(dtype)
        classes = to_source(numbers, box, 'nearest', self._settings.outside)
        return ClassMap(classes.copy(), float(finite.mean()), wrong)

    def validate(self, result: ClassMap, geometry: Geometry) -> Verdict:
        """Checks that all numbers are finite, and classes among the labels or probabilities."""
        reasons = []
        if result.finite_share < 1:
            share = f'{1 - result.finite_share:.3%} of the numbers are not finite'
            reasons.append(Reason('not_finite', share))
        if result.improbable is not None:
            text = f'a probability is {result.improbable:.6g}'
            reasons.append(Reason('probability_out_of_range', text))
        labels, unknown = len(self._model.labels), result.unknown
        if unknown is None and labels and result.classes.max(initial=0) >= labels:
            seen = result.classes[result.classes != self._settings.outside]
            highest = int(seen.max(initial=0))
            unknown = highest if highest >= labels else None
        if unknown is not None:
            text = f'class {unknown:g} of {labels or MOST + 1}'
            reasons.append(Reason('unknown_class', text))
        return Verdict(tuple(reasons))

    def encode(
        self, prediction: Prediction, header: Any, messages: MessageTypes
    ) -> Iterator[tuple[str, Any]]:
        """Builds the mask and the alpha, which is float32."""
        result = prediction.result
        yield 'mask', map_image(result.classes, header, messages)
        if result.alpha is not None:
            yield 'alpha', map_image(result.alpha, header, messages)

    def serialize(self, prediction: Prediction, header: Any) -> Iterator[tuple[str, bytes]]:
        """Builds the same in serialized form."""
        result = prediction.result
        yield 'mask', serialized_map_image(result.classes, header)
        if result.alpha is not None:
            yield 'alpha', serialized_map_image(result.alpha, header)

    def telling(self, result: ClassMap) -> bool:
        """Tells whether there is a pixel of another class than 0."""
        return bool(result.classes.any())

    def announce(self, messages: MessageTypes) -> Iterator[tuple[str, Any]]:
        """Builds the names of the class numbers."""
        message = messages('vision_msgs/msg/LabelInfo')()
        class_type = messages('vision_msgs/msg/VisionClass')
        classes = []
        for number, label in enumerate(self._model.labels):
            one = class_type()
            one.class_id, one.class_name = number, label
            classes.append(one)
        message.class_map = classes
        message.threshold = self._settings.threshold
        yield 'label_info', message

    def rows(self, result: ClassMap) -> Sequence[Row]:
        """Lists the classes in the picture, the largest first."""
        counts = counts_of(result.classes, MOST + 1)
        found = np.flatnonzero(counts)
        order = found[np.argsort(-counts[found], kind='stable')]
        return [
            self.Row(
                self._model.label(number),
                number,
                int(counts[number]),
                float(counts[number] / result.classes.size),
            )
            for number in order.tolist()
        ]

    def draw(self, canvas: Array, result: ClassMap) -> None:
        """Tints the pixels by their class, all but the background, and names the largest ones."""
        background = self._background
        if result.alpha is None:
            blend(canvas, result.classes, self._colors, SHOWN, background)
        else:
            blend_softly(canvas, result.alpha, class_color(1), SHOWN)
        named = [row for row in self.rows(result) if row.class_id != background][:LISTED]
        colors = (class_color(row.class_id % 256) for row in named)
        texts = (f'{row.label} {row.share:.0%}' for row in named)
        draw_list(canvas, list(zip(texts, colors, strict=True)))

    def compare(
        self, first: ClassMap, second: ClassMap, model: ModelDescription
    ) -> MapDifference | AlphaDifference:
        """Compares the classes of the pixels, by their names, or their probabilities."""
        labels = self._model.label, _named(model, self._settings.kind).label
        if first.alpha is not None and second.alpha is not None:
            return compare_alpha(first, second, labels)
        return compare_classes(first, second, labels)

    def translated(self, result: ClassMap, model: ModelDescription) -> ClassMap:
        """Returns a result of another model with the class numbers of this one."""
        other = _named(model, self._settings.kind)
        numbers = renumbered(result.classes, other, self._model)
        dtype = result.classes.dtype if numbers is result.classes else np.uint16
        return replace(result, classes=numbers.astype(dtype, copy=False))

    @property
    def truths(self) -> tuple[Topic, ...]:
        """The topic of the mask."""
        return self.topics[:1]

    def read(self, messages: Mapping[str, Any]) -> ClassMap:
        """Reads the true classes; those of `ignored` do not count."""
        encodings = ('mono8', '8UC1', 'mono16', '16UC1')
        classes = read_map(messages[self.topics[0].name], encodings)
        labels, ignored = len(self._model.labels), self._settings.ignored
        highest = int(classes[classes != ignored].max(initial=0))
        if labels and highest >= labels:
            raise MessageError('data', f'class {highest}', f'a class below {labels}, or {ignored}')
        return ClassMap(classes)

    def sample(self, result: ClassMap) -> Array:
        """Copies some of the pixels."""
        return map_sample(result.classes)

    def flicker(self, before: Array, between: Array, after: Array) -> tuple[int, int]:
        """Counts pixels whose class is another one for a frame."""
        return maps_flicker(before, between, after)

    def signals(self, result: ClassMap) -> dict[str, float]:
        """Tells the shares of classes in the picture, how even they are, and how ragged."""
        return map_signals(result.classes, self._mix)

    def scorer(self) -> ClassMapScorer:
        """Makes a scorer that has seen nothing."""
        settings = self._settings
        return ClassMapScorer(self._model.label, settings.ignored, settings.alpha)


def _named(model: ModelDescription, kind: str) -> ModelDescription:
    """Returns the description of a model with a name for what is not its only class."""
    if kind != 'probability' or len(model.labels) != 1:
        return model
    return replace(model, labels=(BACKGROUNDS[0], *model.labels))


def _background(kind: str, labels: Sequence[str]) -> int | None:
    """Returns the class that means that there is nothing; None if every class is something."""
    known = [n for n, name in enumerate(labels) if name.strip('_ ').lower() in BACKGROUNDS]
    if known:
        return known[0]
    return None if labels and kind != 'probability' else 0


def _logit(probability: float) -> float:
    with np.errstate(divide='ignore'):
        return float(np.log(np.float64(probability)) - np.log1p(-np.float64(probability)))
