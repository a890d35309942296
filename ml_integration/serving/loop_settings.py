"""Time limits of a frame loop."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LoopSettings:
    """Relation of a frame loop to time.

    Attributes:
        deadline_ms: age at which an observation is not worth processing any more [ms]; 0: never.
        batch_timeout_ms: the longest that the first of a batch waits for others [ms].
        frame_timeout_ms: time after which an observation in work does not come back any more [ms].
    """

    deadline_ms: float = 0.0
    batch_timeout_ms: float = 0.0
    frame_timeout_ms: float = 5000.0


DEFAULTS = LoopSettings()
