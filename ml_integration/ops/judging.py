"""Judges scored classes, for tasks of every kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ml_integration.core.datatypes import Array, Reason, TensorSpec

ROUNDING = 1e-4
"""A score may pass 0 or 1 by this much, because models round."""
_STEPS = 4
"""Rounding steps above 1 that a few operations in a row can add up to."""


def rounding(outputs: Sequence[TensorSpec]) -> float:
    """Returns by how much a score may pass 0 or 1 where models round to these types.

    For half precision that is 0.0039: its first number above 1 is 1.00098.
    """
    steps = (np.finfo(spec.dtype).eps for spec in outputs if np.dtype(spec.dtype).kind == 'f')
    return max((ROUNDING, *(_STEPS * float(step) for step in steps)))


def without_rounding(scores: Array, most: float) -> Array:
    """Brings scores (N,) that pass 0 or 1 by at most `most` back to it; the others stay."""
    inside = np.clip(scores, 0, 1)
    settled: Array = np.where(np.abs(scores - inside) <= most, inside, scores)
    return settled.astype(scores.dtype, copy=False)


def first_wrong(kind: str, wrong: Array, describe: Callable[[int], str]) -> tuple[Reason, ...]:
    """Returns one reason that counts the wrong items and describes the first, or none.

    Args:
        kind: the reason's kind, such as 'not_finite'.
        wrong: (N,) bool.
        describe: gives the sentence for an index.
    """
    if not wrong.any():
        return ()
    count = int(wrong.sum())
    more = f' ({count} of {len(wrong)} are like this)' if count > 1 else ''
    return (Reason(kind, describe(int(wrong.argmax())) + more),)


def judge_classes(
    scores: Array, class_ids: Array, labels: int, describe: Callable[[int], str]
) -> tuple[Reason, ...]:
    """Finds reasons of the kinds 'score_out_of_range' and 'unknown_class', one of each.

    Scores that are not finite are left to the caller, which may check other numbers as well.

    Args:
        scores: (N,) float.
        class_ids: (N,) int.
        labels: number of the model's labels; 0 lets any class pass that is not negative.
        describe: gives the sentence for an index.
    """
    known = labels or np.iinfo(np.int32).max
    return (
        *first_wrong(
            'score_out_of_range',
            np.isfinite(scores) & ((scores < -ROUNDING) | (scores > 1 + ROUNDING)),
            describe,
        ),
        *first_wrong('unknown_class', (class_ids < 0) | (class_ids >= known), describe),
    )
