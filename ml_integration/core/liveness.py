"""Notices what stands still although it always moved before, as a stuck sensor does."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ml_integration.core.datatypes import Array

LIVELY = 0.9
"""Share of messages with a new value that a live channel has at least."""
FEWEST = 5
"""Messages without any change that are needed to tell that something stands still."""


class Liveness:
    """Tells for how long each channel has been the same, and whether it never was before.

    What is noisy, such as a camera or an inertial sensor, changes with nearly every message. What
    rests now and then, such as a gripper, is never called live, and so never stuck.

    Args:
        now_ns: the time [ns].
        values: (C,) of the first message.
    """

    def __init__(self, now_ns: int, values: Array) -> None:
        self._values = values
        self._begin_ns = self._last_ns = now_ns
        self._changed_ns: npt.NDArray[np.int64] = np.full(values.shape, now_ns, np.int64)
        self._unchanged: npt.NDArray[np.int64] = np.zeros(values.shape, np.int64)
        self._share: npt.NDArray[np.float64] = np.zeros(values.shape)
        self._live: npt.NDArray[np.bool_] = np.zeros(values.shape, bool)

    @property
    def channels(self) -> int:
        return len(self._values)

    def take(self, now_ns: int, values: Array, learn_s: float) -> None:
        """Takes the values (C,) of a message.

        Args:
            now_ns: the time [ns].
            values: what is not finite counts as unchanged.
            learn_s: time that a channel has to be lively to count as live [s].
        """
        changed = np.isfinite(values) & (values != self._values)
        weight = min(1.0, 3 * (now_ns - self._last_ns) / max(learn_s * 1e9, 1.0))
        self._share += weight * (changed - self._share)
        self._changed_ns[changed] = now_ns
        self._unchanged = np.where(changed, 0, self._unchanged + 1)
        learned = (now_ns - self._begin_ns) / 1e9 >= learn_s
        self._live = np.where(changed, learned & (self._share >= LIVELY), self._live)
        self._values, self._last_ns = values, now_ns

    def unchanged_s(self) -> npt.NDArray[np.float64]:
        """Returns for how long each channel had been the same at the last message [s]."""
        return np.asarray((self._last_ns - self._changed_ns) / 1e9, np.float64)

    def stuck(self, after_s: float) -> npt.NDArray[np.intp]:
        """Returns the channels that were live and have been the same for so long; 0: none."""
        if not after_s:
            return np.zeros(0, np.intp)
        still = self._live & (self._unchanged >= FEWEST) & (self.unchanged_s() >= after_s)
        return np.flatnonzero(still)
