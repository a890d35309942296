"""Points of objects: on the picture, how similar they are, as a message, and drawn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import cv2
import numpy as np

from ml_integration.core.contracts import MessageTypes
from ml_integration.core.datatypes import Array
from ml_integration.ops.detections import Detections
from ml_integration.ops.drawing import class_color, line_width
from ml_integration.ops.letterbox import Letterbox
from ml_integration.ops.point_clouds import point_cloud, serialized_point_cloud

COCO = (
    'nose', 'left_eye', 'right_eye', 'left_ear', 'right_ear', 'left_shoulder', 'right_shoulder',
    'left_elbow', 'right_elbow', 'left_wrist', 'right_wrist', 'left_hip', 'right_hip',
    'left_knee', 'right_knee', 'left_ankle', 'right_ankle',
)  # fmt: skip
"""Points of a person in COCO, which models with 17 points have."""
COCO_BONES = (
    (15, 13), (13, 11), (16, 14), (14, 12), (11, 12), (5, 11), (6, 12), (5, 6), (5, 7), (6, 8),
    (7, 9), (8, 10), (1, 2), (0, 1), (0, 2), (1, 3), (2, 4), (3, 5), (4, 6),
)  # fmt: skip
FACE = ('right_eye', 'left_eye', 'nose', 'right_mouth_corner', 'left_mouth_corner')
"""Points of a face in all usual detectors with five; right is the person's own right."""
_COCO_SIGMAS = (
    0.026, 0.025, 0.025, 0.035, 0.035, 0.079, 0.079, 0.072, 0.072, 0.062, 0.062, 0.107, 0.107,
    0.087, 0.087, 0.089, 0.089,
)  # fmt: skip
"""How much people who mark points disagree, as a share of an object's size (COCO's own)."""
_USUAL_SIGMA = 0.05
_BODY = 0.53
"""Share of a box that the body in it covers, where no outline is known."""
_MANY = 50
"""Points of an object up to which each has a color of its own."""
_OF_MANY = class_color(3)
"""Color of the points of a mesh, in which colors would only be confetti."""
_FIELDS = ('x', 'y', 'score')


@runtime_checkable
class Skeletal(Protocol):
    """Task that knows how its points are drawn."""

    bones: Sequence[tuple[int, int]]
    """Pairs of points between which there is a line."""
    least_score: float
    """Score from which on a point is drawn."""


def on_picture(points: Array, place: Letterbox) -> Array:
    """Moves points (N, K, 3) [px of the model's input] to the picture [px]."""
    moved = points.copy()
    with np.errstate(over='ignore', invalid='ignore'):
        moved[..., :2] -= np.array(place.offset_xy, np.float32)
        moved[..., :2] /= np.array(place.scale_xy, np.float32)
    return moved


def around(points: Array, size_wh: tuple[int, int], least: float = 0.0) -> Array:
    """Returns boxes (N, 4) float32 around the points (N, K, 3), cut off at the picture's edges.

    Points that score less than `least` may lie anywhere and do not count, unless all do.
    """
    with np.errstate(invalid='ignore'):
        hidden = points[..., 2] < least  # NaN stays, for validation to report
    hidden &= ~hidden.all(axis=1, keepdims=True)
    low = np.where(hidden[..., None], np.inf, points[..., :2]).min(axis=1)
    high = np.where(hidden[..., None], -np.inf, points[..., :2]).max(axis=1)
    boxes = np.concatenate([low, high], axis=1).astype(np.float32)
    clipped: Array = np.clip(boxes, 0, np.array(size_wh * 2, np.float32))
    return clipped


def similarity(found: Detections, true: Detections) -> Array:
    """Returns the object keypoint similarity of COCO, (N, M) from 0 to 1.

    Points of the truth with a score of 0 do not count. Of an object without any other, all points
    are right that lie in its box or at most as far beside it as that is wide and high.
    """
    one, other = found.keypoints, true.keypoints
    if one is None or other is None or not len(one) or not len(other):
        return np.zeros((len(found), len(true)))
    points, truth = (each[..., :2].astype(np.float64) for each in (one, other))
    low, high = true.xyxy[:, None, :2].astype(np.float64), true.xyxy[:, None, 2:]
    side = high - low
    visible = other[..., 2] > 0
    hidden = np.logical_not(visible.any(axis=1))
    visible[hidden] = True
    with np.errstate(invalid='ignore', over='ignore'):
        apart = points[:, None] - truth
        beside = np.maximum(low - side - points[:, None], points[:, None] - high - side)
        beside = np.maximum(beside, 0)
        apart = np.where(hidden[:, None, None], beside, apart)
        alike = _alike((apart**2).sum(axis=-1), _areas(true)[None])
    mean: Array = np.where(visible, alike, 0).sum(axis=-1) / np.maximum(1, visible.sum(axis=-1))
    return mean


