"""Reads results from messages like those that tasks publish: objects, classes and maps."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

import numpy as np

from ml_integration.core.datatypes import Array
from ml_integration.errors import MessageError
from ml_integration.ops.detections import Detections
from ml_integration.ops.image_layout import image_view
from ml_integration.ops.pixel_formats import pixel_format
from ml_integration.ops.point_clouds import FLOAT32, NUMBER_BYTES

MOST_OBJECTS = 10_000
"""Objects in one picture; scoring compares each with each."""
_ENCODINGS = {
    'mono8': np.uint8,
    '8UC1': np.uint8,
    'mono16': np.uint16,
    '16UC1': np.uint16,
    '32FC1': np.float32,
}


class ClassNumbers:
    """Finds the number of a class by what messages call it.

    Args:
        labels: names of the classes; none where numbers are their names.
        first: number of the first one.
    """

    def __init__(self, labels: Sequence[str], first: int = 0) -> None:
        self._numbers = {label: first + at for at, label in reversed(list(enumerate(labels)))}
        self._first = first
        self._labels = labels

    def __call__(self, name: str) -> int:
        """Returns the number of a class.

        Raises:
            MessageError: the model has no such class.
        """
        number = self._numbers.get(name)
        is_number = name.isascii() and name.isdecimal() and len(name) < 7
        if number is None and not self._labels and is_number:
            number = self._first + int(name)
        if number is None:
            known = ', '.join([*islice(self._labels, 6), *(['...'] * (len(self._labels) > 6))])
            raise MessageError('class_id', name, f'a class of the model: {known or "a number"}')
        return number


def read_detections(message: Any, number: ClassNumbers, turned: bool = False) -> Detections:
    """Reads a vision_msgs/msg/Detection2DArray: the first hypothesis of each object counts.

    Args:
        message: typed, or with the same attributes.
        number: finds classes.
        turned: whether the model's boxes are turned.

    Returns:
        The objects in the order of the message; a score that is not from 0 to 1 is 1.

    Raises:
        MessageError: there are too many, or one has no class, no size or no place.
    """
    items = message.detections
    if len(items) > MOST_OBJECTS:
        raise MessageError('detections', len(items), f'at most {MOST_OBJECTS}')
    rows, classes = [], []
    for item in items:
        if not item.results:
            raise MessageError('results', 'no hypothesis', 'a class for each object')
        said, box = item.results[0].hypothesis, item.bbox
        place = box.center
        rows.append((place.position.x, place.position.y, box.size_x, box.size_y, place.theta,
                     said.score))  # fmt: skip
        classes.append(number(said.class_id))
    table = np.array(rows, np.float64).reshape(-1, 6)
    with np.errstate(over='ignore', invalid='ignore'):
        center, half = table[:, :2], table[:, 2:4] / 2
        xyxy = np.hstack((center - half, center + half)).astype(np.float32)
    if not np.isfinite(xyxy).all() or not np.isfinite(table[:, 4]).all() or (half < 0).any():
        raise MessageError(
            'bbox', 'a box without place or size', 'finite numbers, no size below 0'
        )
    scores = table[:, 5].astype(np.float32)
    scores[~((scores >= 0) & (scores <= 1))] = 1
    angles = table[:, 4].astype(np.float32) if turned or table[:, 4].any() else None
    return Detections(xyxy, scores, np.array(classes, np.int32), len(rows), angles)


def read_classes(message: Any, number: ClassNumbers) -> tuple[Array, Array]:
    """Reads a vision_msgs/msg/Classification: class numbers (K,) int32 and scores (K,) float32.

    Raises:
        MessageError: a class is none of the model, or there are too many.
    """
    items = message.results
    if len(items) > MOST_OBJECTS:
        raise MessageError('results', len(items), f'at most {MOST_OBJECTS}')
    ids = np.array([number(item.class_id) for item in items], np.int32)
    scores = np.array([item.score for item in items], np.float64)
    scores[~((scores >= 0) & (scores <= 1))] = 1
    return ids, scores.astype(np.float32)


def read_keypoints(message: Any) -> Array:
    """Reads a sensor_msgs/msg/PointCloud2 with fields x, y and score: (N, K, 3) float32.

    Raises:
        MessageError: a field is missing or no FLOAT32, or sizes contradict each other.
    """
    offsets = {one.name: one.offset for one in message.fields if one.datatype == FLOAT32}
    step, count = message.point_step, message.height * message.width
    places = [offsets.get(name, step) for name in ('x', 'y', 'score')]
    if not count:
        return np.zeros((0, message.width, 3), np.float32)
    if max(places) + NUMBER_BYTES > step:
        raise MessageError('fields', ', '.join(offsets), 'x, y and score, FLOAT32, in each point')
    data = np.frombuffer(message.data, np.uint8)
    if data.size != count * step or message.row_step != step * message.width:
        raise MessageError('data', f'{data.size} bytes', f'{count} points of {step} bytes')
    dtype = np.dtype('>f4' if message.is_bigendian else '<f4')
    rows = data.reshape(count, step)
    columns = [rows[:, at : at + NUMBER_BYTES].copy().view(dtype)[:, 0] for at in places]
    points: Array = np.stack(columns, axis=1).astype(np.float32)
    return points.reshape(message.height, message.width, 3)


def read_map(message: Any, encodings: Sequence[str]) -> Array:
    """Reads a sensor_msgs/msg/Image with one number per pixel.

    Args:
        message: typed, or with the same attributes.
        encodings: those that may come, such as 'mono8' or '32FC1'.

    Returns:
        (H, W) uint8, uint16 or float32, a copy.

    Raises:
        MessageError: the encoding is another one, or sizes contradict each other.
    """
    if message.encoding not in encodings:
        raise MessageError('encoding', message.encoding, ' or '.join(encodings))
    pixel = pixel_format(message.encoding)
    view = image_view(
        message.data, message.height, message.width, message.step, pixel,
        bool(message.is_bigendian),
    )  # fmt: skip
    return view.astype(_ENCODINGS[message.encoding])
