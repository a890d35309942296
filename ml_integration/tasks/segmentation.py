"""Says of each pixel of a picture which class it shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml_integration.core.contracts import MessageTypes, Score, Topic
from ml_integration.core.datatypes import (
    Array,
    Geometry,
    ModelDescription,
    Prediction,
    Reason,
    Tensors,
    TensorSpec,
    Verdict,
)
from ml_integration.core.declaration import declared
from ml_integration.errors import ModelMismatchError
from ml_integration.ops.class_maps import (
    ClassMap,
    ClassMapScorer,
    best_class,
    blend,
    color_table,
    counts_of,
    finite_share,
)
from ml_integration.ops.decoding import the_output
from ml_integration.ops.dense_maps import to_source
from ml_integration.ops.drawing import class_color, draw_list
from ml_integration.ops.image_messages import map_image, serialized_map_image
from ml_integration.ops.picture_input import the_picture

SHOWN = 0.5
"""Share of the color in a tinted picture."""
LISTED = 12
"""Classes that are named in a drawn picture, the largest ones."""
MOST = 65535
BACKGROUNDS = ('background', 'bg', 'nothing', 'none', 'void', 'unlabeled', 'unknown')
"""Names of a class that is no thing, which is not tinted."""


@dataclass(frozen=True, slots=True)
class MapDifference:
    """Difference of two class maps.

    Attributes:
        disagreement: share of the pixels that have another class.
        first: class with the most pixels in the first.
        second: class with the most pixels in the second.
    """

    disagreement: float
    first: str
    second: str


class SegmentationScorer:
    """Scores class maps: mIoU, and the share of pixels that are right."""

    def __init__(self, scorer: ClassMapScorer, ignored: int) -> None:
        self._scorer, self._ignored = scorer, ignored

    def add(self, result: ClassMap, truth: ClassMap) -> None:
        """Adds a result and the truth, of the same size."""
        self._scorer.add(result.classes, truth.classes, self._ignored)

    def scores(self) -> list[Score]:
        """Returns mIoU, the accuracy of the pixels, and the IoU of each class."""
        return self._scorer.scores()


class Segmentation:
    """Segmenter with one picture as its input; publishes the class number of each pixel.

    The mask has the size of the picture: mono8, or mono16 for more than 256 classes. The names of
    the numbers are on `~/label_info`, latched.
    """

    topics = (
        Topic('mask', 'sensor_msgs/msg/Image'),
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
        upsampling: str = declared(
            'nearest',
            "How scores are brought to the picture's size: nearest (their classes are) or linear "
            '(smooth edges, takes longer with each class).',
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
        self._model = model
        self._picture = the_picture(model)
        output = the_output(model)
        self._axis = _class_axis(output, settings.kind, model)
        self._output = output.name
        self.batched = len(output.shape) > (2 if self._axis is None else 3)
        self._colors = color_table()
        self._background = _background(settings.kind, model.labels)

    def postprocess(self, outputs: Tensors, geometry: Geometry) -> ClassMap:
        """Finds the class of each pixel, and brings them to the picture's size."""
        settings, box = self._settings, geometry[self._picture]
        numbers = outputs[self._output]
        if self._axis is not None:
            with np.errstate(over='ignore'):
                scores = numbers.reshape(numbers.shape[-3:]).astype(np.float32, copy=False)
            smooth = settings.upsampling == 'linear'
            classes = best_class(scores, self._axis, box, smooth, settings.outside)
            return ClassMap(classes, finite_share(scores))
        plane = numbers.reshape([size for size in numbers.shape if size != 1] or [1, 1])
        if settings.kind == 'classes':
            return self._numbered(plane, box)
        plane = plane.astype(np.float32, copy=False)
        finite = finite_share(plane)
        least = _logit(settings.threshold) if settings.sigmoid else settings.threshold
        outside = np.inf if settings.outside else -np.inf
        whole = to_source(plane, box, settings.upsampling, outside)
        return ClassMap((whole >= least).astype(np.uint8), finite)

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
        """Checks that all numbers are finite, and that the classes are among the labels."""
        reasons = []
        if result.finite_share < 1:
            share = f'{1 - result.finite_share:.3%} of the numbers are not finite'
            reasons.append(Reason('not_finite', share))
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
        """Builds the mask."""
        yield 'mask', map_image(prediction.result.classes, header, messages)

    def serialize(self, prediction: Prediction, header: Any) -> Iterator[tuple[str, bytes]]:
        """Builds the mask in serialized form."""
        yield 'mask', serialized_map_image(prediction.result.classes, header)

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
        blend(canvas, result.classes, self._colors, SHOWN, background)
        named = [row for row in self.rows(result) if row.class_id != background][:LISTED]
        colors = (class_color(row.class_id % 256) for row in named)
        texts = (f'{row.label} {row.share:.0%}' for row in named)
        draw_list(canvas, list(zip(texts, colors, strict=True)))

    def compare(self, first: ClassMap, second: ClassMap, model: ModelDescription) -> MapDifference:
        """Compares the classes of the pixels, by their names."""
        largest = self._largest(first, self._model), self._largest(second, model)
        if first.classes.shape != second.classes.shape:
            return MapDifference(1.0, *largest)
        names: dict[str, int] = {}
        tables = (_numbers(first, self._model, names), _numbers(second, model, names))
        one, other = (t[m.classes] for t, m in zip(tables, (first, second), strict=True))
        return MapDifference(float(np.mean(one != other)) if one.size else 0.0, *largest)

    def _largest(self, result: ClassMap, model: ModelDescription) -> str:
        counts = counts_of(result.classes, MOST + 1)
        return model.label(int(counts.argmax()))

    def scorer(self) -> SegmentationScorer:
        """Makes a scorer that has seen nothing."""
        return SegmentationScorer(ClassMapScorer(self._model.label), self._settings.ignored)


