"""Measures for the judge of a rollout what no frame tells by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from ml_integration.core import process_memory
from ml_integration.serving.judging import Judging, Telling
from ml_integration.store.state.rollout_state import RolloutState


class EvidenceSource(Protocol):
    """Measures something once a second, on the rollout's thread.

    What it raises counts as a failure of measuring, which says nothing of the candidate.
    """

    name: str
    """What it measures, such as 'score', for reports of its failures."""

    def begin(self, state: RolloutState) -> None:
        """Begins a stage: which candidate and which stable model, and in which phase."""

    def measure(self, now_ns: int) -> Iterable[Telling]:
        """Returns what the judge is to be told [ns, steady clock]."""


def measure(sources: Iterable[EvidenceSource], judging: Judging) -> None:
    """Tells the judge what all sources measure now."""
    now_ns = judging.now_ns
    for source in sources:
        try:
            for telling in source.measure(now_ns):
                judging.tell(telling)
        except Exception as error:
            judging.problem(source.name, f'{type(error).__name__}: {error}')


class MemoryEvidence:
    """Measures the memory of this process.

    Args:
        budget_mb: gives what it may have [MB]; 0: no limit.
    """

    name = 'memory'

    def __init__(self, budget_mb: Callable[[], float]) -> None:
        self._budget_mb = budget_mb

    def begin(self, state: RolloutState) -> None:
        """Needs to know nothing of the stage."""

    def measure(self, now_ns: int) -> Iterator[Telling]:
        """Yields the memory of now."""
        mb, budget_mb = process_memory.resident_mb(), self._budget_mb()
        yield lambda judge: judge.add_memory(mb, budget_mb, now_ns)
