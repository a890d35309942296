"""Networks with masks, points and rotated boxes as those of YOLO, and what a picture gives."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dev.exporters.expectation import Case, Expected
from dev.exporters.pictures import Pictures
from dev.exporters.plain_reading import corners_of, enlarged, kept
from dev.exporters.rcnn import runs_of
from dev.exporters.spread import spread
from dev.exporters.yolo_head import BINS, CLASSES, SIDE, YoloHead, write

TASKS = {'yolo_seg': 'segment', 'yolo_pose': 'pose', 'yolo_obb': 'obb'}
"""By the case's name."""
WIDTH, HEIGHT = SIDE, 192
"""Size of the pictures [px], which are padded above and below."""
PAD = (SIDE - HEIGHT) // 2
GRAY = 114
_FACTORS = {'boxes': 1.0, 'scores': 2.0, 'others': 0.7}


def export(name: str, folder: Path, pictures: Pictures) -> Case:
    """Exports a network and records what a plain reading of its outputs finds.

    The middle of each picture, which needs no resizing, is written to `NAME_pictures`.

    Args:
        name: of the case.
        folder: of all cases.
        pictures: to cut.
    """
    head = YoloHead(TASKS[name]).eval()
    spread(head, (), 1.0)
    with torch.no_grad():
        for part, factor in _FACTORS.items():
            for layer in getattr(head, part):
                layer.weight.mul_(factor)
        for layer in head.scores:
            layer.bias.sub_(3.0)
        for layer in head.boxes:  # mostly smaller than the picture
            layer.bias.sub_(0.5 * torch.arange(BINS).repeat(4))
    (folder / name).mkdir(parents=True)
    write(head, folder / name / f'{name}.onnx')
    out = folder / f'{name}_pictures'
    out.mkdir()
    seen = {}
    for key, picture in pictures.items():
        left, top = (picture.width - WIDTH) // 2, (picture.height - HEIGHT) // 2
        cut = picture.crop((left, top, left + WIDTH, top + HEIGHT))
        cut.save(out / key)
        seen[key] = list(_seen(head, cut))
    return Case(name, seen)


def _seen(head: YoloHead, picture: Any) -> Iterator[Expected]:
    square = np.full((SIDE, SIDE, 3), GRAY, np.float32)
    square[PAD : PAD + HEIGHT] = np.asarray(picture)
    images = torch.from_numpy(square.transpose(2, 0, 1)[None] / np.float32(255))
    with torch.no_grad():
        outputs = head(images)
    table, *prototypes = outputs if head.task == 'segment' else (outputs,)
    table = table[0].double().numpy()
    scores, others = table[4 : 4 + len(CLASSES)], table[4 + len(CLASSES) :]
    boxes = table[:4].copy()
    boxes[1] -= PAD  # on the picture
    angles = others[0] if head.task == 'obb' else np.zeros(table.shape[1])
    corners = [corners_of(*numbers) for numbers in np.vstack([boxes, angles]).T.tolist()]
    for column, number in kept(scores, corners):
        x, y, width, height = boxes[:, column].tolist()
        edges: tuple[float, ...]
        edges = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
        about: dict[str, Any] = {}
        if head.task == 'obb':
            edges = (x, y, width, height, float(angles[column]))
        elif head.task == 'pose':
            points = others[:, column].reshape(-1, 3) - (0, PAD, 0)
            about['points'] = tuple(points.ravel().tolist())
        else:
            about['mask'] = _mask(prototypes[0][0].numpy(), others[:, column])
        yield Expected(CLASSES[number], float(scores[number, column]), edges, **about)


def _mask(prototypes: Any, weights: Any) -> tuple[int, ...]:
    mixed = np.tensordot(weights, prototypes, 1)
    whole = enlarged(mixed, SIDE // mixed.shape[0])
    return runs_of(whole[PAD : PAD + HEIGHT] > 0)
