"""Judges scored classes, for tasks of every kind."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ml_integration.core.datatypes import Array, Reason

ROUNDING = 1e-4
"""A score may pass 0 or 1 by this much, because half-precision models round."""


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
