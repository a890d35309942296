"""Estimates how far away each pixel of a picture is."""

from __future__ import annotations

import math
from array import array as ByteArray  # noqa: N812
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

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
from ml_integration.errors import ModelMismatchError, SettingError
from ml_integration.ops.decoding import check_output, the_output
from ml_integration.ops.dense_maps import to_source
from ml_integration.ops.depth_maps import (
    KINDS,
    DepthMap,
    aligned,
    in_colors,
    limited,
    normalized,
)
from ml_integration.ops.drawing import draw_list
from ml_integration.ops.flicker import depths_flicker, map_sample, scaled
from ml_integration.ops.picture_input import the_picture
from ml_integration.ops.reading_results import read_map
from ml_integration.ops.result_signals import depth_signals

MESSAGE_TYPE = 'sensor_msgs/msg/Image'
TOPICS = {kind: 'depth' if kind == 'metric' else kind for kind in KINDS}
"""Topic of the numbers of each kind."""
LEAST_M = float(np.finfo(np.float32).tiny)
MOST_M = float(np.finfo(np.float32).max)
"""Numbers that are positive and finite."""
NEAR, FAR = (20, 20, 200), (160, 60, 60)
"""About the colors of what is near and what is far."""
SHOWN = 0.75
"""Part of a color in a drawn pixel; the rest is the picture's."""


@dataclass(frozen=True, slots=True)
class DepthDifference:
    """Difference of two maps.

    Attributes:
        relative: mean difference of the pixels that both know: of metric maps as a share of the
            depth, of others after their scale is taken away.
        overlap: pixels that both know, as a share of those that one of them knows.
    """

    relative: float
    overlap: float

    @property
    def disagreement(self) -> float:
        """Part of the pixels that only one of them knows, and how far apart the others are."""
        return 1 - self.overlap * (1 - min(self.relative, 1.0))


class DepthScorer:
    """Errors of depth, each the mean over all pixels whose truth is known.

    The figures are those of Eigen et al., 2014 (Depth Map Prediction from a Single Image using a
    Multi-Scale Deep Network); relative maps are brought to the scale of the truth first.
    """

    def __init__(self) -> None:
        self._sums = np.zeros(4)
        self._count = self._asked = 0

    def add(self, result: DepthMap, truth: DepthMap) -> None:
        """Adds a result and the truth, a metric map of the same size.

        Raises:
            ValueError: the truth is not metric, or of another size.
        """
        if not truth.metric or truth.depth.shape != result.depth.shape:
            raise ValueError(f'the truth is {truth.kind} {truth.depth.shape}')
        depth = aligned(result, truth.depth)
        asked = np.isfinite(truth.depth) & (truth.depth > 0)
        both = asked & np.isfinite(depth) & (depth > 0)
        mine, true = depth[both].astype(np.float64), truth.depth[both].astype(np.float64)
        error, ratio = np.abs(mine - true), np.maximum(mine / true, true / mine)
        measures = (error, error**2, error / true, ratio < 1.25)
        self._sums += [float(np.sum(each)) for each in measures]
        self._count += len(mine)
        self._asked += int(np.count_nonzero(asked))

    def scores(self) -> tuple[Score, ...]:
        """Returns AbsRel, MAE, RMSE, the share of pixels within a factor of 1.25, and coverage.

        That is the share of the pixels with a truth that have a depth; all others are about these.
        """
        with np.errstate(invalid='ignore'):
            mae, mse, rel, close = (self._sums / np.float64(self._count)).tolist()
            coverage = float(np.float64(self._count) / np.float64(self._asked))
        return (
            Score('AbsRel', rel, higher_is_better=False),
            Score('MAE', mae, 'm', higher_is_better=False),
            Score('RMSE', math.sqrt(mse) if mse >= 0 else mse, 'm', higher_is_better=False),
            Score('delta<1.25', close),
            Score('coverage', coverage),
        )


