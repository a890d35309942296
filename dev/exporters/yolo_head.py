"""A small network with a head like those of YOLOv8 and YOLO11, of random weights.

For each cell of three grids it gives how far the edges of a box are from the middle of the cell,
each as the mean of a distribution (Li et al. 2020, Generalized Focal Loss), and a score per class;
with these go the coefficients of a mask (Bolya et al. 2019, YOLACT), points, or an angle.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import onnx
import torch

SIDE = 256
"""Width and height of its input [px]."""
CLASSES = ('cat', 'cup', 'rocket')
STRIDES = (8, 16, 32)
BINS = 16
"""Distances whose shares are summed up [cells]."""
MASKS = 32
POINTS = 5


class YoloHead(torch.nn.Module):  # type: ignore[misc]
    """Gives [1, 4 + classes + more, cells], and prototypes [1, M, 64, 64] for masks.

    Args:
        task: 'segment', 'pose' or 'obb'.
    """

    def __init__(self, task: str) -> None:
        super().__init__()
        self.task = task
        self.more = {'segment': MASKS, 'pose': 3 * POINTS, 'obb': 1}[task]
        self.stem = _layer(3, 16, 4)
        self.levels = torch.nn.ModuleList(
            (_layer(16, 32, 2), _layer(32, 32, 2), _layer(32, 32, 2))
        )
        self.boxes, self.scores, self.others = (
            torch.nn.ModuleList(torch.nn.Conv2d(32, count, 1) for _ in STRIDES)
            for count in (4 * BINS, len(CLASSES), self.more)
        )
        self.prototypes = torch.nn.Conv2d(16, MASKS, 3, 1, 1)

    def forward(self, images: Any) -> Any:
        """Returns the table, and the prototypes if there are some."""
        stem = self.stem(images)
        columns, features = [], stem
        for number, stride in enumerate(STRIDES):
            features = self.levels[number](features)
            heads = (self.boxes, self.scores, self.others)
            maps = [head[number](features).flatten(2) for head in heads]
            columns.append(self._columns(stride, *maps))
        table = torch.cat(columns, dim=2)
        return (table, self.prototypes(stem)) if self.task == 'segment' else table

    def _columns(self, stride: int, boxes: Any, scores: Any, others: Any) -> Any:
        across = SIDE // stride
        middle = torch.arange(across) + 0.5
        x, y = middle.repeat(across)[None], middle.repeat_interleave(across)[None]
        shares = boxes.unflatten(1, (4, BINS)).softmax(2)
        left, top, right, bottom = (shares * torch.arange(BINS)[:, None]).sum(2).unbind(1)
        dx, dy = (right - left) / 2, (bottom - top) / 2
        if self.task == 'obb':
            others = (others.sigmoid() - 0.25) * math.pi
            cos, sin = others[:, 0].cos(), others[:, 0].sin()
            dx, dy = dx * cos - dy * sin, dx * sin + dy * cos
        elif self.task == 'pose':
            others = self._points(others, x, y, stride)
        box = torch.stack([x + dx, y + dy, left + right, top + bottom], dim=1)
        return torch.cat([box * stride, scores.sigmoid(), others], dim=1)

    def _points(self, numbers: Any, x: Any, y: Any, stride: int) -> Any:
        px, py, seen = numbers.unflatten(1, (POINTS, 3)).unbind(2)
        places = ((px * 2 + x - 0.5) * stride, (py * 2 + y - 0.5) * stride, seen.sigmoid())
        return torch.stack(places, dim=2).flatten(1, 2)


def _layer(channels: int, out: int, stride: int) -> Any:
    return torch.nn.Sequential(
        torch.nn.Conv2d(channels, out, 5, stride, 2), torch.nn.GroupNorm(4, out), torch.nn.SiLU()
    )


def write(head: YoloHead, file: Path) -> None:
    """Writes an ONNX file with the metadata that the exporter of such models adds."""
    outputs = ['output0', 'output1'] if head.task == 'segment' else ['output0']
    torch.onnx.export(
        head, (torch.rand(1, 3, SIDE, SIDE),), file, dynamo=False, opset_version=17,
        input_names=['images'], output_names=outputs,
    )  # fmt: skip
    model = onnx.load(str(file))
    said = {
        'task': head.task,
        'names': str(dict(enumerate(CLASSES))),
        'imgsz': str([SIDE, SIDE]),
        'stride': str(STRIDES[-1]),
        'batch': '1',
    }
    if head.task == 'pose':
        said['kpt_shape'] = str([POINTS, 3])
    onnx.helper.set_model_props(model, said)
    onnx.save(model, str(file))
