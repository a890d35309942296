"""Models that suppress overlapping boxes themselves: YOLOv10, or an export with NMS inside."""

from __future__ import annotations

from collections.abc import Sequence

from ml_integration.core.datatypes import ModelDescription, Tensors, TensorSpec
from ml_integration.ops.decoders import Candidates, DecoderOptions
from ml_integration.ops.decoding import (
    check_output,
    class_ids_from,
    in_pixels,
    promising,
    the_output,
)
from ml_integration.ops.evidence import (
    COUNTS,
    NAMES,
    SHAPES,
    Evidence,
    Fit,
    are_fractions,
    are_scores,
    are_whole,
)
from ml_integration.ops.output_shapes import column_options, mask_coefficients, tables_of


class EndToEnd:
    """Reads [1, N, 6] or [N, 6]: left, top, right, bottom, score, class number.

    Rows of 7 are those of YOLOv7: number in the batch, box, class number, score. Columns that are
    none of these may follow (other_columns), such as mask coefficients.
    """

    overlapping = False

    def __init__(
        self, model: ModelDescription, input_wh: tuple[int, int], options: DecoderOptions
    ) -> None:
        output = the_output(model)
        others = options.other_columns
        self._seven = output.shape[-1:] == (7,) and not others
        self._width = 7 if self._seven else 6 + others
        batch = (1,) if len(output.shape) > 2 else ()
        self.batched = bool(batch)
        reads = 'rows of box, score, class, or of batch number, box, class, score'
        check_output(model, output, (*batch, None, self._width), reads)
        self._name = output.name
        self._input_wh = input_wh
        self._options = options

    def __call__(self, tensors: Tensors, threshold: float) -> Candidates:
        """Reads the rows as they are."""
        rows = tensors[self._name].reshape(-1, self._width).astype('float32', copy=False)
        box, score, number = (1, 6, 5) if self._seven else (0, 4, 5)
        keep = promising(rows[:, score], threshold)
        rows = rows[keep]
        boxes = in_pixels(rows[:, box : box + 4], self._input_wh, self._options.normalized)
        class_ids = class_ids_from(rows[:, number], self._options.class_offset)
        others = rows[:, 7 if self._seven else 6 :]
        return Candidates(boxes, rows[:, score], class_ids, keep, others)

    @staticmethod
    def fits(evidence: Evidence) -> Sequence[Fit]:
        """Finds a few rows of a box, a score and a class number."""
        return [
            fit
            for output, rows, columns in tables_of(evidence, flat=True)
            if (rows is None or rows <= 1000)
            and (fit := _fit(evidence, output, rows, columns)) is not None
        ]


def _fit(evidence: Evidence, output: TensorSpec, rows: int | None, columns: int) -> Fit | None:
    seven = columns == 7 and len(output.shape) == 2
    masks = mask_coefficients(evidence)
    if not seven and columns != 6 + masks:
        return None
    box, score, number = (1, 6, 5) if seven else (0, 4, 5)
    values = evidence.values(output)
    fractions = values is not None and are_fractions(values[:, box : box + 4])
    if values is not None and not (are_scores(values[:, score]) and are_whole(values[:, number])):
        return None
    if values is not None and seven and not are_whole(values[:, 0]):
        return None
    free = len(output.shape) == 2 and output.shape[0] is None
    points = SHAPES + COUNTS * (rows == 300) + NAMES * free
    why = f'few rows of {columns} numbers = box, score and class'
    return Fit(points, why, column_options(masks, fractions), (output.name,))
