"""Judges a candidate by pairs: a paired, sequential test over seconds, and hard rules.

Seconds become batches, as frames and seconds depend on their neighbors; looks are ever farther
apart, and each spends a part of the probability of an error that the settings allow for the
whole rollout. What is certain at once needs no look. Nothing here waits, locks or reads a clock.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from ml_integration.core.rollout import criteria
from ml_integration.core.rollout.conclusion import conclude, missing
from ml_integration.core.rollout.criteria import Criterion
from ml_integration.core.rollout.hard_rules import HardRules
from ml_integration.core.rollout.judgment import Evidence, Judgment, Says, Stage, Verdict
from ml_integration.core.rollout.looks import Series
from ml_integration.core.rollout.memory import MemoryOfStage
from ml_integration.core.rollout.pair import Pair, Told, TruthScores
from ml_integration.core.rollout.remembered import Remembered
from ml_integration.core.rollout.settings import RolloutSettings
from ml_integration.core.rollout.sums import (
    CANDIDATE,
    STABLE,
    Both,
    Collecting,
    Rows,
)
from ml_integration.core.rollout.weighing import Chances, spent, weigh

LATELY = 60
"""Seconds that are looked at by themselves after the first ones: what was good may become bad."""
SERIES = 2
"""Series that are looked at: the whole stage, and what came lately."""
MOST_PROBLEMS = 4
"""Failures of measuring the same in a row after which a person is asked."""
ACCEPTED = 1.5
"""What was accepted once may become so many times as large later."""


@dataclass(slots=True)
class _Course:
    """What is known in the course of a stage."""

    stage: Stage
    begun_ns: int
    second_ns: int
    whole: Series = field(default_factory=Series)
    lately: Series = field(default_factory=lambda: Series(LATELY))
    collecting: Collecting = field(default_factory=Collecting)
    memory: MemoryOfStage = field(default_factory=MemoryOfStage)
    hard_rules: HardRules = field(default_factory=HardRules)
    problems: Counter[str] = field(default_factory=Counter)
    certain: Judgment | None = None
    evidence: tuple[Evidence, ...] = ()
    of_late: tuple[Evidence, ...] = ()
    seen: int = 0
    pass_looks: int = 0

    def seconds(self, now_ns: int) -> float:
        """Returns the time since it began [s]."""
        return max(0.0, (now_ns - self.begun_ns) / 1e9)

    def known(self, memory: Evidence) -> tuple[Evidence, ...]:
        """Returns all evidence; what came lately only where the whole stage does not say so."""
        worse = {one.criterion for one in self.evidence if one.says is Says.WORSE}
        of_late = (one for one in self.of_late if one.criterion not in worse)
        return (*of_late, *self.evidence, memory)


class RolloutJudge:
    """Judges a candidate, one stage after the other. Used by one thread at a time.

    Args:
        settings: gives the current limits.
    """

    def __init__(self, settings: Callable[[], RolloutSettings]) -> None:
        self._settings = settings
        self._scored: tuple[str, bool] = ('score', True)
        self._remembered = Remembered()
        self._accepted = 0.0
        self._told: dict[int, Told] = {}
        self._awaits_truth = False
        self._course = _Course(Stage.SHADOW, 0, 0)

    @property
    def frames(self) -> int:
        """Frames of the stage that the candidate has seen."""
        return self._course.seen

    def seconds(self, now_ns: int) -> float:
        """Returns the time since the stage began [s]."""
        return self._course.seconds(now_ns)

    def begin(self, stage: Stage, now_ns: int) -> None:
        """Begins a stage, also the same one again, with no data of the candidate.

        What the stable model did before stays known, for stages in which it sees nothing. A
        shadow is the first stage: what was before it is of another candidate.
        """
        if stage is Stage.SHADOW:
            self._forget()
        else:
            self._remembered.add(self._course.whole.batches.rows)
        self._course = _Course(stage, now_ns, now_ns)

    def accept(self) -> None:
        """Accepts the disagreement that was seen in this stage, such as when a person promotes."""
        total = self._course.whole.batches.rows.sum(axis=0)
        if total[Both.COMPARED]:
            seen = float(total[Both.DISAGREEMENT] / total[Both.COMPARED])
            self._accepted = max(self._accepted, ACCEPTED * seen)

    def add(self, pair: Pair) -> Judgment | None:
        """Adds a pair; returns a judgment if it is certain by now that the candidate is bad."""
        self._close_second(pair.now_ns)
        self._course.collecting.add(pair, self._course.stage is Stage.SHADOW)
        self._course.seen += self._counts(pair)
        if pair.disagreement is not None:
            if math.isnan(pair.disagreement):
                self.problem('disagreement', 'it is not a number', pair.now_ns)
            else:
                self._course.problems['disagreement'] = 0
        reason = self._course.hard_rules.of_pair(pair)
        if reason:
            self.fault(reason, pair.now_ns)
        return self._course.certain

    def add_scores(self, scores: TruthScores, now_ns: int) -> None:
        """Adds scores of both models against truth."""
        if scores.frames < 1 or math.isnan(scores.stable) or math.isnan(scores.candidate):
            return
        self._close_second(now_ns)
        self._course.problems['score'] = 0
        self._scored = scores.name, scores.higher_is_better
        self._course.collecting.add_scores(scores.stable, scores.candidate, scores.frames)

    def await_truth(self, comes: bool) -> None:
        """Takes note whether truth comes: then nothing passes before there are scores."""
        self._awaits_truth = comes

    def add_outcomes(self, stable: Told, candidate: Told, now_ns: int) -> None:
        """Takes what became of the results of both models, as counted since whenever."""
        self._close_second(now_ns)
        for side, told in ((STABLE, stable), (CANDIDATE, candidate)):
            before = self._told.get(side, told)
            self._told[side] = told
            if told.total >= before.total and told.useful >= before.useful:
                self._course.collecting.add_outcomes(
                    side, told.useful - before.useful, told.total - before.total
                )

    def add_memory(self, mb: float, budget_mb: float, now_ns: int) -> Judgment | None:
        """Takes the memory of the process.

        Args:
            mb: as it is now [MB].
            budget_mb: what it may have [MB]; 0: no limit.
            now_ns: the time [ns, steady clock].
        """
        if math.isnan(mb):
            return self.problem('memory', 'it is not a number', now_ns)
        self._course.problems['memory'] = 0
        self._course.memory.take(mb, self._settings().memory_growth_mb, now_ns)
        if 0 < budget_mb < mb:
            self.fault(f'memory {mb:.0f} MB (budget {budget_mb:.0f} MB)', now_ns)
        return self._course.certain

    def problem(self, what: str, sentence: str, now_ns: int) -> Judgment | None:
        """Takes note that measuring has failed, which says nothing of the candidate.

        Args:
            what: 'disagreement', 'score', 'memory' or anything else that is measured.
            sentence: why.
            now_ns: the time [ns, steady clock].

        Returns:
            A judgment when it has failed too often in a row.
        """
        self._course.problems[what] += 1
        if self._course.certain is None and self._course.problems[what] >= MOST_PROBLEMS:
            reason = f'{what} could not be measured {MOST_PROBLEMS} times in a row: {sentence}'
            self._course.certain = Judgment(Verdict.HALT, reason, self._course.seconds(now_ns))
        return self._course.certain

    def measured(self, what: str) -> None:
        """Takes note that something could be measured."""
        self._course.problems[what] = 0

    def fault(self, reason: str, now_ns: int) -> Judgment:
        """Takes a fault of the candidate that is certain, such as that its run hangs.

        Args:
            reason: what is wrong, as the end of a sentence.
            now_ns: the time [ns, steady clock].
        """
        if self._course.certain is None or self._course.certain.verdict is Verdict.HALT:
            self._course.certain = Judgment(
                Verdict.ROLL_BACK,
                reason,
                self._course.seconds(now_ns),
                self._course.evidence,
                hard=True,
            )
        return self._course.certain

    def judge(self, now_ns: int) -> Judgment:
        """Says what follows from all that is known; meant to be asked about once a second."""
        self._close_second(now_ns)
        course, settings = self._course, self._settings()
        if course.certain is not None:
            return course.certain
        seconds = course.seconds(now_ns)
        may_pass = not missing(course.stage, seconds, course.seen, settings)
        if course.whole.is_due or (may_pass and not course.pass_looks):
            course.pass_looks += may_pass
            course.evidence = self._looked(course.whole, seconds)
        if course.lately.is_due:
            found = self._looked(course.lately, seconds)
            course.of_late = tuple(_lately(one) for one in found if one.says is Says.WORSE)
        memory = course.memory.evidence(settings.memory_growth_mb, seconds)
        evidence = course.known(memory)
        judgment = conclude(
            evidence, course.stage, seconds, course.seen, settings, self._awaits_truth
        )
        if judgment.verdict is Verdict.ROLL_BACK:
            course.certain = judgment
        return judgment

    def add_second(self, row: Rows, seen: int, now_ns: int) -> None:
        """Adds a whole second at once.

        Args:
            row: its sums (WIDTH,).
            seen: frames that the candidate saw.
            now_ns: its end [ns, steady clock].
        """
        self._course.seen += seen
        self._take(row, now_ns)

    def _forget(self) -> None:
        self._remembered, self._accepted = Remembered(), 0.0
        self._told, self._awaits_truth = {}, False

    def _counts(self, pair: Pair) -> bool:
        """Tells whether it counts: in shadow a frame of both, later one that it was served."""
        side = pair.candidate
        if self._course.stage is Stage.SHADOW:
            return side is not None and pair.stable is not None
        return side is not None and not side.spare

    def _close_second(self, now_ns: int) -> None:
        if now_ns - self._course.second_ns >= 1e9:
            self._take(self._course.collecting.row(), now_ns)

    def _take(self, row: Rows, now_ns: int) -> None:
        self._course.second_ns = now_ns
        if not row.any():
            return
        self._course.whole.add(row)
        if self._course.whole.batches.blocks > LATELY:
            self._course.lately.add(row)
        if self._course.stage is not Stage.SHADOW:
            reason = self._course.hard_rules.of_second(row, self._remembered.sums)
            if reason:
                self.fault(reason, now_ns)

    def _looked(self, series: Series, seconds: float) -> tuple[Evidence, ...]:
        """Looks at a series; each look spends its part of what may go wrong by chance."""
        course, settings, rows = self._course, self._settings(), series.look()
        stages = len(settings.shares) + len(Stage) - 1
        alarms = settings.false_alarms / (SERIES * criteria.NUMBER * stages)
        misses = spent(settings.misses, max(1, course.pass_looks))
        chances, known = (
            Chances(spent(alarms, series.looks), misses),
            self._remembered.beside(rows),
        )

        def weighed(criterion: Criterion, limit: float) -> Evidence:
            return weigh(criterion, rows, known, limit, chances, seconds)

        better = self._scored[1]
        loss = settings.score_loss if better else 1.0 + settings.score_growth
        score = weighed(criteria.scored(*self._scored), loss)
        if score.says is Says.FINE and series is course.whole:
            self.accept()
        others = (weighed(*one) for one in self._criteria(settings))
        return (score, *others)

    def _criteria(self, settings: RolloutSettings) -> Iterator[tuple[Criterion, float]]:
        alike = self._course.stage is Stage.CANARY
        slower = settings.latency_ratio if alike else settings.unlike_latency_ratio
        yield criteria.LATENCY, slower
        if self._course.stage is not Stage.SHADOW:  # spare time has no deadline
            yield criteria.LATE, settings.late_ratio
        yield criteria.ERRORS, settings.error_ratio
        yield criteria.INVALID, settings.invalid_ratio
        yield criteria.DISAGREEMENT, max(settings.disagreement, self._accepted)
        yield criteria.USEFUL, settings.useful_loss


def _lately(evidence: Evidence) -> Evidence:
    return replace(evidence, words=f'{evidence.words} in the last minute')
