"""Reads an output as the scores of a picture's classes: logits or probabilities."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ml_integration.core import plugins
from ml_integration.core.datatypes import Array, TensorSpec
from ml_integration.core.declaration import settings_of
from ml_integration.exports.claims import Claims
from ml_integration.exports.guessing.output_fit import Fit
from ml_integration.ops.evidence import COUNTS, NAMES, SHAPES, Evidence, are_scores

_TASK = 'classification'
_LOGITS = ('logit',)
_SHARES = ('prob', 'softmax', 'score')
_FEW = 10
"""Logits of fewer classes than this may all lie from 0 to 1 by accident."""


def read_classes(evidence: Evidence, claims: Claims, claimed: bool) -> Iterator[Fit]:
    """Yields the outputs that could be one score per class.

    Args:
        evidence: about the model.
        claims: settings of the task that the export states.
        claimed: whether the export says that it is a classifier.
    """
    if not claimed and any(map(_are_boxes, evidence.outputs)):
        return
    for output in evidence.outputs:
        classes = class_axis(output)
        if classes is None or evidence.labels not in (0, classes) or classes < 2:
            continue
        if np.dtype(output.dtype).kind != 'f' or _lists(evidence, output, classes):
            continue
        named = any(word in output.name.lower() for word in (*_LOGITS, *_SHARES, 'class'))
        softmax, shares, why = _needs_softmax(evidence, output)
        known = bool(evidence.labels) + claimed + shares
        score = SHAPES + NAMES * named + COUNTS * known
        settings: dict[str, Any] = {'softmax': softmax, **claimed_settings(_TASK, claims)}
        if shares:  # whatever a file says: a second softmax would make them all alike
            settings['softmax'] = softmax
        reason = f'{classes} numbers for the whole picture; {why}'
        sure = bool(named or known)
        yield Fit(_TASK, settings, (output,), score, reason, sure)
        if not softmax and not shares and evidence.runs and classes < _FEW:
            either = {**settings, 'softmax': claims.value('settings.softmax', True)}
            yield Fit(_TASK, either, (output,), score, f'{reason}, but may be logits', sure)


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


def _needs_softmax(evidence: Evidence, output: TensorSpec) -> tuple[bool, bool, str]:
    """Tells whether an output holds logits.

    Returns:
        Whether it does, whether it holds shares of one, and the reason in words.
    """
    rows = _rows(evidence, output)
    if rows is not None and are_scores(rows):
        if np.allclose(rows.sum(axis=1), 1, atol=0.02):
            return False, True, 'they are probabilities, with the sum 1 on the sample'
        return False, False, 'they lie from 0 to 1 on the sample and are taken as scores'
    if rows is not None:
        low, high = float(rows.min()), float(rows.max())
        return True, False, f'they are logits, from {low:.3g} to {high:.3g} on the sample'
    named = any(word in output.name.lower() for word in _LOGITS)
    how = 'logits by their name' if named else 'whether they are logits was not tried'
    return named, False, how


def _rows(evidence: Evidence, output: TensorSpec) -> Array | None:
    arrays = [run[output.name].reshape(1, -1) for run in evidence.runs if output.name in run]
    if len({array.shape for array in arrays}) > 1:  # as many numbers as it has found objects
        return None
    rows = np.concatenate(arrays).astype(np.float32) if arrays else np.zeros((0, 1), np.float32)
    return rows if rows.size and np.isfinite(rows).all() else None
