"""Work that has a limit, and that others can end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic_ns

from ml_integration.errors import LoadTimeoutError, MlIntegrationError


def nothing() -> None:
    """Interrupts nothing."""


class Job:
    """Work under way, as it sees itself and as others end it. Thread-safe.

    Args:
        model: `name@version` of the model that it loads.
        limit_s: time that it has [s].

    Attributes:
        began_ns: when it began [ns, steady clock].
        until_ns: when its time is over [ns, steady clock].
        ended: what it has to raise, because somebody has ended it; None if nobody has.
    """

    def __init__(self, model: str, limit_s: float) -> None:
        self.model = model
        self.limit_s = limit_s
        self.began_ns = monotonic_ns()
        self.until_ns = self.began_ns + int(limit_s * 1e9)
        self.ended: MlIntegrationError | None = None
        self._interrupt: Callable[[], None] = nothing

    def check(self) -> None:
        """Raises what it was ended with, if it was ended or its time is over."""
        if self.ended is None and monotonic_ns() >= self.until_ns:
            self.ended = LoadTimeoutError(self.model, self.limit_s)
        if self.ended is not None:
            raise self.ended

    def interruptible(self, interrupt: Callable[[], None]) -> None:
        """Says how the step that follows is ended from another thread."""
        self._interrupt = interrupt  # before the look at `ended`, so that none is missed
        self.check()

    def end(self, error: MlIntegrationError) -> None:
        """Makes the work raise `error` as soon as it can."""
        self.ended = self.ended or error
        self._interrupt()


@dataclass(frozen=True, slots=True)
class Loading:
    """Load that is under way.

    Attributes:
        model: `name@version`.
        for_s: time since it began [s].
    """

    model: str
    for_s: float

    @staticmethod
    def of(job: Job) -> Loading:
        """Makes one of a job under way."""
        return Loading(job.model, (monotonic_ns() - job.began_ns) / 1e9)

    def __str__(self) -> str:
        return f'loading {self.model} for {self.for_s:.0f} s'
