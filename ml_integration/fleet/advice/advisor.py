"""Advises steadily: what comes and goes is not said, what lasts is."""

from __future__ import annotations

from collections.abc import Sequence

from ml_integration.core.findings import Finding, Health, Level
from ml_integration.core.judge import Judge
from ml_integration.fleet.advice import Advice, Rule, model, processor, transport
from ml_integration.fleet.situation import Situation

RULES: tuple[Rule, ...] = (
    model.provider,
    transport.segment,
    transport.fragments,
    model.unoptimized,
    processor.spinning,
    processor.oversubscribed,
    processor.idle,
    model.slow,
    model.batchable,
    processor.waiting,
    model.preparation,
    transport.oversized,
    transport.late,
    model.memory,
)
"""All rules, those with the surest gain first."""


PERIOD_S = 0.9
"""Least time between two looks [s]; nodes tell something new once a second."""


class Advisor:
    """Advises on one node.

    Args:
        rules: what is looked for, in the order in which it is told.
    """

    def __init__(self, rules: Sequence[Rule] = RULES) -> None:
        self._rules = tuple(rules)
        self._judge = Judge()
        self._last: dict[str, tuple[int, Advice]] = {}
        self._told: tuple[Advice, ...] = ()
        self._looked_ns: int | None = None

    def advise(self, situation: Situation, now_ns: int) -> tuple[Advice, ...]:
        """Returns what has been true for long enough, with its newest numbers.

        Args:
            situation: of the node.
            now_ns: the time [ns, steady clock]; asked again too soon, it says the same again.
        """
        if self._looked_ns is None or now_ns - self._looked_ns >= PERIOD_S * 1e9:
            self._looked_ns = now_ns
            self._told = self._look(situation)
        return self._told

    def _look(self, situation: Situation) -> tuple[Advice, ...]:
        now = {
            one.kind: (rank, one)
            for rank, rule in enumerate(self._rules)
            for one in rule(situation)
        }
        self._last.update(now)
        found = tuple(
            Finding(kind, Level.WARN if kind in now else Level.OK, '') for kind in self._last
        )
        steady = self._judge.steady(Health(found))
        lasting = [one.concern for one in steady.findings if one.level is not Level.OK]
        return tuple(
            advice for _, advice in sorted(map(self._last.__getitem__, lasting), key=_rank)
        )


def _rank(told: tuple[int, Advice]) -> int:
    return told[0]
