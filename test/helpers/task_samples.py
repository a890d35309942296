"""A model for each task, and what its messages say."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np

from ml_integration.core.datatypes import ModelDescription, ModelIdentity, TensorSpec

HEADER = SimpleNamespace(frame_id='camera', stamp=SimpleNamespace(sec=1, nanosec=2))
INPUT = TensorSpec('images', 'float32', (None, 3, 32, 32))
PICTURE = {'images': (32, 32)}


class Draft:
    """Stands for any message: fields appear when they are first used."""

    def __init__(self, type_name: str) -> None:
        self.type_name = type_name

    def __getattr__(self, name: str) -> Draft:
        if name.startswith('_'):
            raise AttributeError(name)
        setattr(self, name, Draft(name))
        value: Draft = self.__dict__[name]
        return value


def messages(type_name: str) -> Any:
    assert type_name.count('/') == 2, f"'{type_name}' is no full type name"
    return lambda: Draft(type_name)


@dataclasses.dataclass(frozen=True)
class Sample:
    """A model for a task, and what becomes of its outputs.

    Attributes:
        settings: what the manifest says.
        labels: the model's; empty where the task has no classes.
        outputs: for one observation.
        nothing: the same, of a model that sees nothing.
        text: what a message says.
        published: that of each message, by topic.
        empty: the same, of a model that sees nothing.
        looks: whether the task is about a picture.
        draws: whether results can be drawn.
        names: whether messages name classes.
    """

    settings: dict[str, Any]
    labels: tuple[str, ...]
    outputs: dict[str, np.ndarray]
    nothing: dict[str, np.ndarray]
    text: Callable[[Any], Any]
    published: dict[str, Any]
    empty: dict[str, Any]
    looks: bool = True
    draws: bool = True
    names: bool = True

    def model(self, pictures: Mapping[str, tuple[int, int]] | None = None) -> ModelDescription:
        specs = tuple(TensorSpec(n, a.dtype.name, a.shape) for n, a in self.outputs.items())
        identity, known = ModelIdentity('m', 1), PICTURE if pictures is None else pictures
        return ModelDescription(identity, self.labels, (INPUT,), specs, known)


def detection_text(detection: Any) -> tuple[Any, ...]:
    (hypothesis,) = detection.results
    box = detection.bbox
    center = (box.center.position.x, box.center.position.y)
    text = (hypothesis.hypothesis.class_id, round(hypothesis.hypothesis.score, 3))
    return (*text, *center, box.size_x, box.size_y, detection.header.frame_id)


def detections_text(message: Any) -> list[Any]:
    assert message.header is HEADER
    return [detection_text(detection) for detection in message.detections]


def boxes_or_mask_text(message: Any) -> list[Any]:
    """Detections, or of an image its size, encoding and how many pixels each number has."""
    if message.type_name != 'sensor_msgs/msg/Image':
        return detections_text(message)
    assert message.header is HEADER
    dtype = {'mono8': '<u1', 'mono16': '<u2'}[message.encoding]
    pixels = np.frombuffer(message.data, dtype).reshape(message.height, -1)
    assert (message.step, pixels.shape[1]) == (pixels.strides[0], message.width)
    numbers, counts = np.unique(pixels, return_counts=True)
    return [
        message.width,
        message.height,
        dict(zip(numbers.tolist(), counts.tolist(), strict=True)),
    ]


def classes_text(message: Any) -> list[Any]:
    assert message.header is HEADER
    return [(one.class_id, round(one.score, 3)) for one in message.results]


def numbers_text(message: Any) -> list[Any]:
    """A message of numbers has no header."""
    dimensions = [(one.label, one.size, one.stride) for one in message.layout.dim]
    return [*dimensions, *message.data]


LEFT_HALF = np.full((1, 1, 8, 8), -1, np.float32)
"""A mask as logits that is above 0 in the left half of a picture."""
LEFT_HALF[..., :4] = 1


def depth_text(message: Any) -> list[Any]:
    """Its form, and the numbers of the corners and the center; None where nothing is known."""
    assert message.header is HEADER
    form = (message.height, message.width, message.encoding, message.step, message.is_bigendian)
    numbers = np.frombuffer(message.data, '<f4').reshape(message.height, message.width)
    some = numbers[[0, 0, 10, -1, -1], [0, -1, 12, 0, -1]].tolist()
    return [form, *(None if np.isnan(number) else number for number in some)]


DEPTH_FORM = (32, 64, '32FC1', 256, 0)
DISTANCES = np.linspace(1, 3, 32, dtype=np.float32)[None, None].repeat(32, axis=1)


def mask_text(message: Any) -> list[Any]:
    """Its form, and the classes of the corners."""
    assert message.header is HEADER
    form = (message.height, message.width, message.encoding, message.step)
    classes = np.frombuffer(message.data, np.uint8).reshape(message.height, message.width)
    return [form, *classes[[0, 0, -1, -1], [0, -1, 0, -1]].tolist()]


RIGHT_HALF = np.zeros((1, 3, 8, 8), np.float32)
"""Scores of three classes, of which the last is the best one in the right half."""
RIGHT_HALF[:, 0, :, :4] = 1
RIGHT_HALF[:, 2, :, 4:] = 1


def points_text(message: Any) -> list[Any]:
    """Its form, and all numbers, object by object."""
    assert message.header is HEADER
    fields = [(field.name, field.offset, field.datatype) for field in message.fields]
    form = (message.height, message.width, message.point_step, message.row_step)
    return [form, *fields, *np.frombuffer(message.data, '<f4').tolist()]


def pose_text(message: Any) -> list[Any]:
    is_boxes = message.type_name.endswith('Detection2DArray')
    return detections_text(message) if is_boxes else points_text(message)


POINT_FIELDS = [('x', 0, 7), ('y', 4, 7), ('score', 8, 7)]

SAMPLES = {
    'keypoints': Sample(
        settings={
            'decoder': 'end_to_end',
            'decoder_options': {'other_columns': 6},
            'points': 'in_rows',
        },
        labels=('person', 'car'),
        outputs={'out': np.array([[[4, 8, 20, 24, 0.75, 1, 8, 10, 1, 16, 20, 0.5]]], np.float32)},
        nothing={'out': np.zeros((1, 1, 12), np.float32)},
        text=pose_text,
        published={
            'detections': [('car', 0.75, 24.0, 16.0, 32.0, 32.0, 'camera')],
            'keypoints': [(1, 2, 12, 24), *POINT_FIELDS, 16.0, 4.0, 1.0, 32.0, 24.0, 0.5],
        },
        empty={'detections': [], 'keypoints': [(0, 2, 12, 24), *POINT_FIELDS]},
    ),
    'segmentation': Sample(
        settings={'kind': 'scores'},
        labels=('nothing', 'road', 'car'),
        outputs={'out': RIGHT_HALF},
        nothing={'out': np.zeros((1, 3, 8, 8), np.float32)},
        text=mask_text,
        published={'mask': [(32, 64, 'mono8', 64), 0, 2, 0, 2]},
        empty={'mask': [(32, 64, 'mono8', 64), 0, 0, 0, 0]},
        names=False,
    ),
    'depth_estimation': Sample(
        settings={'kind': 'metric', 'unit_m': 2.0, 'max_m': 10.0, 'upsampling': 'nearest'},
        labels=(),
        outputs={'depth': DISTANCES},
        nothing={'depth': 20 * DISTANCES},
        text=depth_text,
        published={
            'depth': [(32, 64, '32FC1', 256, 0), 2.0, 6.0, float(DISTANCES[0, 0, 6] * 2), 2.0, 6.0]
        },
        empty={'depth': [DEPTH_FORM, None, None, None, None, None]},
    ),
    'object_detection': Sample(
        settings={'decoder': 'end_to_end'},
        labels=('person', 'car'),
        outputs={'out': np.array([[[4, 8, 20, 24, 0.75, 1]]], np.float32)},
        nothing={'out': np.zeros((1, 1, 6), np.float32)},
        text=detections_text,
        published={'detections': [('car', 0.75, 24.0, 16.0, 32.0, 32.0, 'camera')]},
        empty={'detections': []},
    ),
    'instance_segmentation': Sample(
        settings={
            'decoder': 'end_to_end',
            'decoder_options': {'other_columns': 1},
            'masks': 'prototypes',
        },
        labels=('person', 'car'),
        outputs={
            'out': np.array([[[4, 8, 20, 24, 0.75, 1, 1]]], np.float32),
            'protos': LEFT_HALF,
        },
        nothing={'out': np.zeros((1, 1, 7), np.float32), 'protos': LEFT_HALF},
        text=boxes_or_mask_text,
        published={
            'detections': [('car', 0.75, 24.0, 16.0, 32.0, 32.0, 'camera')],
            'instance_mask': [64, 32, {0: 64 * 32 - 24 * 32, 1: 24 * 32}],
        },
        empty={'detections': [], 'instance_mask': [64, 32, {0: 64 * 32}]},
    ),
    'classification': Sample(
        settings={'score_threshold': 0.5},
        labels=('cat', 'dog'),
        outputs={'out': np.array([[0.25, 0.75]], np.float32)},
        nothing={'out': np.array([[0.25, 0.25]], np.float32)},
        text=classes_text,
        published={'classification': [('dog', 0.75)]},
        empty={'classification': []},
    ),
    'tensor': Sample(
        settings={'dimensions': ['batch', 'joint']},
        labels=(),
        outputs={
            'action': np.array([[0.25, -1.5]], np.float32),
            'value': np.array([7], np.float64),
        },
        nothing={'action': np.zeros((1, 2), np.float32), 'value': np.zeros(1, np.float64)},
        text=numbers_text,
        published={
            'tensor/action': [('batch', 1, 2), ('joint', 2, 2), 0.25, -1.5],
            'tensor/value': [('value.0', 1, 1), 7.0],
        },
        empty={
            'tensor/action': [('batch', 1, 2), ('joint', 2, 2), 0, 0],
            'tensor/value': [('value.0', 1, 1), 0],
        },
        looks=False,
        draws=False,
    ),
}
