"""Batches: how many frames run through a model together, and the outputs of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ml_integration.core.datatypes import Tensors
from ml_integration.core.declaration import declared
from ml_integration.errors import InferenceError

ON_ACCELERATOR = 8


@dataclass(frozen=True, slots=True)
class BatchSettings:
    """Settings for batches of frames of several streams, for models whose batch size is free."""

    max_size: int = declared(
        0,
        'Most frames of several cameras that run together, if the model can; 0: 8 on an '
        'accelerator and 1 on a CPU, where a batch takes as long as its frames in turn.',
        ge=0,
        le=256,
        at_configure=True,
    )
    timeout_ms: float = declared(
        5.0,
        'Longest time the first frame of a batch waits for those of other cameras [ms].',
        ge=0.0,
        le=1000.0,
        at_configure=True,
    )

    def together(self, cameras: int, device: str) -> int:
        """Returns the most frames to run together, one per stream, on a session's device."""
        most = self.max_size or (1 if device.startswith('CPU') else ON_ACCELERATOR)
        return min(most, cameras)


def split_rows(tensors: Tensors, count: int, model: str) -> Iterator[Tensors]:
    """Yields the outputs of each frame, (1, ...) each, without a copy.

    Args:
        tensors: outputs of a run, (count, ...).
        count: number of frames in the run.
        model: name for the error.

    Raises:
        InferenceError: an output has another number of rows, so they belong to no known frame.
    """
    for name, array in tensors.items():
        if array.shape[:1] != (count,):
            got = f"output '{name}' is {list(array.shape)} for {count} frames"
            raise InferenceError(model, got)
    for row in range(count):
        yield {name: array[row : row + 1] for name, array in tensors.items()}