def unseen(true: Detections) -> Array:
    """Tells which objects (M,) show none of their points, so that nobody has to find them."""
    points = true.keypoints
    if points is None:
        return np.zeros(len(true), bool)
    hidden: Array = np.logical_not((points[..., 2] > 0).any(axis=-1))
    return hidden


def likeness(first: Detections, second: Detections) -> Array:
    """Returns how alike the points of two results are, (N, M) from 0 to 1, both in one role.

    As `similarity`, with the mean of both sizes; points count as much as they score in both.
    """
    one, other = first.keypoints, second.keypoints
    if one is None or other is None or not len(one) or not len(other):
        return np.zeros((len(first), len(second)))
    area = (_areas(first)[:, None] + _areas(second)[None]) / 2
    with np.errstate(invalid='ignore', over='ignore'):
        apart = one[:, None, :, :2].astype(np.float64) - other[None, :, :, :2]
        alike = _alike((apart**2).sum(axis=-1), area)
        weights = np.maximum(one[:, None, :, 2] + other[None, :, :, 2], 0).astype(np.float64)
        weights[weights.sum(axis=-1) == 0] = 1.0
        mean: Array = (alike * weights).sum(axis=-1) / weights.sum(axis=-1)
    return mean


def _areas(found: Detections) -> Array:
    """Returns what the bodies in the boxes cover (N,) [px^2], at least 1."""
    sides = (found.xyxy[:, 2:] - found.xyxy[:, :2]).astype(np.float64)
    areas: Array = np.maximum(sides.prod(axis=1) * _BODY, 1.0)
    return areas


def _alike(apart: Array, area: Array) -> Array:
    """Returns how alike points (N, M, K) are by the squares of their distances [px^2].

    Args:
        apart: (N, M, K).
        area: of the objects [px^2], broadcast to (N, M).
    """
    known = len(_COCO_SIGMAS) == apart.shape[-1]
    sigmas = np.array(_COCO_SIGMAS if known else [_USUAL_SIGMA] * apart.shape[-1])
    alike: Array = np.exp(-apart / (2 * (2 * sigmas) ** 2 * area[..., None]))
    return alike


def keypoint_cloud(keypoints: Array, header: Any, messages: MessageTypes) -> Any:
    """Builds a PointCloud2 of points (N, K, 3): a row per object, fields x, y [px] and score."""
    dense = bool(np.isfinite(keypoints).all())
    return point_cloud(keypoints, _FIELDS, dense, header, messages)


def serialized_keypoint_cloud(keypoints: Array, header: Any) -> bytes:
    """Builds the same message in serialized form."""
    dense = bool(np.isfinite(keypoints).all())
    return serialized_point_cloud(keypoints, _FIELDS, dense, header)


def draw_poses(
    canvas: Array, keypoints: Array, bones: Sequence[tuple[int, int]], least: float
) -> None:
    """Draws points (N, K, 3) that score at least `least`, and the bones between them."""
    width = line_width(canvas)
    with np.errstate(invalid='ignore'):
        seen = (keypoints[..., 2] >= least) & np.isfinite(keypoints).all(axis=-1)
    places = np.rint(np.where(seen[..., None], keypoints[..., :2], 0)).clip(-32768, 32767)
    places = places.astype(np.int32)
    for points, visible in zip(places, seen, strict=True):
        shown = points[visible]
        radius = min(width + 1, _dot_radius(shown))
        lines = [points[[a, b]] for a, b in bones if visible[a] and visible[b]]
        for number, line in enumerate(lines):
            thin = min(width, max(1, radius))
            cv2.polylines(canvas, [line], False, class_color(number), thin, cv2.LINE_AA)
        for number, place in zip(np.flatnonzero(visible).tolist(), shown.tolist(), strict=True):
            color = class_color(number) if len(shown) <= _MANY else _OF_MANY
            cv2.circle(canvas, place, radius, color, -1, cv2.LINE_AA)


def _dot_radius(points: Array) -> int:
    """Returns the radius [px] with which dots at points (K, 2) leave most of the thing visible."""
    if not len(points):
        return 0
    width, height = np.ptp(points, axis=0).tolist()
    return round(math.sqrt(width * height / len(points)) / 8)
