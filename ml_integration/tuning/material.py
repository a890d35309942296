"""Chooses the recorded messages that candidates are measured on."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from statistics import median

from ml_integration.core.wiring import Wiring
from ml_integration.errors import RecordingError
from ml_integration.tuning.trial import Material
from ml_integration.tuning.worker import messages_of

STEPS = 64
"""Most runs that recorded messages are kept for."""
LARGEST_MB = 96.0
"""Most memory for them, in each process [MB]."""
USUAL_HZ, FASTEST_HZ, SLOWEST_HZ = 30.0, 1000.0, 0.1


def look_at(
    path: Path, routes: Mapping[str, tuple[str, ...]], wiring: Wiring, rate_hz: float | None
) -> Material:
    """Returns what to measure on: the first messages of a recording.

    Args:
        path: the recording.
        routes: topics in the manifest, by recorded topic.
        wiring: what the model needs.
        rate_hz: pace of the runs [Hz]; None: that of the recording.

    Raises:
        RecordingError: no message in it starts a run.
    """
    everything = Material(str(path), routes, STEPS, USUAL_HZ)
    stamps, megabytes = [], 0.0
    for topic, recorded in messages_of(everything, wiring.trigger.rate_hz):
        megabytes += len(getattr(recorded.message, 'data', b'')) / 1e6
        if topic == wiring.trigger_topic:
            stamps.append(recorded.recorded_ns)
            if len(stamps) == STEPS or megabytes > LARGEST_MB:
                break
    if not stamps:
        what = f"it has no message that starts a run: none on '{wiring.trigger_topic}'"
        raise RecordingError(what, where=str(path))
    periods = [later - former for former, later in pairwise(stamps)]
    recorded_hz = 1e9 / max(1.0, median(periods)) if periods else USUAL_HZ
    if not SLOWEST_HZ <= recorded_hz <= FASTEST_HZ:
        recorded_hz = USUAL_HZ
    return Material(str(path), routes, len(stamps), rate_hz or recorded_hz)
