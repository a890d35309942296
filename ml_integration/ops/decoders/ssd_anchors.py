"""MediaPipe's detectors of faces, palms and people: boxes and points counted from anchors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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
from ml_integration.ops.decoding import promising, sigmoid
from ml_integration.ops.evidence import COUNTS, NAMES, SHAPES, Evidence, Fit

Layout = tuple[tuple[int, ...], tuple[int, ...]]
"""Cell sizes [px] of the grids, and how many anchors a cell of each has."""

_LAYOUTS: tuple[Layout, ...] = (
    ((8, 16), (2, 6)),  # BlazeFace of short range, palms, the first people
    ((16, 32), (2, 6)),  # BlazeFace of a phone's back camera
    ((8, 16, 32), (2, 2, 6)),  # people, the first palms
    ((4,), (1,)),  # BlazeFace of full range
)
_THINGS: Mapping[int, tuple[str, tuple[str, ...]]] = {
    4: ('person', ('hips', 'reach_of_body', 'shoulders', 'reach_of_upper_body')),
    6: ('face', ('right_eye', 'left_eye', 'nose', 'mouth', 'right_ear', 'left_ear')),
    7: (
        'palm',
        ('wrist', 'index_finger', 'middle_finger', 'ring_finger', 'little_finger', 'thumb_base',
         'thumb'),
    ),
}  # fmt: skip
"""What MediaPipe finds and the names of its points, by their number."""
_ENCODE = {'color': 'rgb', 'resize': 'letterbox', 'scale': 255.0, 'pad_value': 0.0}


class SsdAnchors:
    """Reads [1, N, 4 + 2 K] and logits [1, N, 1]: center, size and K points of the only class.

    All are given in pixels of the input; centers and points count from the middle of their cell,
    as anchors have no size of their own (Bazarevsky et al. 2019, BlazeFace). Grids may be outputs
    of their own.
    """

    overlapping = True

    def __init__(
        self, model: ModelDescription, input_wh: tuple[int, int], options: DecoderOptions
    ) -> None:
        scores = heads_of(model.outputs, 1)
        boxes = _regressors(model.outputs)
        layout = _layout(rows_of(boxes), input_wh, options)
        if not boxes or len(boxes) != len(scores) or len(model.labels) > 1 or layout is None:
            raise no_such_heads(model, _reads(input_wh, options))
        corners, sizes = cell_corners(input_wh, *layout)
        self._input_wh = input_wh
        self._centers = corners + sizes / 2
        self._boxes = [spec.name for spec in boxes]
        self._scores = [spec.name for spec in scores]
        self.batched = are_batched((*boxes, *scores))

    def __call__(self, tensors: Tensors, threshold: float) -> Candidates:
        """Places the likely rows on their anchors."""
        scores = sigmoid(joined(tensors, self._scores)[:, 0])
        check_rows(len(scores), len(self._centers), self._input_wh)
        rows = promising(scores, threshold)
        numbers, centers = gathered(tensors, self._boxes, rows), self._centers[rows]
        boxes = np.concatenate((numbers[:, :2] + centers, numbers[:, 2:4]), axis=1)
        points = moved_points(numbers[:, 4:], centers, 1.0) if numbers.shape[1] > 4 else None
        class_ids = np.zeros(len(rows), np.int32)
        xyxy = xyxy_from_cxcywh(boxes)
        return Candidates(xyxy, scores[rows], class_ids, rows, points=points)

    @staticmethod
    def fits(evidence: Evidence) -> Sequence[Fit]:
        """Finds the numbers of MediaPipe's anchors, with points for each of them."""
        boxes, scores = _regressors(evidence.outputs), heads_of(evidence.outputs, 1)
        outputs = (*boxes, *scores)
        if len(boxes) != len(scores) or len(outputs) != len(evidence.outputs):
            return []
        points = (int(boxes[0].shape[-1] or 0) - 4) // 2 if boxes else 0
        rows, wh = known_rows(evidence, boxes), evidence.input_wh
        if not points or evidence.labels > 1 or wh is None or rows is None:
            return []
        if rows != known_rows(evidence, scores) or _layout(rows, wh, DecoderOptions()) is None:
            return []
        told = any('regressor' in spec.name.lower() for spec in boxes)
        why = f'{rows} rows = one per anchor of MediaPipe, with {points} points'
        thing, names = _THINGS.get(points, ('', tuple(map(str, range(points)))))
        # Palms alone are looked for in pixels from 0 to 1.
        middle = {} if thing == 'palm' else {'mean': (0.5,) * 3, 'std': (0.5,) * 3}
        return [
            Fit(
                SHAPES + COUNTS + NAMES * told,
                why,
                outputs=tuple(spec.name for spec in outputs),
                encode={**_ENCODE, **middle},
                labels=(thing,) if thing else (),
                points=names,
                raw=True,
            )
        ]


def _regressors(outputs: Sequence[TensorSpec]) -> tuple[TensorSpec, ...]:
    """Returns the outputs with 4 + 2 K numbers in each row; none if they differ in that."""
    widths = {spec.shape[-1] for spec in outputs if len(spec.shape) == 3} - {1, None}
    width = int(widths.pop() or 0) if len(widths) == 1 else 0
    return heads_of(outputs, width) if width >= 4 and width % 2 == 0 else ()


def _layout(rows: int | None, input_wh: tuple[int, int], options: DecoderOptions) -> Layout | None:
    """Returns the grids that the options state, or those of MediaPipe that have so many rows."""
    known = _layouts(options)
    return next((one for one in known if rows in (None, cell_rows(input_wh, *one))), None)


def _layouts(options: DecoderOptions) -> tuple[Layout, ...]:
    if not options.anchors:
        return _LAYOUTS
    one = (options.strides, options.anchors)
    return (one,) if len(options.strides) == len(options.anchors) else ()


def _reads(input_wh: tuple[int, int], options: DecoderOptions) -> str:
    counts = sorted({cell_rows(input_wh, *one) for one in _layouts(options)})
    numbers = ' or '.join(map(str, counts)) or 'none: one number of anchors for each stride'
    wh = '{} x {} px'.format(*input_wh)
    return f'[1, N, 4 + 2 points] and [1, N, 1] of one class; N for {wh}: {numbers}'
