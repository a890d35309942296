"""Counts how well a model serves, until that is proof enough."""

from __future__ import annotations

from dataclasses import dataclass

from ml_integration.core.declaration import declared


@dataclass(frozen=True, slots=True)
class ProbationSettings:
    """When a model that was put into service counts as proven, and when it is given up."""

    good_frames: int = declared(
        100, 'Good results in a row before a model counts as proven.', ge=1
    )
    seconds: float = declared(
        10.0, 'Time without a failure before a model counts as proven [s].', ge=0.0
    )
    attempts: int = declared(
        3, 'Starts on an unproven model before the previous one is used.', ge=1, at_configure=True
    )


class Trial:
    """The trial of one model. Used by one thread at a time; the caller brings the time."""

    def __init__(self, now_ns: int) -> None:
        self._since_ns = now_ns
        self._good = 0

    def passed(self, good: bool, settings: ProbationSettings, now_ns: int) -> bool:
        """Takes one frame's outcome; returns whether the model has proven itself."""
        if not good:
            self._since_ns, self._good = now_ns, 0
            return False
        self._good += 1
        long_enough = now_ns - self._since_ns >= settings.seconds * 1e9
        return self._good >= settings.good_frames and long_enough
