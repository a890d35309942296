"""What a teacher says of results: another model that is taken for the truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ml_integration.core.abilities import Score
from ml_integration.core.watches import Seen


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far the results of a stream agree with those of a teacher.

    Attributes:
        model: the teacher, `name@version`; empty until it is open.
        scores: the task's, with the teacher's results as the truth.
        frames: number of frames that these are about.
        skipped: frames for which the teacher had no time.
        failed: frames that it could say nothing of, or nothing that can be compared.
        sentence: on the last failure.
    """

    model: str = ''
    scores: tuple[Score, ...] = ()
    frames: int = 0
    skipped: int = 0
    failed: int = 0
    sentence: str = ''


class Teaching(Protocol):
    """A model that sees some of the frames too, in spare time."""

    def offer(self, seen: Seen) -> None:
        """Takes a run, if it is its turn; the next frame waits for it."""

    def agreement(self, stream: str) -> Agreement:
        """Tells what is known of a stream."""
