"""Finds the parts of a detector's outputs: tables of rows, masks, lists of boxes and classes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml_integration.core.datatypes import Array, ModelDescription, ModelIdentity, TensorSpec
from ml_integration.errors import ModelMismatchError
from ml_integration.ops.decoding import find_output
from ml_integration.ops.evidence import Evidence, are_scores

_TENSORFLOW = (
    'detection_', 'tflite_detection', 'statefulpartitionedcall', 'postprocess', 'identity',
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class RoleWords:
    """Words in the names of outputs by which a decoder finds them, the most telling first."""

    boxes: tuple[str, ...]
    scores: tuple[str, ...]
    classes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ThreeLists:
    """Outputs of a detector that gives boxes, scores and class numbers apart, and their count."""

    boxes: TensorSpec
    scores: TensorSpec
    classes: TensorSpec
    count: TensorSpec | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the outputs, boxes first."""
        specs = (self.boxes, self.scores, self.classes, self.count)
        return tuple(spec.name for spec in specs if spec is not None)

    def options(self, words: RoleWords) -> dict[str, Any]:
        """Returns the options that name the outputs that a decoder would not find by its words."""
        specs = tuple(s for s in (self.boxes, self.scores, self.classes, self.count) if s)
        return {
            **name_option('boxes_output', self.boxes, words.boxes, specs),
            **name_option('scores_output', self.scores, words.scores, specs),
            **name_option('classes_output', self.classes, words.classes, specs),
        }

    def offsets(self, evidence: Evidence, default: int = 0) -> list[dict[str, int]]:
        """Returns the option for the number of the first class, where it is not 0, or both ways.

        Lists without a batch are those of torchvision, which counts from 1, or of Detectron2,
        which counts from 0. With a background among the labels every number is a label's own.
        """
        tables = zip(evidence.tables(self.classes), evidence.tables(self.scores), strict=False)
        seen = [c.ravel()[s.ravel() > 0.05] for c, s in tables if c.size == s.size]
        numbers = np.concatenate(seen) if seen else np.zeros(0)
        if default and not (evidence.background or (numbers.size and numbers.min() < 0.5)):
            return [{'class_offset': 1}]
        either = len(self.boxes.shape) == 2 or 'bbox' in self.boxes.name.lower()
        return first_class(numbers, evidence, either and self.count is None)


def first_class(numbers: Array, evidence: Evidence, either: bool) -> list[dict[str, int]]:
    """Returns the options for the number of the first class, where it is not 0.

    Args:
        numbers: class numbers on pictures, (N,).
        evidence: tells of the labels.
        either: numbers that tell nothing leave both ways open.

    Returns:
        One way; both if nothing tells which one.
    """
    labels = evidence.labels
    if not labels or evidence.background or (numbers.size and numbers.min() < 0.5):
        return [{}]
    if numbers.size and round(float(numbers.max())) == labels:
        return [{'class_offset': 1}]
    return [{'class_offset': 1}, {}] if either else [{}]


def tables_of(
    evidence: Evidence, upright: bool = True, flat: bool = False
) -> Iterator[tuple[TensorSpec, Any, Any]]:
    """Yields outputs that could hold everything about a detector's boxes, with rows and columns.

    Others may lie beside them if they have four axes or more (masks, heads of a grid), or are a
    count.

    Args:
        evidence: about the model.
        upright: the number of columns has to be known; otherwise that of the rows.
        flat: tables without the batch axis count too.
    """
    alone = [spec for spec in evidence.outputs if len(spec.shape) < 4 and not _is_count(spec)]
    for spec in alone if len(alone) == 1 else ():
        shape = evidence.shape(spec)
        batch = len(shape) == 3 and shape[0] in (1, None)
        known = shape[-1 if upright else -2] if len(shape) > 1 else None
        numbers = np.dtype(spec.dtype).kind == 'f'
        if is_map(shape, evidence.input_wh):
            continue
        if known is not None and numbers and (batch or (flat and len(shape) == 2)):
            yield spec, shape[-2], shape[-1]


def is_map(shape: tuple[int | None, ...], input_wh: tuple[int, int] | None) -> bool:
    """Tells whether an output has numbers for each pixel of the picture, or of a smaller one."""
    if input_wh is None or len(shape) not in (3, 4) or None in shape[-2:]:
        return False
    height, width = int(shape[-2] or 0), int(shape[-1] or 0)
    if min(height, width) < 8:
        return False
    return any(
        (height * part, width * part) == (input_wh[1] * times, input_wh[0] * times)
        for part, times in (
            (1, 1),
            (2, 1),
            (4, 1),
            (8, 1),
            (16, 1),
            (32, 1),
            (1, 2),
            (1, 3),
            (1, 4),
        )
    )


