"""YOLOv8 and later: columns of center, size and class scores, without objectness."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ml_integration.core.datatypes import ModelDescription, Tensors
from ml_integration.ops.boxes import xyxy_from_cxcywh
from ml_integration.ops.decoders import Candidates, DecoderOptions
from ml_integration.ops.decoding import (
    check_output,
    class_count,
    class_ids_from,
    floats,
    grid_of,
    in_pixels,
    promising,
    the_output,
)
from ml_integration.ops.evidence import COUNTS, SHAPES, Evidence, Fit, are_fractions, are_scores
from ml_integration.ops.output_shapes import column_options, columns_beside, tables_of


class Yolov8:
    """Reads [1, 4 + classes, N]: cx, cy, w, h, then an activated score per class.

    Rows that are no classes may follow (other_columns), such as mask coefficients.
    """

    overlapping = True
    batched = True

    def __init__(
        self, model: ModelDescription, input_wh: tuple[int, int], options: DecoderOptions
    ) -> None:
        output = the_output(model)
        size = output.shape[1] if len(output.shape) > 1 else None
        others = options.other_columns
        classes = class_count(model, size, others=4 + others)
        check_output(model, output, (1, 4 + classes + others, None), '[1, 4 + classes, N]')
        self._end = 4 + classes
        self._name = output.name
        self._input_wh = input_wh
        self._normalized = options.normalized

    def __call__(self, tensors: Tensors, threshold: float) -> Candidates:
        """Takes the best class score per column."""
        columns = floats(tensors[self._name])
        scores = columns[4 : self._end].max(axis=0)
        keep = promising(scores, threshold)
        kept = columns[:, keep]
        boxes = in_pixels(kept[:4].T, self._input_wh, self._normalized)
        class_ids = class_ids_from(kept[4 : self._end].argmax(axis=0), 0)
        others = kept[self._end :].T
        return Candidates(xyxy_from_cxcywh(boxes), scores[keep], class_ids, keep, others)

    @staticmethod
    def fits(evidence: Evidence) -> Sequence[Fit]:
        """Finds more columns than rows, or one column per cell of a grid."""
        found = []
        for output, rows, columns in tables_of(evidence, upright=False):
            others = columns_beside(evidence, rows, 4)
            each, _ = grid_of(columns, evidence.input_wh)
            if others is None or rows < 5 or not (each or columns is None or columns > rows):
                continue
            tables = evidence.tables(output)
            values = np.concatenate([table.T for table in tables]) if tables else None
            if values is not None and not are_scores(values[:, 4 : rows - others]):
                continue
            fractions = values is not None and are_fractions(values[:, :4])
            score = SHAPES + COUNTS * (each == 1) + COUNTS * bool(evidence.labels)
            why = f'columns of {rows} = 4 box numbers and {rows - 4 - others} classes'
            options = column_options(others, fractions)
            found.append(Fit(score, why, options, (output.name,)))
        return found
