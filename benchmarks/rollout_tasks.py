"""Tasks of a package that somebody installed beside ours, and that are faulty.

`register` makes them known to processes, as entry points of the group `ml_integration.tasks`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from ml_integration.core.datatypes import Geometry, Tensors
from ml_integration.ops.detections import Detections
from ml_integration.tasks.object_detection import ObjectDetection

LEAKING, CRASHING = 'leaking_detection', 'crashing_detection'
LEAK_BYTES = 2**20
"""Memory that is lost with each frame."""
FAR = 1e9
"""Coordinate [px] that `CrashingDetection` does not survive."""
HARMLESS = 100
"""Version from which on these tasks do nothing bad: a model that they can take the place of."""
_lost: list[Any] = []


class LeakingDetection(ObjectDetection):
    """Never gives back the memory of a frame."""

    def postprocess(self, outputs: Tensors, geometry: Geometry) -> Detections:
        """Decodes, and keeps a megabyte."""
        if self._model.identity.version < HARMLESS:
            _lost.append(np.ones(LEAK_BYTES, np.uint8))
        return super().postprocess(outputs, geometry)


class CrashingDetection(ObjectDetection):
    """Ends the process on coordinates far outside, as native code does that trusts them."""

    def postprocess(self, outputs: Tensors, geometry: Geometry) -> Detections:
        """Decodes, unless that kills."""
        if any(array.max(initial=0.0) >= FAR for array in outputs.values()):
            os.abort()
        return super().postprocess(outputs, geometry)


def forget() -> None:
    """Gives back what `LeakingDetection` keeps, for the next rollout in the same process."""
    _lost.clear()


def register(folder: Path) -> tuple[str, ...]:
    """Writes what makes the tasks known, for processes whose PYTHONPATH has these folders.

    Args:
        folder: for what is written.

    Returns:
        The folders.
    """
    info = folder / 'rollout_tasks-1.dist-info'
    info.mkdir(parents=True, exist_ok=True)
    (info / 'METADATA').write_text('Metadata-Version: 2.1\nName: rollout_tasks\nVersion: 1\n')
    points = {LEAKING: LeakingDetection, CRASHING: CrashingDetection}
    lines = [f'{name} = {__name__}:{task.__name__}\n' for name, task in points.items()]
    (info / 'entry_points.txt').write_text('[ml_integration.tasks]\n' + ''.join(lines))
    return str(Path(__file__).parents[1]), str(folder)
