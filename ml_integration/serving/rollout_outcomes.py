"""Tells the judge of a rollout what became of the results of each version."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ml_integration.core.outcomes import Outcomes
from ml_integration.core.rollout.judge import RolloutJudge
from ml_integration.serving.judging import Telling
from ml_integration.store.state.rollout_state import RolloutState


class OutcomeEvidence:
    """Gives the judge what was told of the results of both versions.

    Args:
        outcomes: gives what was told so far.
    """

    name = 'outcomes'

    def __init__(self, outcomes: Callable[[], Outcomes]) -> None:
        self._outcomes = outcomes
        self._models = '', ''

    def begin(self, state: RolloutState) -> None:
        """Takes note of which versions these are."""
        self._models = state.stable.model, state.candidate.model

    def measure(self, now_ns: int) -> Iterator[Telling]:
        """Yields the outcomes of now [ns, steady clock]."""
        outcomes = self._outcomes()
        stable, candidate = (outcomes.told(model) for model in self._models)

        def tell(judge: RolloutJudge) -> None:
            judge.add_outcomes(stable, candidate, now_ns)

        yield tell
