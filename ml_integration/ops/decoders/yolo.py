"""YOLOv3, v5 and v7: rows of center, size, objectness and class scores."""

from __future__ import annotations

from collections.abc import Sequence

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
from ml_integration.ops.evidence import (
    COUNTS,
    SHAPES,
    Evidence,
    Fit,
    are_fractions,
    are_relative,
    are_scores,
    has_objectness,
)
from ml_integration.ops.output_shapes import column_options, columns_beside, tables_of


class Yolo:
    """Reads [1, N, 5 + classes]: cx, cy, w, h, objectness, a score per class, all activated.

    A detection's score is its objectness times its best class score. Columns that are no classes
    may follow (other_columns).
    """

    overlapping = True
    batched = True

    def __init__(
        self, model: ModelDescription, input_wh: tuple[int, int], options: DecoderOptions
    ) -> None:
        output = the_output(model)
        classes = class_count(
            model, output.shape[-1] if output.shape else None, others=5 + options.other_columns
        )
        others = options.other_columns
        check_output(model, output, (1, None, 5 + classes + others), '[1, N, 5 + classes]')
        self._end = 5 + classes
        self._name = output.name
        self._input_wh = input_wh
        self._normalized = options.normalized

    def __call__(self, tensors: Tensors, threshold: float) -> Candidates:
        """Multiplies objectness with the best class score."""
        rows = floats(tensors[self._name])
        # A class score is at most 1, so objectness alone rules most rows out.
        likely = promising(rows[:, 4], threshold)
        rows = rows[likely]
        scores = rows[:, 4] * rows[:, 5 : self._end].max(axis=1)
        keep = promising(scores, threshold)
        rows = rows[keep]
        boxes = in_pixels(rows[:, :4], self._input_wh, self._normalized)
        class_ids = class_ids_from(rows[:, 5 : self._end].argmax(axis=1), 0)
        others = rows[:, self._end :]
        return Candidates(xyxy_from_cxcywh(boxes), scores[keep], class_ids, likely[keep], others)

    @staticmethod
    def fits(evidence: Evidence) -> Sequence[Fit]:
        """Finds rows of at least six numbers: one or three per cell of a grid, or very many."""
        found = []
        for output, rows, columns in tables_of(evidence):
            others = columns_beside(evidence, columns, 5)
            each, _ = grid_of(rows, evidence.input_wh)
            fewest = 8 if rows is None else 6  # a free number of 6 or 7 is an end-to-end model's
            many = rows is None or rows >= max(columns, 1000)
            if others is None or columns < fewest or not (each or many):
                continue
            values = evidence.values(output)
            # With labels, their number tells whether there is objectness.
            tried = values if not evidence.labels and each != 3 else None
            if tried is not None and has_objectness(tried[:, : columns - others]) is False:
                continue
            fractions = values is not None and are_fractions(values[:, :2])
            raw = values is not None and each == 1 and are_relative(values[:, :2])
            if values is None or (are_scores(values[:, 4 : columns - others]) and not raw):
                why = f'rows of {columns} = 4 box numbers, objectness and {columns - 5 - others}'
                options = column_options(others, fractions and each != 1)
                score = SHAPES + COUNTS * bool(each) + COUNTS * bool(evidence.labels)
                found.append(Fit(score, f'{why} classes', options, (output.name,)))
        return found
