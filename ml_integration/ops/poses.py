"""Points of objects: on the picture, how similar they are, as a message, and drawn."""

from __future__ import annotations

import math
from array import array as ByteArray  # noqa: N812
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from ml_integration.core.contracts import MessageTypes
from ml_integration.core.datatypes import Array
from ml_integration.ops.detections import Detections
from ml_integration.ops.drawing import class_color, line_width
from ml_integration.ops.letterbox import Letterbox

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
_FLOAT32 = 7


def on_picture(points: Array, place: Letterbox) -> Array:
    """Moves points (N, K, 3) [px of the model's input] to the picture [px]."""
    moved = points.copy()
    with np.errstate(over='ignore', invalid='ignore'):
        moved[..., :2] -= np.array(place.offset_xy, np.float32)
        moved[..., :2] /= np.array(place.scale_xy, np.float32)
    return moved


def around(points: Array, size_wh: tuple[int, int]) -> Array:
    """Returns boxes (N, 4) float32 around the points (N, K, 3), cut off at the picture's edges."""
    low, high = points[..., :2].min(axis=1), points[..., :2].max(axis=1)
    boxes = np.concatenate([low, high], axis=1).astype(np.float32)
    clipped: Array = np.clip(boxes, 0, np.array(size_wh * 2, np.float32))
    return clipped


def similarity(found: Detections, true: Detections) -> Array:
    """Returns the object keypoint similarity of COCO, (N, M) from 0 to 1.

    Points of the truth with a score of 0 do not count; objects without any are like nothing.
    """
    one, other = found.keypoints, true.keypoints
    if one is None or other is None or not len(one) or not len(other):
        return np.zeros((len(found), len(true)))
    count = other.shape[1]
    known = len(_COCO_SIGMAS) == count
    sigmas = np.array(_COCO_SIGMAS if known else [_USUAL_SIGMA] * count)
    sides = (true.xyxy[:, 2:] - true.xyxy[:, :2]).astype(np.float64)
    area = np.maximum(sides.prod(axis=1) * _BODY, 1.0)
    apart = ((one[:, None, :, :2] - other[None, :, :, :2]).astype(np.float64) ** 2).sum(axis=-1)
    with np.errstate(invalid='ignore', over='ignore'):
        alike = np.exp(-apart / (2 * (2 * sigmas) ** 2 * area[None, :, None]))
    visible = other[..., 2] > 0
    counts = visible.sum(axis=1)
    total = np.where(visible[None], alike, 0).sum(axis=-1)
    mean: Array = np.divide(total, counts, out=np.zeros(total.shape), where=counts > 0)
    return mean


def keypoint_cloud(keypoints: Array, header: Any, messages: MessageTypes) -> Any:
    """Builds a PointCloud2 of points (N, K, 3): a row per object, fields x, y [px] and score."""
    message, field_type = (
        messages('sensor_msgs/msg/PointCloud2')(),
        messages('sensor_msgs/msg/PointField'),
    )
    fields = []
    for place, name in enumerate(_FIELDS):
        field = field_type()
        field.name, field.offset, field.datatype, field.count = name, 4 * place, _FLOAT32, 1
        fields.append(field)
    message.header = header
    message.height, message.width = keypoints.shape[:2]
    message.fields, message.is_bigendian = fields, False
    message.point_step, message.row_step = 12, 12 * keypoints.shape[1]
    data = ByteArray('B')
    data.frombytes(np.ascontiguousarray(keypoints, '<f4').tobytes())
    message.data = data
    message.is_dense = bool(np.isfinite(keypoints).all())
    return message


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
