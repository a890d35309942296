"""Outputs of models in every layout that tasks read, as bytes that can be damaged."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml_integration.core import plugins
from ml_integration.core.datatypes import ModelDescription, ModelIdentity, TensorSpec
from ml_integration.core.declaration import build

SIDE = 32
"""Width and height of the model's pictures [px]."""
HOSTILE = (
    np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 0.5, 1e-45, 3.4e38, -3.4e38, 1e30, 65504.0,
    2.0**31, -(2.0**31), 2.0**63, 255.0, 65536.0,
)  # fmt: skip
POINTED = {'decoder': 'end_to_end', 'decoder_options': {'other_columns': 6}}
Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Layout:
    """What the outputs of a kind of model look like.

    Attributes:
        name: of the layout.
        task: that reads them.
        settings: what the manifest says.
        shapes: of the outputs, by name.
        free: whether the number of objects, which is the first size that is not 1, is free.
        whole: names of outputs of whole numbers.
        labels: of the classes.
        truth: whether results can be true, and so be scored.
    """

    name: str
    task: str
    settings: dict[str, Any]
    shapes: Shapes
    free: bool = False
    whole: tuple[str, ...] = ()
    labels: tuple[str, ...] = ('person', 'car', 'dog')
    truth: bool = True

    def dtype(self, name: str) -> str:
        return 'int64' if name in self.whole else 'float32'

    def model(self) -> ModelDescription:
        specs = tuple(
            TensorSpec(name, self.dtype(name), tuple(self._sizes(shape)))
            for name, shape in self.shapes.items()
        )
        images = TensorSpec('images', 'float32', (1, 3, SIDE, SIDE))
        pictures = {'images': (SIDE, SIDE)}
        return ModelDescription(ModelIdentity('m', 1), self.labels, (images,), specs, pictures)

    def task_of(self) -> Any:
        kind = plugins.load('tasks', self.task)
        return kind(build(kind.Settings, self.settings, 'test'), self.model())

    def outputs(self, data: bytes) -> dict[str, np.ndarray]:
        """Outputs made of bytes; with a free size the first byte says how many rows there are."""
        made, at = {}, 1
        for name, shape in self.shapes.items():
            sizes = list(shape)
            if self.free and data:
                sizes[int(sizes[0] == 1)] = min(sizes[int(sizes[0] == 1)], data[0])
            count = int(np.prod(sizes))
            part = data[at : at + 4 * count].ljust(4 * count, b'\0')
            at += len(part)
            numbers = np.frombuffer(part, '<f4').reshape(sizes)
            made[name] = whole(numbers) if name in self.whole else numbers.copy()
        return made

    def seeds(self) -> list[bytes]:
        """Outputs of good models: with and without objects."""
        count = sum(int(np.prod(shape)) for shape in self.shapes.values())
        dice = np.random.default_rng(count)
        ranges = ((0, 1), (0, SIDE), (0, 0), (-5, 5))
        numbers = [dice.uniform(low, high, count).astype('<f4') for low, high in ranges]
        return [bytes([3]) + each.tobytes() for each in numbers]

    def _sizes(self, shape: Sequence[int]) -> list[int | None]:
        sizes: list[int | None] = [*shape]
        if self.free:
            sizes[int(sizes[0] == 1)] = None
        return sizes


def whole(numbers: np.ndarray) -> np.ndarray:
    largest = float(2**62)
    return (
        np.nan_to_num(numbers, nan=-(2**63) * 1.0, posinf=largest, neginf=-largest)
        .clip(-largest, largest)
        .astype(np.int64)
    )


def hostile(data: bytes, dice: random.Random) -> bytes:
    """The data with some numbers replaced by ones that nobody expects."""
    changed = bytearray(data)
    count = (len(data) - 1) // 4
    if count < 1:
        return data
    number = np.float32(dice.choice(HOSTILE)).tobytes()
    step = dice.choice((1, 1, 2, 3, 6, 7, 50))
    first, many = dice.randrange(count), dice.choice((1, 2, 50, count))
    for at in range(first, min(count, first + many * step), step):
        changed[1 + 4 * at : 5 + 4 * at] = number
    if dice.random() < 0.2:
        changed[0] = dice.choice((0, 1, 2, 255))
    return bytes(changed)


def _boxes(name: str, decoder: str, shapes: Shapes, **more: Any) -> Layout:
    options = more.pop('options', {})
    settings = {'decoder': decoder, 'decoder_options': options}
    return Layout(name, 'object_detection', settings, shapes, **more)


_LABELED: Shapes = {'boxes': (8, 4), 'labels': (8,), 'scores': (8,)}
_PREFIX = {'box_format': 'cxcywh', 'normalized': True}
_CELLS = {8: 16, 16: 4, 32: 1}
"""Cells of the grids of a picture of SIDE pixels, by their size [px]."""


def _faces(name: str, shapes: Shapes, **options: Any) -> Layout:
    settings = {'decoder': name, 'points': 'in_rows'}
    more = {'decoder_options': options} if options else {}
    return Layout(name, 'keypoints', {**settings, **more}, shapes, labels=('face',))


def _of_grids(each: int, **columns: int) -> Shapes:
    """Outputs for each grid: their names begin with these words, and rows have so many columns."""
    return {
        f'{word}_{size}': (1, cells * each, count)
        for word, count in columns.items()
        for size, cells in _CELLS.items()
    }


