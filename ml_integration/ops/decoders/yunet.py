"""YuNet of OpenCV's zoo: class, objectness, box and points for the cells of three grids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ml_integration.core.datatypes import ModelDescription, Tensors, TensorSpec
from ml_integration.ops.boxes import xyxy_from_cxcywh
from ml_integration.ops.cell_heads import (
    are_batched,
    cell_corners,
    cell_rows,
    check_rows,
    gathered,
    heads_of,
    joined,
    known_rows,
    moved_points,
    no_such_heads,
    rows_of,
)
from ml_integration.ops.decoders import Candidates, DecoderOptions
from ml_integration.ops.decoding import promising
from ml_integration.ops.evidence import COUNTS, NAMES, SHAPES, Evidence, Fit
from ml_integration.ops.poses import FACE

_ENCODE = {
    'color': 'bgr', 'resize': 'letterbox_topleft', 'scale': 1.0, 'pad_value': 0.0,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Heads:
    """Outputs of the grids, finest first."""

    classes: tuple[TensorSpec, ...]
    objects: tuple[TensorSpec, ...]
    boxes: tuple[TensorSpec, ...]
    points: tuple[TensorSpec, ...]

    @property
    def every(self) -> tuple[TensorSpec, ...]:
        """All of them."""
        return self.classes + self.objects + self.boxes + self.points

    @property
    def fit(self) -> bool:
        """Whether each grid has all that it needs."""
        parts = (self.classes, self.objects, self.boxes, self.points)
        return len(self.boxes) > 0 and {len(part) for part in parts} == {len(self.boxes)}


class Yunet:
    """Reads cls and obj [1, N, 1], bbox [1, N, 4] and kps [1, N, 10] of each grid.

    center = corner of the cell + xy * stride, size = exp(wh) * stride, point = corner + xy *
    stride; the score is the root of class times objectness (Wu et al. 2023, YuNet, as OpenCV's
    FaceDetectorYN decodes the models from 2023 on).
    """

    overlapping = True

    def __init__(
        self, model: ModelDescription, input_wh: tuple[int, int], options: DecoderOptions
    ) -> None:
        heads, strides = _heads(model.outputs), options.strides
        each = (1,) * len(strides)
        expected = cell_rows(input_wh, strides, each)
        parts = (heads.classes, heads.objects, heads.boxes, heads.points)
        fits = heads.fit and len(heads.boxes) == len(strides) and len(model.labels) <= 1
        if not fits or any(rows_of(part) not in (None, expected) for part in parts):
            reads = (
                f'cls and obj [1, N, 1], bbox [1, N, 4] and kps [1, N, {2 * len(FACE)}] of one '
                f'class for each grid of the strides {", ".join(map(str, strides))}'
            )
            raise no_such_heads(model, reads)
        self._corners, self._sizes = cell_corners(input_wh, strides, each)
        self._input_wh = input_wh
        self._classes = [spec.name for spec in heads.classes]
        self._objects = [spec.name for spec in heads.objects]
        self._boxes = [spec.name for spec in heads.boxes]
        self._points = [spec.name for spec in heads.points]
        self.batched = are_batched(heads.every)

    def __call__(self, tensors: Tensors, threshold: float) -> Candidates:
        """Places the likely rows on their cells."""
        classes = joined(tensors, self._classes)[:, 0]
        check_rows(len(classes), len(self._corners), self._input_wh)
        objects = joined(tensors, self._objects)[:, 0]
        scores = np.sqrt(np.clip(classes, 0, 1) * np.clip(objects, 0, 1))
        rows = promising(scores, threshold)
        corners, sizes = self._corners[rows], self._sizes[rows]
        numbers = gathered(tensors, self._boxes, rows)
        boxes = np.concatenate(
            (corners + numbers[:, :2] * sizes, np.exp(numbers[:, 2:]) * sizes), axis=1
        )
        points = moved_points(gathered(tensors, self._points, rows), corners, sizes)
        class_ids = np.zeros(len(rows), np.int32)
        xyxy = xyxy_from_cxcywh(boxes)
        return Candidates(xyxy, scores[rows], class_ids, rows, points=points)

    @staticmethod
    def fits(evidence: Evidence) -> Sequence[Fit]:
        """Finds the twelve outputs of three grids."""
        heads, strides = _heads(evidence.outputs), DecoderOptions().strides
        alone = len(heads.every) == len(evidence.outputs)
        wh = evidence.input_wh
        if not heads.fit or not alone or evidence.labels > 1 or wh is None:
            return []
        rows = known_rows(evidence, heads.boxes)
        if len(heads.boxes) != len(strides) or rows != cell_rows(wh, strides, (1,) * len(strides)):
            return []
        told = all('obj' in spec.name.lower() for spec in heads.objects)
        return [
            Fit(
                SHAPES + 2 * COUNTS + NAMES * told,
                f"{rows} rows = one per cell of three grids: YuNet's boxes and {len(FACE)} points",
                outputs=tuple(spec.name for spec in heads.every),
                encode=_ENCODE,
                labels=('face',),
                points=FACE,
                raw=True,
            )
        ]


def _heads(outputs: Sequence[TensorSpec]) -> _Heads:
    """Finds the outputs; class and objectness may be taken for each other, as both are factors."""
    single = heads_of(outputs, 1)
    objects = tuple(spec for spec in single if 'obj' in spec.name.lower())
    classes = tuple(spec for spec in single if spec not in objects)
    if len(objects) != len(classes):
        classes, objects = single[::2], single[1::2]
    return _Heads(classes, objects, heads_of(outputs, 4), heads_of(outputs, 2 * len(FACE)))
