"""Follows objects from picture to picture and gives each of them a number.

Source: ByteTrack (Zhang et al. 2022): sure detections are matched with what is followed first,
then unsure ones with the rest of it, so that an object that is half hidden is not lost. Times are
seconds instead of pictures, because pictures get lost.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ml_integration.core.datatypes import Array
from ml_integration.ops.box_motion import BoxMotion
from ml_integration.ops.boxes import iou_matrix

_NEW, _SEEN, _LOST = 0, 1, 2
_SAME_SURE, _SAME_UNSURE, _SAME_NEW = 0.2, 0.5, 0.3
"""Overlap from which on a detection is the object that is followed, in each of the steps."""


@dataclass(frozen=True, slots=True)
class TrackingRules:
    """Rules for what is followed.

    Attributes:
        sure_score: score from which on a detection is matched first, and may begin a track.
        lost_s: time after which an object that is not seen is given up [s].
    """

    sure_score: float
    lost_s: float


class Tracks:
    """Objects that are followed in one stream.

    Args:
        rules: what is followed.
        number: gives the next number.
    """

    def __init__(self, rules: TrackingRules, number: Callable[[], int]) -> None:
        self._rules = rules
        self._number = number
        self._motion = BoxMotion.begin(np.zeros((0, 4)))
        self._ids = np.zeros(0, np.int64)
        self._class_ids = np.zeros(0, np.int32)
        self._state = np.zeros(0, np.int8)
        self._seen_ns = np.zeros(0, np.int64)
        self._stamp_ns: int | None = None

    def follow(self, xyxy: Array, scores: Array, class_ids: Array, stamp_ns: int) -> Array:
        """Finds out which object each detection is.

        Args:
            xyxy: (N, 4) [px]; those that are not finite are not followed.
            scores: (N,) 0 to 1.
            class_ids: (N,) an object keeps its class.
            stamp_ns: of the picture [ns], not before that of the last one.

        Returns:
            (N,) int64, the number of each object; 0 while it was seen only once.
        """
        is_first, last_ns = self._stamp_ns is None, self._stamp_ns or stamp_ns
        self._motion.move(max(0, stamp_ns - last_ns) / 1e9)
        self._stamp_ns = stamp_ns
        usable = np.atleast_1d(np.isfinite(xyxy).all(axis=1))
        sure: Array = usable & (scores >= self._rules.sure_score)
        overlap = iou_matrix(self._motion.xyxy, np.where(usable[:, None], xyxy, 0))
        overlap[np.not_equal.outer(self._class_ids, class_ids)] = 0
        owner = self._owners(overlap, sure, usable & ~sure)
        found = np.flatnonzero(owner >= 0)
        rows = owner[found]
        self._motion.correct(rows, xyxy[found])
        self._seen_ns[rows] = stamp_ns
        self._confirm(rows)
        self._forget(rows, stamp_ns, owner)
        begun = np.flatnonzero(sure & (owner < 0))
        self._begin(xyxy[begun], class_ids[begun], stamp_ns, confirmed=is_first)
        owner[begun] = np.arange(len(self._ids) - len(begun), len(self._ids))
        ids = np.zeros(len(scores), np.int64)
        ids[owner >= 0] = self._ids[owner[owner >= 0]]
        return ids

    def _owners(self, overlap: Array, sure: Array, unsure: Array) -> Array:
        """Returns the row of the object (N,) that each detection is; -1: none."""
        owner = np.full(overlap.shape[1], -1)
        free = np.ones(len(self._ids), bool)
        steps = (
            (self._state != _NEW, sure, _SAME_SURE),
            (self._state == _SEEN, unsure, _SAME_UNSURE),
            (self._state == _NEW, sure, _SAME_NEW),
        )
        for candidates, wanted, least in steps:
            rows, columns = np.flatnonzero(candidates & free), np.flatnonzero(wanted & (owner < 0))
            for row, column in zip(*match(overlap[np.ix_(rows, columns)], least), strict=True):
                owner[columns[column]] = rows[row]
                free[rows[row]] = False
        return owner

    def _confirm(self, rows: Array) -> None:
        for row in rows[self._ids[rows] == 0].tolist():
            self._ids[row] = self._number()
        self._state[rows] = _SEEN

    def _forget(self, seen: Array, stamp_ns: int, owner: Array) -> None:
        """Drops what was a mistake or is gone, and renumbers `owner`, whose rows are `seen`."""
        unseen = np.ones(len(self._ids), bool)
        unseen[seen] = False
        gone = unseen & (
            (self._state == _NEW) | (stamp_ns - self._seen_ns > self._rules.lost_s * 1e9)
        )
        self._state[unseen] = _LOST
        kept = np.flatnonzero(~gone)
        places = np.cumsum(~gone) - 1
        owner[owner >= 0] = places[owner[owner >= 0]]
        self._motion = self._motion.take(kept)
        self._ids, self._class_ids = self._ids[kept], self._class_ids[kept]
        self._state, self._seen_ns = self._state[kept], self._seen_ns[kept]

    def _begin(self, xyxy: Array, class_ids: Array, stamp_ns: int, confirmed: bool) -> None:
        count = len(xyxy)
        ids = [self._number() if confirmed else 0 for _ in range(count)]
        self._motion = self._motion.joined(BoxMotion.begin(xyxy))
        self._ids = np.concatenate([self._ids, np.array(ids, np.int64)])
        self._class_ids = np.concatenate([self._class_ids, class_ids])
        state = np.full(count, _SEEN if confirmed else _NEW, np.int8)
        self._state = np.concatenate([self._state, state])
        self._seen_ns = np.concatenate([self._seen_ns, np.full(count, stamp_ns, np.int64)])


def match(overlap: Array, least: float) -> tuple[list[int], list[int]]:
    """Pairs rows with columns, the pair that overlaps most first.

    All pairs that are the best ones on both sides are taken at once, which gives what taking one
    after another would give.

    Args:
        overlap: (R, C).
        least: the smallest overlap of a pair.

    Returns:
        Rows and columns of the pairs.
    """
    rows: list[int] = []
    columns: list[int] = []
    left = overlap.copy()
    while left.size:
        best = left.argmax(axis=1)
        all_rows = np.arange(len(left))
        mutual = (left.argmax(axis=0)[best] == all_rows) & (left[all_rows, best] >= least)
        mutual &= left[all_rows, best] > 0
        if not mutual.any():
            break
        rows += all_rows[mutual].tolist()
        columns += best[mutual].tolist()
        left[mutual] = 0
        left[:, best[mutual]] = 0
    return rows, columns
