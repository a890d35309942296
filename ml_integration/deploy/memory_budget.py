"""Keeps a process within its memory: looks before a model is loaded, and after."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ml_integration.core import process_memory
from ml_integration.errors import MemoryBudgetError
from ml_integration.store.package.manifest import Manifest
from ml_integration.store.state.measurements import Measurements

UNKNOWN = 4.0
"""Memory that a load takes at its peak, in sizes of the model's files, where nobody has measured
it: the bytes that were checked, the engine's copy, and weights in the order that the CPU wants."""
LEAST_MB = 8.0
"""Memory that the smallest model takes [MB]."""
_KIND = 'load'


@dataclass(frozen=True, slots=True)
class Takes:
    """Memory that a model takes.

    Attributes:
        peak_mb: while it is loaded, at most [MB].
        kept_mb: from then on [MB].
        measured: whether this machine has measured it.
    """

    peak_mb: float
    kept_mb: float
    measured: bool


class MemoryBudget:
    """Memory that a process may take, and what models take of it.

    Args:
        limit_mb: gives the limit [MB]; 0: there is none.
        measurements: remember what loads took.
    """

    def __init__(
        self,
        limit_mb: Callable[[], float] = lambda: 0.0,
        measurements: Measurements | None = None,
    ) -> None:
        self._limit_mb = limit_mb
        self._measurements = measurements or Measurements()
        self._before_mb = 0.0

    @property
    def is_set(self) -> bool:
        """True if there is a limit."""
        return self._limit_mb() > 0.0

    def takes(self, manifest: Manifest) -> Takes:
        """Returns what a model takes, as it was measured or else by the size of its files."""
        known = self._measurements.get(_KIND, manifest.digest)
        if known:
            return Takes(known['peak_mb'], known['kept_mb'], measured=True)
        files_mb = _files_mb(manifest)
        peak_mb = max(LEAST_MB, UNKNOWN * files_mb)
        return Takes(peak_mb, files_mb, measured=False)

    def lacks(self, manifest: Manifest, times: int = 1) -> bool:
        """Tells whether a model would not fit into what is left, or not so many times."""
        has_mb = process_memory.resident_mb()
        return self.is_set and has_mb + times * self.takes(manifest).peak_mb > self._limit_mb()

    def require(self, manifest: Manifest, spare_mb: float = 0.0) -> None:
        """Refuses a model that would not fit.

        Args:
            manifest: of the model.
            spare_mb: memory that can be given back for it [MB].

        Raises:
            MemoryBudgetError: it would not fit.
        """
        takes, has_mb = self.takes(manifest), process_memory.resident_mb() - spare_mb
        if self.is_set and has_mb + takes.peak_mb > self._limit_mb():
            source = 'as it was measured here' if takes.measured else 'by the size of its files'
            raise MemoryBudgetError(
                str(manifest.identity),
                f'{takes.peak_mb:.0f} MB for it, {source}, beside {has_mb:.0f} MB',
                self._limit_mb(),
            )

    def begin(self) -> None:
        """Begins to measure a load."""
        if self.is_set:
            process_memory.return_freed_memory()
            process_memory.forget_peak()
            self._before_mb = process_memory.resident_mb()

    def end(self, manifest: Manifest) -> None:
        """Remembers what a load took since `begin`, after what it has freed was given back.

        Who loads has the bytes of the files for a moment longer, which the model does not keep.
        """
        if self.is_set:
            peak_mb = process_memory.peak_mb()
            process_memory.return_freed_memory()
            kept_mb = process_memory.resident_mb() - self._before_mb - _files_mb(manifest)
            numbers = {'peak_mb': peak_mb - self._before_mb, 'kept_mb': kept_mb}
            self._measurements.put(
                _KIND, manifest.digest, numbers={k: max(0.0, n) for k, n in numbers.items()}
            )

    def exceeded(self) -> bool:
        """Tells whether the process has more than it may."""
        return self.is_set and process_memory.resident_mb() > self._limit_mb()

    def confirm(self, manifest: Manifest) -> None:
        """Refuses a model with which, now that it is loaded, the process has more than it may.

        Raises:
            MemoryBudgetError: it has.
        """
        if self.exceeded():
            has_mb = process_memory.resident_mb()
            raise MemoryBudgetError(
                str(manifest.identity), f'{has_mb:.0f} MB with it loaded', self._limit_mb()
            )

    def write(self) -> None:
        """Writes what was measured to disk."""
        self._measurements.write()


def _files_mb(manifest: Manifest) -> float:
    return sum(pin.size for pin in manifest.files.values()) / process_memory.MB
