"""Decoders that read the outputs of detectors: one file per style that people export.

A new style is one file `ops/decoders/<style>.py` with a class named after it (`end_to_end.py`
holds `EndToEnd`), or such a class under an entry point of the group `ml_integration.ops.decoders`;
it offers what `Decoder` says. Nothing has to be registered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from ml_integration.core import plugins
from ml_integration.core.datatypes import Array, ModelDescription, Tensors
from ml_integration.core.declaration import declared
from ml_integration.errors import FrameError
from ml_integration.ops.evidence import Evidence, Fit

PLUGINS = 'ops.decoders'
COLUMNS = ('box', 'score', 'scores', 'class', 'batch', 'other')


@dataclass(frozen=True, slots=True)
class DecoderOptions:
    """Options for differences between exports of one style."""

    normalized: bool = declared(
        False, 'Box coordinates are fractions of the input size instead of pixels.'
    )
    strides: tuple[int, ...] = declared(
        (8, 16, 32),
        'Cell sizes of the grids of yolox, scrfd and yunet, and of ssd_anchors if anchors are '
        'stated, finest first [px].',
        ge=1,
    )
    anchors: tuple[int, ...] = declared(
        (),
        'Rows for each cell of these grids, of ssd_anchors and scrfd; empty: those of the known '
        'models that have as many rows.',
        ge=1,
        le=100,
    )
    class_offset: int = declared(
        0, 'Number that the model gives to the first label, where it gives class numbers.', ge=0
    )
    other_columns: int = declared(
        0,
        'Numbers after the classes that are none, such as mask coefficients; yolo, yolov8, '
        'end_to_end.',
        ge=0,
    )
    box_format: str = declared(
        'xyxy',
        'Numbers of a box of boxes_and_scores: x, y are corners, cx, cy its center; labeled reads '
        'xyxy and yxyx.',
        choices=('xyxy', 'cxcywh', 'xywh', 'yxyx'),
    )
    activation: str = declared(
        'none',
        'What makes scores of the numbers of boxes_and_scores, scrfd and retinaface; none: they '
        'are scores.',
        choices=('none', 'sigmoid', 'softmax'),
    )
    background: str = declared(
        'none',
        "Class score of boxes_and_scores that stands for 'no object'.",
        choices=('none', 'first', 'last'),
    )
    nms: bool = declared(
        False, 'Overlapping boxes of boxes_and_scores have to be dropped: no model does that.'
    )
    top_k: int = declared(
        0,
        'The best K of all pairs of box and class are read by boxes_and_scores, as RT-DETR does; '
        '0: the best class of each box.',
        ge=0,
    )
    columns: tuple[str, ...] = declared(
        (),
        'Order of the columns of boxes_and_scores where boxes share an output with scores or '
        'class numbers, such as [class, score, box]; empty: boxes and scores are two outputs.',
        choices=COLUMNS,
    )
    boxes_output: str = declared('', 'Output with the boxes; empty: found by name or shape.')
    scores_output: str = declared('', 'Output with the scores; empty: found by name or shape.')
    classes_output: str = declared('', 'Output with the classes; empty: found by name or shape.')


class Candidates(NamedTuple):
    """Objects that a model claims to see, overlapping boxes included.

    Attributes:
        xyxy: (N, 4) float32 [px of the model's input].
        scores: (N,) float32.
        class_ids: (N,) int32.
        rows: (N,) int, which of the model's rows each is; None if the decoder does not say it.
        others: (N, other_columns) float32, the numbers of each that are neither box nor class;
            None if the style has none.
        angles: (N,) float32 [rad], how far each box is turned around its center, from the x axis
            towards the y axis; None if none is.
        points: (N, K, 2) float32 [px of the model's input], the points of each; None if the style
            has none, or gives them as other numbers.
    """

    xyxy: Array
    scores: Array
    class_ids: Array
    rows: Array | None = None
    others: Array | None = None
    angles: Array | None = None
    points: Array | None = None

    def take(self, which: Array) -> Candidates:
        """Returns some of them, in the order of their indices `which` (M,)."""
        more = (self.rows, self.others, self.angles, self.points)
        kept = (None if array is None else array[which] for array in more)
        return Candidates(self.xyxy[which], self.scores[which], self.class_ids[which], *kept)


class Decoder(Protocol):
    """Reads one style of outputs. Built as `Decoder(model, input_wh, options)`."""

    overlapping: bool
    """True if one object gives several boxes, so that overlapping ones have to be dropped."""
    batched: bool
    """True if the first axis of every output it reads counts pictures."""
    rotated: bool = False
    """True if it gives angles."""

    def __init__(
        self, model: ModelDescription, input_wh: tuple[int, int], options: DecoderOptions
    ) -> None:
        """Raises ModelMismatchError when the model's outputs are not of this style."""

    def __call__(self, tensors: Tensors, threshold: float) -> Candidates:
        """Reads what scores at least `threshold`, and all that is not finite.

        Called with numpy's warnings off: what overflows is for validation to report.
        """

    @staticmethod
    def fits(evidence: Evidence) -> Sequence[Fit]:
        """Returns the ways in which this style could read the outputs; none if it cannot.

        Sizes, names and dtypes are judged here; what a run's boxes look like is judged by
        `ops.decoder_choice` for all styles alike.
        """


def load(style: str) -> Any:
    """Returns the class that decodes a style."""
    return plugins.load(PLUGINS, style)


def rows_of(objects: Candidates, count: int, what: str) -> Array:
    """Returns which row of another output belongs to each object.

    Args:
        objects: what was found.
        count: rows of that output.
        what: the rows, such as 'masks', for the error.

    Raises:
        FrameError: the decoder does not say it, or there are too few rows.
    """
    rows = objects.rows
    if rows is None:
        raise FrameError(
            'the decoder of the boxes does not say to which rows of the model they belong',
            hint="Choose a decoder that gives the 'rows' of its candidates.",
        )
    if len(rows) and int(rows.max()) >= count:
        raise FrameError(
            f'the model gives fewer {what} than boxes',
            got=f'{count} {what}',
            expected=f'at least {int(rows.max()) + 1}',
        )
    return rows
