"""Tells of results what needs no labels: how sure, how many, of which classes, how they spread.

A mean of each number over a second has a meaning, since watches compare such means.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from ml_integration.core.datatypes import Array
from ml_integration.ops.classes import Classes
from ml_integration.ops.depth_maps import DepthMap
from ml_integration.ops.detections import Detections

BUCKETS = 8
"""Most classes, or groups of classes, whose shares are told."""
POINTS = 1024
"""About as many values of a map or tensor are looked at, evenly spread."""
BEST = 32
"""Objects whose scores, areas and classes are told, the best ones."""
LONGEST = 32
"""Letters of a class name that are told."""
MOST_TENSORS = 4
"""Outputs of a model whose values are told, the first ones."""
_NAN = float('nan')
_NO_OBJECTS = {'score mean': _NAN, 'score entropy': _NAN, 'box area': _NAN}


class ClassMix:
    """Shares of classes, of which there are `BUCKETS` at most: beyond, every 8th class is in one.

    Args:
        labels: names of the classes; empty if there are none.
    """

    def __init__(self, labels: Sequence[str]) -> None:
        self._size = min(len(labels), BUCKETS) or BUCKETS
        more = '' if 0 < len(labels) <= BUCKETS else f' and every {BUCKETS}th'
        names = [labels[n][:LONGEST] if labels else f'class {n}' for n in range(self._size)]
        alike = {name for name in names if names.count(name) > 1}
        self.names = tuple(
            f'share of {name}{f" ({n})" if name in alike else ""}{more}'
            for n, name in enumerate(names)
        )
        self._unknown = dict.fromkeys(self.names, _NAN)

    def __call__(self, class_ids: Sequence[int]) -> dict[str, float]:
        """Returns the share of each class, or group, in N numbers; NaN if N is 0."""
        if not class_ids:
            return self._unknown.copy()
        counts, size, each = [0.0] * self._size, self._size, 1 / len(class_ids)
        for class_id in class_ids:
            counts[class_id % size] += each
        return dict(zip(self.names, counts, strict=True))

    def of_points(self, class_ids: Array) -> dict[str, float]:
        """Returns the same of an array of any shape."""
        counts = np.bincount(class_ids.ravel() % self._size, minlength=self._size)
        with np.errstate(invalid='ignore'):
            return dict(zip(self.names, (counts / class_ids.size).tolist(), strict=True))


def object_signals(found: Detections, mix: ClassMix) -> dict[str, float]:
    """Tells of objects: `count`, means of scores, of their entropy [bit], of areas, and the mix.

    The entropy of a score is that of a coin which shows the object so often: 1 where the model
    does not know. `box area` is the mean logarithm to base 2 of boxes' areas [px^2].
    """
    class_ids = found.class_ids[:BEST].tolist()
    count = len(class_ids)
    if not count:
        return {'count': 0.0, **_NO_OBJECTS, **mix(class_ids)}
    scores = found.scores[:BEST].tolist()
    areas = [(x2 - x1) * (y2 - y1) for x1, y1, x2, y2 in found.xyxy[:BEST].tolist()]
    return {
        'count': float(len(found)),
        'score mean': sum(scores) / count,
        'score entropy': sum(map(_coin, scores)) / count,
        'box area': sum(map(_doublings, areas)) / count,
        **mix(class_ids),
    }


def _coin(share: float) -> float:
    """Returns the entropy [bit] of a coin; 0 of what is no probability."""
    if not 0.0 < share < 1.0:
        return 0.0
    return -share * math.log2(share) - (1 - share) * math.log2(1 - share)


def _doublings(value: float) -> float:
    return math.log2(value) if 1.0 < value < math.inf else 0.0


def class_signals(classes: Classes, mix: ClassMix) -> dict[str, float]:
    """Tells of the classes of a picture, best first.

    `best score`, `margin` to the second, `count`, `score entropy` [bit] of all of them as shares
    of one, and which class is the best.
    """
    class_ids, scores = classes.class_ids[:BEST].tolist(), classes.scores[:BEST].tolist()
    if not scores:
        return {
            'count': 0.0,
            'best score': _NAN,
            'margin': _NAN,
            'score entropy': _NAN,
            **mix(class_ids),
        }
    positive = [score for score in scores if 0.0 < score < math.inf]
    total = sum(positive)
    return {
        'count': float(len(classes.scores)),
        'best score': scores[0],
        'margin': scores[0] - scores[1] if len(scores) > 1 else scores[0],
        'score entropy': -sum(one / total * math.log2(one / total) for one in positive) + 0.0,
        **mix(class_ids[:1]),
    }


def point_signals(keypoints: Array, least: float) -> dict[str, float]:
    """Tells of points (N, K, 3): the mean of their scores, and the share from `least` on."""
    if not keypoints.size:
        return {'point score mean': _NAN, 'seen points': _NAN}
    scores = keypoints[..., 2].ravel()
    return {
        'point score mean': float(scores.sum(dtype=np.float64)) / scores.size,
        'seen points': int(np.count_nonzero(scores >= least)) / scores.size,
    }


def map_signals(classes: Array, mix: ClassMix) -> dict[str, float]:
    """Tells of a map of classes (H, W).

    `largest share` is that of the largest class or group, `class entropy` [bit] that of all of
    them, and `edges` the share of points whose right neighbor is of another class.
    """
    shares = mix.of_points(sampled(classes))
    values = np.array(list(shares.values()))
    present = values[values > 0]
    step = _step(classes)
    pairs = classes[::step, 1::step] != classes[::step, :-1:step]
    return {
        'largest share': float(values.max(initial=0.0)) if classes.size else _NAN,
        'class entropy': float(-(present @ np.log2(present))) if classes.size else _NAN,
        'edges': int(np.count_nonzero(pairs)) / pairs.size if pairs.size else _NAN,
        **shares,
    }


def depth_signals(found: DepthMap) -> dict[str, float]:
    """Tells of a map of depths: their mean, spread, how rough they are, and how many are known.

    `depth below` is the mean of the lower half of the picture less that of the upper one.
    """
    points = sampled(found.depth)
    known = np.isfinite(points)
    values = points[known].astype(np.float64)
    if not values.size:
        signals = dict.fromkeys(('depth mean', 'depth spread', 'depth below', 'roughness'), _NAN)
        return {**signals, 'known share': 0.0}
    mean = float(values.sum()) / values.size
    upper = values[: int(np.count_nonzero(known[: len(points) // 2]))]
    with np.errstate(all='ignore'):
        below = (mean - upper.sum() / upper.size) * values.size / (values.size - len(upper))
        steps = np.abs(np.diff(points))
        steps = steps[np.isfinite(steps)]
    return {
        'depth mean': mean,
        'depth spread': max(float(values @ values) / values.size - mean**2, 0.0) ** 0.5,
        'depth below': float(below),
        'roughness': float(steps.sum(dtype=np.float64)) / steps.size if steps.size else _NAN,
        'known share': values.size / points.size,
    }


def tensor_signals(arrays: Mapping[str, Array]) -> dict[str, float]:
    """Tells of each array, the first `MOST_TENSORS`: moments of values, and the largest one.

    `mean`, `std`, `skewness` and `largest` are those of a sample of the values that are finite.
    """
    signals = {}
    for name, array in list(arrays.items())[:MOST_TENSORS]:
        flat = array.reshape(-1)
        values = flat[:: max(1, flat.size // POINTS)].astype(np.float64)
        values = values[np.isfinite(values)]
        for what, value in zip(_MOMENTS, _moments(values), strict=True):
            signals[f'{name[:LONGEST]} {what}'] = value
    return signals


_MOMENTS = ('mean', 'std', 'skewness', 'largest')


def _moments(values: Array) -> tuple[float, float, float, float]:
    if not values.size:
        return _NAN, _NAN, _NAN, _NAN
    mean = float(values.sum()) / values.size
    away = values - mean
    squares = away * away
    variance = float(squares.sum()) / values.size
    skewness = float(squares @ away) / values.size / variance**1.5 if variance > 1e-30 else 0.0
    return mean, variance**0.5, skewness, float(values.max())


def mask_share(instances: Array | None) -> float:
    """Returns the share of a map (H, W) that belongs to an object; NaN without a map."""
    if instances is None or not instances.size:
        return _NAN
    points = sampled(instances)
    return int(np.count_nonzero(points)) / points.size


def sampled(plane: Array) -> Array:
    """Returns about `POINTS` points of a map (H, W), every nth in every nth row."""
    step = _step(plane)
    return plane[step // 2 % max(1, len(plane)) :: step, ::step]


def _step(plane: Array) -> int:
    return max(1, round(math.sqrt(plane.size / POINTS)))