LAYOUTS = (
    _boxes('yolo', 'yolo', {'out': (1, 50, 8)}),
    _boxes('yolov8', 'yolov8', {'out': (1, 7, 50)}),
    _boxes('yolox', 'yolox', {'out': (1, 21, 8)}, options={'strides': [8, 16, 32]}),
    _boxes('end_to_end', 'end_to_end', {'out': (1, 9, 6)}, free=True),
    _boxes('seven', 'end_to_end', {'out': (9, 7)}, free=True),
    _boxes('obb', 'yolo_obb', {'out': (1, 8, 50)}),
    _boxes('obb_rows', 'yolo_obb', {'out': (1, 9, 7)}, free=True),
    _boxes('labeled', 'labeled', _LABELED, free=True, whole=('labels',)),
    _boxes(
        'queries',
        'boxes_and_scores',
        {'logits': (1, 9, 4), 'pred_boxes': (1, 9, 4)},
        options={**_PREFIX, 'activation': 'softmax', 'background': 'last'},
    ),
    _boxes(
        'top_k',
        'boxes_and_scores',
        {'logits': (1, 9, 3), 'pred_boxes': (1, 9, 4)},
        options={**_PREFIX, 'activation': 'sigmoid', 'top_k': 5},
    ),
    _boxes(
        'tf',
        'tf_detection',
        {
            'detection_boxes': (1, 9, 4),
            'detection_classes': (1, 9),
            'detection_scores': (1, 9),
            'num_detections': (1,),
        },
    ),
    Layout(
        'prototypes',
        'instance_segmentation',
        {'decoder': 'yolov8', 'decoder_options': {'other_columns': 2}, 'masks': 'prototypes'},
        {'output0': (1, 9, 40), 'output1': (1, 2, 8, 8)},
    ),
    Layout(
        'in_boxes',
        'instance_segmentation',
        {'decoder': 'labeled', 'masks': 'in_boxes'},
        {**_LABELED, 'masks': (8, 1, 7, 7)},
        free=True,
        whole=('labels',),
    ),
    Layout(
        'whole',
        'instance_segmentation',
        {
            'decoder': 'boxes_and_scores',
            'decoder_options': {**_PREFIX, 'activation': 'sigmoid', 'top_k': 9},
            'masks': 'whole',
        },
        {'dets': (1, 9, 4), 'labels': (1, 9, 3), 'masks': (1, 9, 8, 8)},
    ),
    Layout('rows', 'keypoints', {**POINTED, 'points': 'in_rows'}, {'out': (1, 9, 12)}, free=True),
    Layout(
        'listed',
        'keypoints',
        {'decoder': 'labeled', 'points': 'listed', 'points_options': {'sigmoid': True}},
        {**_LABELED, 'keypoints': (8, 2, 3), 'keypoints_scores': (8, 2)},
        free=True,
        whole=('labels',),
    ),
    _faces(
        'ssd_anchors',
        {'regressors': (1, 56, 16), 'classificators': (1, 56, 1)},
        strides=[8, 16],
        anchors=[2, 6],
    ),
    _faces('scrfd', _of_grids(2, score=1, bbox=4, kps=10)),
    _faces('yunet', _of_grids(1, cls=1, obj=1, bbox=4, kps=10)),
    _faces('retinaface', {'boxes': (1, 42, 4), 'points': (1, 42, 10), 'scores': (1, 42, 2)}),
    Layout('heatmaps', 'keypoints', {'points': 'heatmaps'}, {'maps': (1, 3, 8, 8)}, labels=()),
    Layout(
        'peaks',
        'keypoints',
        {'points': 'heatmaps', 'points_options': {'udp': True}},
        {'maps': (1, 3, 8, 8)},
        labels=(),
    ),
    Layout(
        'simcc', 'keypoints', {'points': 'simcc'}, {'x': (1, 2, 64), 'y': (1, 2, 64)}, labels=()
    ),
    Layout(
        'regression',
        'keypoints',
        {
            'points': 'regression',
            'points_options': {
                'numbers': 3,
                'scoreless': True,
                'presence_output': 'presence',
                'presence_sigmoid': True,
            },
        },
        {'landmarks': (1, 15), 'presence': (1, 1)},
        labels=(),
    ),
    Layout('scores', 'segmentation', {'kind': 'scores'}, {'out': (1, 3, 8, 8)}),
    Layout(
        'smooth', 'segmentation', {'kind': 'scores', 'upsampling': 'linear'}, {'out': (1, 3, 8, 8)}
    ),
    Layout('classes', 'segmentation', {'kind': 'classes'}, {'out': (1, 8, 8)}, whole=('out',)),
    Layout('share', 'segmentation', {'kind': 'probability'}, {'out': (1, 1, 8, 8)}),
    Layout('alpha', 'segmentation', {'kind': 'probability', 'alpha': True},
           {'out': (1, 1, 8, 8)}),
    Layout('metric', 'depth_estimation', {'kind': 'metric'}, {'out': (1, 8, 8)}, labels=()),
    Layout('near', 'depth_estimation', {'kind': 'inverse_depth', 'upsampling': 'cubic'},
           {'out': (1, 1, 8, 8)}, labels=(), truth=False),
    Layout('softmax', 'classification', {'softmax': True}, {'out': (1, 3)}),
    Layout('shares', 'classification', {'score_threshold': 0.5}, {'out': (1, 3)}),
    Layout('several', 'classification',
           {'sigmoid': True, 'multi_label': True, 'score_threshold': 0.5}, {'out': (1, 3)}),
    Layout('heads', 'classification',
           {'softmax': True, 'heads': ['color', 'type'], 'head_classes': [1, 2]}, {'out': (1, 3)}),
    Layout('numbers', 'tensor', {}, {'action': (1, 7), 'value': (3, 5)}, labels=()),
)  # fmt: skip
"""Each way in which tasks read outputs."""
