"""Outputs of a model for each task, as large as those of models that people use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from ml_integration.core.datatypes import Array, ModelDescription, ModelIdentity, TensorSpec

FOUND = 20
"""Objects in a picture."""
CELLS = 8400
"""Rows of YOLOv8 for 640 x 640 px."""
CLASSES = 80
Dice = np.random.Generator


@dataclass(frozen=True, slots=True)
class TaskSample:
    """Outputs that a task reads.

    Attributes:
        outputs: makes them, by name, for one picture.
        settings: what the manifest says.
        labels: number of the classes.
        input_wh: size of the model's pictures [px].
    """

    outputs: Callable[[Dice], Mapping[str, Array]]
    settings: Mapping[str, Any]
    labels: int = CLASSES
    input_wh: tuple[int, int] = (640, 640)

    def model(self, outputs: Mapping[str, Array]) -> ModelDescription:
        """Describes the model that gives these outputs."""
        width, height = self.input_wh
        images = TensorSpec('images', 'float32', (1, 3, height, width))
        specs = tuple(TensorSpec(n, a.dtype.name, a.shape) for n, a in outputs.items())
        labels = tuple(f'class {number}' for number in range(self.labels))
        identity = ModelIdentity('sample', 1)
        return ModelDescription(identity, labels, (images,), specs, {'images': self.input_wh})


def _rows(dice: Dice, classes: int, more: int) -> Array:
    """Rows of YOLOv8 (1, 4 + classes + more, CELLS) with some objects apart from each other."""
    rows = np.zeros((1, 4 + classes + more, CELLS), np.float32)
    rows[0, :4] = 10
    at = dice.choice(CELLS, FOUND, replace=False)
    number = np.arange(FOUND)
    rows[0, 0, at], rows[0, 1, at] = 70 + 120 * (number % 5), 150 + 110 * (number // 5)
    rows[0, 2:4, at] = 90
    rows[0, 4 + number % classes, at] = dice.uniform(0.5, 1, FOUND)
    rows[0, 4 + classes :, at] = dice.uniform(0.2, 1, (FOUND, more))
    return rows


def _points(dice: Dice) -> Mapping[str, Array]:
    rows = _rows(dice, 1, 51)
    rows[0, 5::3] = rows[0, 0] + 5
    rows[0, 6::3] = rows[0, 1] + 5
    return {'output0': rows}


def _masks(dice: Dice) -> Mapping[str, Array]:
    prototypes = dice.normal(0.3, 1, (1, 32, 160, 160)).astype(np.float32)
    return {'output0': _rows(dice, CLASSES, 32), 'output1': prototypes}


def _street(dice: Dice) -> Mapping[str, Array]:
    """Scores of 19 classes at a quarter of the input, of which five are somewhere the best."""
    scores = dice.normal(-8, 0.5, (19, 128, 128)).astype(np.float32)
    scores[0] = 4  # road
    scores[10, :70] = 8  # sky
    scores[2, 20:100, 30:50] = scores[11, 40:60, 80:110] = scores[5, 30:90, 100:104] = 9
    soft = [cv2.GaussianBlur(one, (5, 5), 0) for one in scores]
    return {'logits': np.stack(soft)[None]}


def _floats(*shape: int) -> Callable[[Dice], Mapping[str, Array]]:
    return lambda dice: {'output': dice.uniform(0.5, 9, shape).astype(np.float32)}


SAMPLES: Mapping[str, TaskSample] = {
    'classification': TaskSample(_floats(1, 1000), {'softmax': True}, 1000, (224, 224)),
    'object_detection': TaskSample(
        lambda dice: {'output0': _rows(dice, CLASSES, 0)}, {'decoder': 'yolov8'}
    ),
    'instance_segmentation': TaskSample(
        _masks,
        {
            'decoder': 'yolov8',
            'decoder_options': {'other_columns': 32},
            'masks': 'prototypes',
        },
    ),
    'keypoints': TaskSample(
        _points,
        {'decoder': 'yolov8', 'decoder_options': {'other_columns': 51}, 'points': 'in_rows'},
        labels=1,
    ),
    'segmentation': TaskSample(
        _street, {'kind': 'scores', 'upsampling': 'linear'}, labels=19, input_wh=(512, 512)
    ),
    'depth_estimation': TaskSample(
        _floats(1, 518, 518), {'kind': 'metric'}, labels=0, input_wh=(518, 518)
    ),
    'tensor': TaskSample(_floats(1, 512), {}, labels=0, input_wh=(224, 224)),
}
"""By the name of the task; each has one."""
