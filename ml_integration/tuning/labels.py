"""Finds what is right for recorded frames: ground truth of the same stamp, in the same bag."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ml_integration.core.abilities import Reading
from ml_integration.errors import MessageError, RecordingError
from ml_integration.recordings import HasTopics, open_recording
from ml_integration.tuning.trial import Material

MOST_LABELS = 500
"""Most frames that a score is about."""


class Labels:
    """Ground truth of the first frames of a recording.

    Args:
        task: reads the messages.
        material: where they are; without topics of truth nothing is known.

    Attributes:
        last_ns: stamp of the last frame whose truth is known [ns]; None if none is.

    Raises:
        RecordingError: a truth contradicts itself or the model, or there is none.
    """

    def __init__(self, task: Any, material: Material) -> None:
        self._truths: dict[int, Any] = {}
        if material.truths and isinstance(task, Reading):
            self._read(task, material)
        self.last_ns = max(self._truths, default=None)

    def of(self, stamp_ns: int) -> Any:
        """Returns the truth of a frame, of the type of the task's results; None: not known."""
        return self._truths.get(stamp_ns)

    def _read(self, task: Reading, material: Material) -> None:
        recording = open_recording(Path(material.path))
        if isinstance(recording, HasTopics):
            recording = recording.only(material.truths)
        parts: dict[int, dict[str, Any]] = {}
        for recorded in recording:
            part = parts.setdefault(recorded.stamp_ns, {})
            part.update(dict.fromkeys(material.truths[recorded.topic], recorded.message))
            if len(part) < len(task.truths):
                continue
            try:
                self._truths[recorded.stamp_ns] = task.read(parts.pop(recorded.stamp_ns))
            except MessageError as error:
                what = f'the truth of {recorded.name} cannot be used'
                raise RecordingError(what, where=material.path, hint=str(error)) from error
            if len(self._truths) == MOST_LABELS:
                return
        if not self._truths:
            where = ', '.join(material.truths)
            raise RecordingError(f'it has no truth on {where}', where=material.path)
