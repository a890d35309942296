"""Reads an output as the scores of a picture's classes: logits or probabilities."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ml_integration.core import plugins
from ml_integration.core.datatypes import TensorSpec
from ml_integration.core.declaration import settings_of
from ml_integration.exports.claims import Claims
from ml_integration.exports.guessing.class_heads import read_heads
from ml_integration.exports.guessing.class_numbers import FEW, LOGITS, activation, numbers_of
from ml_integration.exports.guessing.output_fit import Fit
from ml_integration.ops.evidence import COUNTS, NAMES, SHAPES, Evidence

_TASK = 'classification'
_SHARES = ('prob', 'softmax', 'score', 'class')


def read_classes(evidence: Evidence, claims: Claims, claimed: bool) -> Iterator[Fit]:
    """Yields the outputs that could be one score per class.

    Args:
        evidence: about the model.
        claims: settings of the task that the export states.
        claimed: whether the export says that it is a classifier.
    """
    if not claimed and any(map(_are_boxes, evidence.outputs)):
        return
    found = [
        (output, classes)
        for output in evidence.outputs
        if (classes := _classes(evidence, output)) is not None
    ]
    told = claimed_settings(_TASK, claims)
    if 1 < len(found) == len(evidence.outputs):
        yield from read_heads(evidence, told, tuple(found))
    for output, classes in found:
        if evidence.labels in (0, classes):
            yield from _readings(evidence, told, claimed, output, classes)


def _readings(
    evidence: Evidence, told: dict[str, Any], claimed: bool, output: TensorSpec, classes: int
) -> Iterator[Fit]:
    """Yields how an output could hold one score per class, the likeliest first."""
    numbers = numbers_of(evidence, output)
    named = any(word in output.name.lower() for word in (*LOGITS, *_SHARES))
    known = bool(evidence.labels) + claimed + (numbers.kind == 'shares')
    score = SHAPES + NAMES * named + COUNTS * known
    usual = activation(numbers, told, classes)
    ways = [(usual, '')]
    if numbers.kind == 'scores' and evidence.runs and classes < FEW:
        key = 'sigmoid' if usual.get('multi_label') else 'softmax'
        ways.append(({**usual, key: told.get(key, True)}, ', but may be logits'))
    if numbers.several and not told:
        several = activation(numbers, {'multi_label': True}, classes)
        ways.append((several, ', and several are high at once'))
    reason = f'{classes} numbers for the whole picture; {numbers.why}'
    for settings, more in ways:
        sure = bool(named or known)
        yield Fit(_TASK, settings, (output,), score, f'{reason}{more}', sure)


def _classes(evidence: Evidence, output: TensorSpec) -> int | None:
    """Returns how many classes an output has a number for; None if it is something else."""
    classes = class_axis(output)
    if classes is None or classes < 2 or np.dtype(output.dtype).kind != 'f':
        return None
    return None if _lists(evidence, output, classes) else classes


def _lists(evidence: Evidence, output: TensorSpec, count: int) -> bool:
    """Tells whether numbers belong to as many things of another output, such as keypoints."""
    others = (evidence.shape(other) for other in evidence.outputs if other is not output)
    return any(len(shape) == 3 and shape[1] == count for shape in others)


def claimed_settings(task: str, claims: Claims) -> dict[str, Any]:
    """Returns the settings that an export states, of a task's own, but for those of a decoder."""
    own = {setting.name for setting in settings_of(plugins.load('tasks', task).Settings)}
    told = claims.below('settings.')
    return {
        key: value for key, value in told.items() if key in own - {'decoder'} and '.' not in key
    }


def class_axis(output: TensorSpec) -> int | None:
    """Returns the number of classes C of [1, C], [C] or [1, C, 1, 1]; None for other shapes."""
    axes = len(output.shape)
    size = output.shape[axes > 1] if axes in (1, 2) or output.shape[2:] == (1, 1) else None
    batch = axes < 2 or output.shape[0] in (1, None)
    numbers = np.dtype(output.dtype).kind == 'f' or output.dtype in ('uint8', 'int8')
    return size if batch and numbers else None


def _are_boxes(output: TensorSpec) -> bool:
    """Tells whether an output is a list of boxes, beside which lists are no classes."""
    return (
        len(output.shape) in (2, 3)
        and output.shape[-1] in (4, 5)
        and (len(output.shape) == 3 or output.shape[0] != 1)
    )