class DepthEstimation:
    """Estimator with one picture as its input and one number per pixel as its output.

    Meters are published as depth images are by convention (REP 118: 32FC1, NaN where unknown).
    Numbers without a unit go to a topic of another name, so that nobody takes them for meters.
    """

    topics: tuple[Topic, ...] = tuple(Topic(name, MESSAGE_TYPE) for name in TOPICS.values())

    @dataclass(frozen=True, slots=True)
    class Settings:
        """Settings that belong to the model."""

        kind: str = declared(
            '',
            'What a number of the output is: metric is a distance; relative_depth is larger for '
            'what is farther, inverse_depth (a disparity) for what is nearer, both without a '
            'unit, as the model gives them.',
            choices=KINDS,
            required=True,
        )
        unit_m: float = declared(
            1.0, 'Distance that a 1 of a metric output stands for [m].', ge=1e-9
        )
        min_m: float = declared(0.0, 'Smallest metric depth that is published [m].', ge=0.0)
        max_m: float = declared(
            0.0, 'Largest metric depth that is published [m]; 0: no limit.', ge=0.0
        )
        upsampling: str = declared(
            'linear',
            "How the map is brought to the picture's size.",
            choices=('linear', 'cubic', 'nearest'),
        )
        min_valid_share: float = declared(
            0.9,
            'Smallest share of numbers that are finite and, of a metric output, larger than 0; '
            'with fewer the result is not valid.',
            ge=0.0,
            le=1.0,
        )

    @dataclass(frozen=True, slots=True)
    class Row:
        """A map: smallest, median and largest number, and the share of pixels that has one.

        The unit is 'm', or empty for numbers without one.
        """

        kind: str
        unit: str
        min: float
        median: float
        max: float
        valid_share: float

    def __init__(self, settings: Settings, model: ModelDescription) -> None:
        self._settings = settings
        self._picture = the_picture(model)
        output = the_output(model)
        self._check(settings, model)
        self._output, self.batched = output.name, len(output.shape) > 2
        self._channel_last = len(output.shape) == 4 and output.shape[-1] == 1
        self._metric = settings.kind == 'metric'
        self.topics = (Topic(TOPICS[settings.kind], MESSAGE_TYPE),)

    def _check(self, settings: Settings, model: ModelDescription) -> None:
        if settings.max_m and settings.max_m <= settings.min_m:
            expected = f'more than min_m, which is {settings.min_m:g}'
            raise SettingError('max_m', settings.max_m, expected, where=str(model.identity))
        limits = (settings.unit_m, settings.min_m, settings.max_m)
        if settings.kind != 'metric' and limits != (1.0, 0.0, 0.0):
            raise ModelMismatchError(
                str(model.identity),
                f"numbers of kind '{settings.kind}' are no meters",
                f'unit_m {limits[0]:g}, min_m {limits[1]:g}, max_m {limits[2]:g}',
                'neither unit_m nor limits',
                "Remove them from 'settings', or correct 'kind'.",
            )
        output = the_output(model)
        axes, last = len(output.shape), output.shape[-1:]
        shape: tuple[int | None, ...] = (1, None, None) if axes == 3 else (None, None)
        if axes == 4:
            shape = (1, None, None, 1) if last == (1,) else (1, 1, None, None)
        reads = '[1, height, width], [1, 1, height, width] or [1, height, width, 1]'
        check_output(model, output, shape, reads)

    def postprocess(self, outputs: Tensors, geometry: Geometry) -> DepthMap:
        """Brings the map to the picture's size; NaN where the model did not look."""
        settings, numbers = self._settings, outputs[self._output]
        shape = numbers.shape
        numbers = numbers.reshape(shape[1:3] if self._channel_last else shape[-2:])
        with np.errstate(over='ignore', invalid='ignore'):
            mine = numbers.astype(np.float32, copy=False)
            mine = mine if settings.unit_m == 1 else mine * np.float32(settings.unit_m)
        whole, _ = cv2.checkRange(mine)
        some = mine if whole else mine[np.isfinite(mine)]
        low, high = (float(some.min()), float(some.max())) if some.size else (0.0, 0.0)
        positive = some.size if low > 0 else np.count_nonzero(some > 0)
        # Numbers that are not finite spread with any other way.
        way = settings.upsampling if whole else 'nearest'
        depth = to_source(mine, geometry[self._picture], way, np.nan)
        if np.may_share_memory(depth, numbers):  # which the next run writes over
            depth = depth.copy()
        if self._metric:
            limited(depth, max(settings.min_m, LEAST_M), settings.max_m or MOST_M)
        elif not whole:
            limited(depth, -MOST_M, MOST_M)
        shares = (some.size / mine.size, positive / mine.size)
        return DepthMap(depth, settings.kind, *shares, spread=high - low)

    def validate(self, result: DepthMap, geometry: Geometry) -> Verdict:
        """Checks that the model gave numbers, that depths are positive, and that they differ."""
        least, reasons = self._settings.min_valid_share, []
        if result.finite < least:
            text = f'{result.finite:.1%} of the numbers are finite, which should be {least:.0%}'
            reasons.append(Reason('not_finite', text))
        elif self._metric and result.positive < least:
            text = f'{result.positive:.1%} of the depths are positive, which should be {least:.0%}'
            reasons.append(Reason('not_positive', text))
        elif result.spread == 0 and result.depth.size > 1:
            reasons.append(Reason('constant', 'all pixels are equally far away'))
        return Verdict(tuple(reasons))

    def encode(
        self, prediction: Prediction, header: Any, messages: MessageTypes
    ) -> Iterator[tuple[str, Any]]:
        """Builds the image: 32FC1, in meters or without a unit, NaN where nothing is known."""
        (topic,) = self.topics
        message = messages(topic.message_type)()
        depth = np.ascontiguousarray(prediction.result.depth, '<f4')
        message.header = header
        message.height, message.width = depth.shape
        message.encoding, message.is_bigendian, message.step = '32FC1', 0, 4 * depth.shape[1]
        data = ByteArray('B')
        data.frombytes(depth.data.cast('B'))
        message.data = data
        yield topic.name, message

    def rows(self, result: DepthMap) -> Sequence[Row]:
        """Lists the map as a whole; nothing if no pixel has a number."""
        numbers = result.depth[result.known]
        if not numbers.size:
            return []
        low, high = float(numbers.min()), float(numbers.max())
        middle = float(np.median(numbers.astype(np.float64)))  # two may be too large for a sum
        share = numbers.size / result.depth.size
        return [self.Row(result.kind, 'm' if result.metric else '', low, middle, high, share)]

    def draw(self, canvas: Array, result: DepthMap) -> None:
        """Colors the picture, red for what is near, and writes the numbers of both ends."""
        colors, known, (near, far) = in_colors(result)
        mixed = cv2.addWeighted(canvas, 1 - SHOWN, colors, SHOWN, 0)
        cv2.copyTo(mixed, known, canvas)
        if not known.any():
            return
        unit = ' m' if result.metric else ''
        ends = ((f'near {near:.3g}{unit}', NEAR), (f'far {far:.3g}{unit}', FAR))
        draw_list(canvas, ends)

    def compare(
        self, first: DepthMap, second: DepthMap, model: ModelDescription
    ) -> DepthDifference:
        """Compares two maps of one picture; of relative ones the scale does not matter."""
        if (first.kind, first.depth.shape) != (second.kind, second.depth.shape):
            return DepthDifference(math.inf, 0.0)
        both, either = first.known & second.known, first.known | second.known
        if not both.any():
            return DepthDifference(0.0 if not either.any() else math.inf, float(not either.any()))
        overlap = np.count_nonzero(both) / np.count_nonzero(either)
        if first.metric:
            one, other = (item.depth[both].astype(np.float64) for item in (first, second))
            apart = np.abs(one - other) / ((one + other) / 2)
        else:
            apart = np.abs(normalized(first, both) - normalized(second, both))
        return DepthDifference(float(apart.mean()), overlap)

    @property
    def truths(self) -> tuple[Topic, ...]:
        """The topic of the numbers, on which the truth is in meters whatever the model gives."""
        return self.topics

    def read(self, messages: Mapping[str, Any]) -> DepthMap:
        """Reads a true depth: 32FC1 in meters or 16UC1 in millimeters, as REP 118 says."""
        depth = read_map(messages[self.topics[0].name], ('32FC1', '16UC1', 'mono16'))
        if depth.dtype == np.uint16:
            depth = depth / np.float32(1000)
            depth[depth == 0] = np.nan
        return DepthMap(depth)

    def sample(self, result: DepthMap) -> Array:
        """Copies some of the pixels; of numbers without a scale, their ratio to the median."""
        sample = map_sample(result.depth)
        return sample if result.metric else scaled(sample)

    def flicker(self, before: Array, between: Array, after: Array) -> tuple[int, int]:
        """Counts pixels that are clearly nearer or farther for a frame."""
        return depths_flicker(before, between, after)

    def signals(self, result: DepthMap) -> dict[str, float]:
        """Tells how far things are, how that spreads, and how much is known."""
        return depth_signals(result)

    def scorer(self) -> DepthScorer:
        """Makes a scorer that has seen nothing."""
        return DepthScorer()
