"""Boxes with a score per class, as most detectors give them; options say what differs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ml_integration.core.datatypes import Array, ModelDescription, Tensors, TensorSpec
from ml_integration.ops.boxes import xyxy_from_cxcywh
from ml_integration.ops.decoders import Candidates, DecoderOptions
from ml_integration.ops.decoding import (
    check_output,
    class_count,
    class_ids_from,
    find_output,
    in_pixels,
    promising,
    sigmoid,
    softmax,
)
from ml_integration.ops.evidence import Evidence, Fit
from ml_integration.ops.joined_columns import Columns
from ml_integration.ops.joined_evidence import joined_fits
from ml_integration.ops.paired_evidence import BOX_WORDS, SCORE_WORDS, paired_fits

_LABEL_WORDS = ('labels', 'label', 'class')


class BoxesAndScores:
    """Reads boxes [1, N, 4] and scores [1, N, classes] or [1, classes, N]; or rows of both.

    Rows [1, N, columns] or [N, columns] hold what `columns` says, such as [class, score, box] of
    Paddle or [box, scores] of RT-DETR in one output; where they hold boxes and scores only, class
    numbers may be an output of their own, as MMDeploy gives them.
    """

    def __init__(
        self, model: ModelDescription, input_wh: tuple[int, int], options: DecoderOptions
    ) -> None:
        self.overlapping = options.nms
        self._options = options
        self._input_wh = input_wh
        self._columns = Columns(options.columns)
        if options.columns:
            self._join(model)
        else:
            self._pair(model)

    def __call__(self, tensors: Tensors, threshold: float) -> Candidates:
        """Takes the best class of each box, or the best pairs of box and class."""
        if self._columns.numbered:
            return self._numbered(tensors, threshold)
        if self._options.columns:
            rows = _rows(tensors[self._boxes])
            boxes, scores = rows[:, self._columns.box], rows[:, self._columns.scores]
        else:
            boxes = _rows(tensors[self._boxes])
            scores = _rows(tensors[self._scores])
            scores = scores.T if self._transposed else scores
        chosen, best, class_ids = self._scored(scores, threshold)
        return Candidates(self._xyxy(boxes[chosen]), best, class_ids, chosen)

    @staticmethod
    def fits(evidence: Evidence) -> Sequence[Fit]:
        """Finds boxes and scores apart, and rows of both."""
        return [*paired_fits(evidence), *joined_fits(evidence)]

    def _join(self, model: ModelDescription) -> None:
        words = ('dets', 'boxes', 'box', 'output')
        chosen, labels = self._options.boxes_output, self._options.classes_output
        apart = self._columns.numbered and self._columns.number is None
        single = len(model.outputs) == 1
        rows = (
            model.outputs[0]
            if single and not chosen
            else find_output(model, 'boxes_output', chosen, words)
        )
        classes = class_count(model, rows.shape[-1] if rows.shape else None, self._columns.others)
        classes += bool(model.labels) and self._options.background != 'none'
        width = self._columns.width(classes)
        self.batched = len(rows.shape) == 3
        first = (1,) * (len(rows.shape) - 2)
        reads = f'rows of {", ".join(self._options.columns)}'
        check_output(model, rows, (*first, None, width), reads)
        self._boxes, self._numbers = rows.name, ''
        if apart and not single:
            numbers = find_output(model, 'classes_output', labels, _LABEL_WORDS)
            check_output(model, numbers, (*first, None), 'class numbers')
            self._numbers = numbers.name

    def _pair(self, model: ModelDescription) -> None:
        options = self._options
        boxes = find_output(model, 'boxes_output', options.boxes_output, BOX_WORDS)
        scores = find_output(model, 'scores_output', options.scores_output, SCORE_WORDS)
        extra = (1,) if len(boxes.shape) == 4 else ()
        check_output(model, boxes, (1, None, *extra, 4), '[1, N, 4]')
        count = boxes.shape[1]
        classes = len(model.labels) + (options.background != 'none') if model.labels else None
        self._transposed = are_transposed(scores, count, classes)
        axes = (1, classes, count) if self._transposed else (1, count, classes)
        check_output(model, scores, axes, '[1, N, classes] or [1, classes, N]')
        self._boxes, self._scores = boxes.name, scores.name
        self.batched = True

    def _scored(self, scores: Array, threshold: float) -> tuple[Array, Array, Array]:
        """Returns indices of boxes, their scores and classes, for scores (N, classes)."""
        options = self._options
        wanted, first = _without_background(scores, options.background)
        if options.activation == 'softmax':
            rows = _possible(scores, wanted, options.background, threshold)
            wanted = softmax(scores[rows])[:, first : first + wanted.shape[1]]
            best = wanted.max(axis=1)
            keep = promising(best, threshold)
            rows, wanted, best = rows[keep], wanted[keep], best[keep]
        else:
            best = wanted.max(axis=1)
            best = sigmoid(best) if options.activation == 'sigmoid' else best
            rows = promising(best, threshold)
            wanted, best = wanted[rows], best[rows]
        if not options.top_k:
            return rows, best, wanted.argmax(axis=1).astype(np.int32)
        every = sigmoid(wanted) if options.activation == 'sigmoid' else wanted
        pairs = _best(every.reshape(-1), threshold, options.top_k)
        box, class_id = np.divmod(pairs, wanted.shape[1])
        return rows[box], every.reshape(-1)[pairs], class_id.astype(np.int32)

    def _numbered(self, tensors: Tensors, threshold: float) -> Candidates:
        """Reads rows with one score and one class number."""
        rows = _rows(tensors[self._boxes])
        scores = rows[:, self._columns.score]
        keep = promising(scores, threshold)
        if self._numbers:
            numbers = tensors[self._numbers].reshape(-1)[keep]
        elif self._columns.number is None:
            numbers = np.full(len(keep), self._options.class_offset)
        else:
            numbers = rows[keep, self._columns.number]
        boxes = self._xyxy(rows[keep][:, self._columns.box])
        class_ids = class_ids_from(numbers, self._options.class_offset)
        return Candidates(boxes, scores[keep], class_ids, keep)

    def _xyxy(self, boxes: Array) -> Array:
        if self._options.box_format == 'yxyx':
            boxes = boxes[:, [1, 0, 3, 2]]
        boxes = in_pixels(boxes, self._input_wh, self._options.normalized)
        match self._options.box_format:
            case 'cxcywh':
                return xyxy_from_cxcywh(boxes)
            case 'xywh':
                return np.concatenate((boxes[:, :2], boxes[:, :2] + boxes[:, 2:]), axis=1)
        return boxes


def are_transposed(scores: TensorSpec, boxes: int | None, classes: int | None) -> bool:
    """Tells whether scores are (1, classes, N) for N boxes; a free size fits any."""
    if len(scores.shape) != 3:
        return False
    first, second = scores.shape[1:]
    upright = boxes in (None, first) and classes in (None, second)
    turned = boxes in (None, second) and classes in (None, first)
    if upright and turned:  # sizes that are fixed are those of classes
        return first is not None and second is None
    return turned


def _rows(tensor: Array) -> Array:
    """Returns a tensor of one picture as float32 with its last axis: (1, N, 1, 4) -> (N, 4)."""
    return tensor.reshape(-1, tensor.shape[-1]).astype(np.float32, copy=False)


def _without_background(scores: Array, background: str) -> tuple[Array, int]:
    """Returns the columns of the classes, and the index of the first one."""
    match background:
        case 'first':
            return scores[:, 1:], 1
        case 'last':
            return scores[:, :-1], 0
    return scores, 0


def _possible(logits: Array, wanted: Array, background: str, threshold: float) -> Array:
    """Returns the rows whose best class may reach a threshold after a softmax.

    A class has at most the share that it has of itself and the background.
    """
    if background == 'none':
        return np.arange(len(logits))
    other = logits[:, 0 if background == 'first' else -1]
    return promising(sigmoid(wanted.max(axis=1) - other), threshold - 1e-4)


def _best(scores: Array, threshold: float, count: int) -> Array:
    """Returns the indices of the best `count` scores (M,) from a threshold up, in any order."""
    keep = promising(scores, threshold)
    if len(keep) <= count:
        return keep
    ranks = np.where(np.isfinite(scores[keep]), scores[keep], np.inf)
    return keep[np.argpartition(-ranks, count - 1)[:count]]
