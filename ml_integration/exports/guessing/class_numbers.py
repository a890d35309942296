"""Tells what the numbers of classes are: logits, scores or shares of one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ml_integration.core.datatypes import Array, TensorSpec
from ml_integration.ops.evidence import Evidence, are_scores

LOGITS = ('logit',)
FEW = 10
"""Logits of fewer classes than this may all lie from 0 to 1 by accident."""
_HIGH = 0.5
"""More than one share of one cannot be above this."""
_PROBABLE = 0.5
"""Score from which on a class of several that may be true is published."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """What the numbers of an output are.

    Attributes:
        kind: 'shares' of one, 'scores' from 0 to 1, or 'logits'.
        why: the reason in words.
        several: whether more than one is high at once, as no shares of one can be.
    """

    kind: Literal['shares', 'scores', 'logits']
    why: str
    several: bool = False


def numbers_of(evidence: Evidence, output: TensorSpec) -> Numbers:
    """Tells by the values of an output, or else by its name, what they are."""
    rows = _rows(evidence, output)
    if rows is not None and are_scores(rows):
        if np.allclose(rows.sum(axis=1), 1, atol=0.02):
            return Numbers('shares', 'they are probabilities, with the sum 1 on the sample')
        several = bool(((rows > _HIGH).sum(axis=1) > 1).any())
        why = 'they lie from 0 to 1 on the sample and are taken as scores'
        return Numbers('scores', why, several)
    if rows is not None:
        low, high = float(rows.min()), float(rows.max())
        return Numbers('logits', f'they are logits, from {low:.3g} to {high:.3g} on the sample')
    if any(word in output.name.lower() for word in LOGITS):
        return Numbers('logits', 'logits by their name')
    return Numbers('scores', 'whether they are logits was not tried')


def activation(numbers: Numbers, told: Mapping[str, Any], classes: int) -> dict[str, Any]:
    """Returns the settings that make scores of numbers.

    Args:
        numbers: of an output, or of all heads.
        told: settings that the export states.
        classes: number of them.
    """
    logits, settings = numbers.kind == 'logits', dict(told)
    sure = numbers.kind == 'shares' or (numbers.kind == 'scores' and classes >= FEW)
    if not settings.get('multi_label'):
        # Whatever a file says: a second softmax would make them all alike.
        usual = logits and not settings.get('sigmoid')
        softmax = False if numbers.kind == 'shares' else settings.get('softmax', usual)
        return {**settings, 'softmax': softmax}
    settings.pop('softmax', None)
    if settings.pop('sigmoid', logits) and not sure:
        settings['sigmoid'] = True
    return {'score_threshold': _PROBABLE, **settings}


def _rows(evidence: Evidence, output: TensorSpec) -> Array | None:
    arrays = [run[output.name].reshape(1, -1) for run in evidence.runs if output.name in run]
    if len({array.shape for array in arrays}) > 1:  # as many numbers as it has found objects
        return None
    rows = np.concatenate(arrays).astype(np.float32) if arrays else np.zeros((0, 1), np.float32)
    return rows if rows.size and np.isfinite(rows).all() else None