def several_grids(evidence: Evidence) -> bool:
    """Tells whether boxes of each grid are an output of their own."""
    tables = [spec for spec in evidence.outputs if len(spec.shape) in (2, 3)]
    boxes = [spec for spec in tables if spec.shape[-1] == 4 and 'raw' not in spec.name.lower()]
    rows = {evidence.shape(spec)[-2] for spec in boxes} - {None}
    return len(boxes) > 1 and len(rows) == len(boxes)


def mask_coefficients(evidence: Evidence) -> int:
    """Returns the number of masks that a model mixes for each object, 0 if it has none."""
    maps = [spec.shape for spec in evidence.outputs if len(spec.shape) == 4]
    numbers = [shape[1] for shape in maps if shape[1] in (16, 32, 64)]
    return (numbers[0] or 0) if len(maps) == 1 and numbers else 0


def columns_beside(evidence: Evidence, columns: int, first: int) -> int | None:
    """Returns how many of a table's columns are neither its first ones nor classes.

    Returns:
        None if the columns cannot be those of the labels.
    """
    masks = mask_coefficients(evidence)
    classes = columns - first - masks
    fits = classes >= 1 and evidence.labels in (0, classes)
    return masks if fits else None


def column_options(others: int, fractions: bool) -> dict[str, Any]:
    """Returns the options for columns that are no classes, and for boxes as fractions."""
    options: dict[str, Any] = {'other_columns': others} if others else {}
    return {**options, 'normalized': True} if fractions else options


def three_lists(evidence: Evidence) -> ThreeLists | None:
    """Finds boxes, scores and class numbers among the outputs; None if they are not all there."""
    boxes = [s for s in evidence.outputs if _could_be_boxes(s) and 'raw' not in s.name.lower()]
    if not boxes:
        return None
    axes = len(boxes[0].shape) - 1
    lists = [s for s in evidence.outputs if len(s.shape) == axes and not _is_count(s)]
    chosen = _scores_and_classes([s for s in lists if s.shape[-1:] != (1,) or axes == 1], evidence)
    if chosen is None:
        return None
    counts = [spec for spec in evidence.outputs if _is_count(spec)]
    return ThreeLists(boxes[0], *chosen, count=counts[0] if counts else None)


def of_tensorflow(names: tuple[str, ...]) -> bool:
    """Tells whether names of outputs are those of TensorFlow's detectors."""
    return any(word in name.lower() for name in names for word in _TENSORFLOW)


def name_option(
    option: str, wanted: TensorSpec, words: tuple[str, ...], specs: tuple[TensorSpec, ...]
) -> Mapping[str, str]:
    """Returns the option that names an output, if its words do not find it among the others."""
    model = ModelDescription(ModelIdentity('the model', 1), (), (), specs)
    try:
        found = find_output(model, option, '', words)
    except ModelMismatchError:
        found = None
    return {} if found is wanted else {option: wanted.name}


def _scores_and_classes(
    lists: list[TensorSpec], evidence: Evidence
) -> tuple[TensorSpec, TensorSpec] | None:
    """Tells which list holds scores and which one class numbers, by names, dtypes and values."""
    scores = [s for s in lists if 'score' in s.name.lower() or 'conf' in s.name.lower()]
    classes = [s for s in lists if 'class' in s.name.lower() or 'label' in s.name.lower()]
    if not classes:
        rest = [s for s in lists if s not in scores]
        classes = [s for s in rest if evidence.whole(s)] or (rest if scores else [])
    if not scores:
        rest = [s for s in lists if s not in classes and np.dtype(s.dtype).kind == 'f']
        scores = [s for s in rest if _hold_scores(s, evidence)]
    if not classes and not scores and len(lists) == 2:
        classes, scores = lists[:1], lists[1:]  # the order of TensorFlow Lite
    if len(scores) != 1 or len(classes) != 1 or scores == classes:
        return None
    return scores[0], classes[0]


def _hold_scores(spec: TensorSpec, evidence: Evidence) -> bool:
    values = evidence.values(spec)
    return values is None or are_scores(values)


def _could_be_boxes(spec: TensorSpec) -> bool:
    return (
        len(spec.shape) in (2, 3)
        and spec.shape[-1] == 4
        and np.dtype(spec.dtype).kind == 'f'
        and not any(word in spec.name.lower() for word in ('score', 'logit', 'label', 'class'))
    )


def _is_count(spec: TensorSpec) -> bool:
    """Tells whether an output is one number per picture."""
    few = all(size in (1, None) for size in spec.shape) and len(spec.shape) <= 2
    named = any(word in spec.name.lower() for word in ('num', 'count', 'tmp_2'))
    whole = np.dtype(spec.dtype).kind in 'iu' and len(spec.shape) <= 1
    return few and (named or spec.shape == (1,) or (whole and spec.shape == ()))