def _numbers(result: ClassMap, model: ModelDescription, names: dict[str, int]) -> Array:
    """Returns a number for each class by its name, the same in all maps that share `names`."""
    classes = range(int(result.classes.max(initial=0)) + 1)
    return np.array([names.setdefault(model.label(n), len(names)) for n in classes])


def _background(kind: str, labels: Sequence[str]) -> int | None:
    """Returns the class that means that there is nothing; None if every class is something."""
    known = [n for n, name in enumerate(labels) if name.strip('_ ').lower() in BACKGROUNDS]
    if known:
        return known[0]
    return None if labels and kind != 'probability' else 0


def _logit(probability: float) -> float:
    with np.errstate(divide='ignore'):
        return float(np.log(np.float64(probability)) - np.log1p(-np.float64(probability)))


def _is_shaped(hw: tuple[int | None, ...], wh: tuple[int, int]) -> bool:
    """Tells whether height and width of a map have the ratio of a picture's."""
    height, width = hw
    return None in hw or (height or 0) * wh[0] == (width or 0) * wh[1]


def _class_axis(output: TensorSpec, kind: str, model: ModelDescription) -> int | None:
    """Returns which of the last three axes of the output counts classes; None if none does.

    Raises:
        ModelMismatchError: the output is none of such a kind.
    """
    shape, classes = output.shape, len(model.labels) or None
    if kind == 'scores':
        if len(shape) == 3 or (len(shape) == 4 and shape[0] in (1, None)):
            sizes = shape[-3:]
            axes = [
                axis
                for axis in (0, 2)
                if (size := sizes[axis]) is not None and size > 1 and classes in (None, size)
            ]
            (wh,) = model.pictures.values()
            # Where labels do not tell which one it is, the others are shaped as the picture.
            axes.sort(key=lambda axis: not _is_shaped(sizes[1 - axis // 2 :][:2], wh))
            if axes:
                return axes[0]
        reads = '[1, classes, height, width] or [1, height, width, classes], one per label'
    else:
        big = [size for size in shape if size != 1]
        if len(big) == 2 or (len(big) == 3 and shape[0] is None and 1 < len(shape) < 5):
            return None
        reads = '[1, height, width], [1, 1, height, width] or [1, height, width, 1]'
    raise ModelMismatchError(
        str(model.identity),
        f"the output does not hold the '{kind}' of a segmentation",
        f'{output}, {len(model.labels)} labels',
        reads,
        "Correct 'kind' or the labels of the manifest.",
    )
