"""Streams of pairs for the judge of a rollout: 30 frames a second in two models."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from ml_integration.core.rollout.judge import RolloutJudge
from ml_integration.core.rollout.judgment import Judgment, Stage, Verdict
from ml_integration.core.rollout.pair import Pair, Side
from ml_integration.core.rollout.settings import RolloutSettings

S = 1_000_000_000
HZ = 30
FINE = Side(10.0, True)


@dataclass
class Robot:
    """A robot with a judge; the candidate is as the fields say, otherwise like the stable one."""

    settings: RolloutSettings = field(default_factory=RolloutSettings)
    stage: Stage = Stage.SHADOW
    slower: float = 1.0
    invalid: float = 0.0
    errors: float = 0.0
    late: float = 0.0
    disagreement: Callable[[random.Random], float | None] = lambda rng: 0.0
    skipped: float = 0.0
    stable: Callable[[Side], Side | None] = lambda side: side
    frame: int = 0

    def __post_init__(self) -> None:
        self.rng = random.Random(1)
        self.judge = RolloutJudge(lambda: self.settings)
        self.judge.begin(self.stage, 0)

    @property
    def now_ns(self) -> int:
        return self.frame * S // HZ

    def begin(self, stage: Stage) -> None:
        self.judge.begin(stage, self.now_ns)

    def pairs(self, seconds: float) -> Iterator[Pair]:
        """Makes the pairs of some seconds."""
        for _ in range(round(seconds * HZ)):
            self.frame += 1
            yield self._pair()

    def run(self, seconds: float) -> Judgment:
        """Shows pairs until the judge decides otherwise than to hold, or the time is over."""
        judgment = self.judge.judge(self.now_ns)
        for pair in self.pairs(seconds):
            certain = self.judge.add(pair)
            if certain is not None:
                return certain
            if self.frame % HZ == 0:
                judgment = self.judge.judge(self.now_ns)
                if judgment.verdict is not Verdict.HOLD:
                    return judgment
        return judgment

    def _pair(self) -> Pair:
        rng = self.rng
        mood = 10.0 * math.exp(0.2 * rng.gauss(0, 1))
        side = self.stable(Side(mood, True))
        if rng.random() < self.skipped:
            return Pair('', self.now_ns, self.now_ns, side, None)
        error = 'InferenceError' if rng.random() < self.errors else ''
        valid = not error and rng.random() >= self.invalid
        ms = mood * self.slower * math.exp(0.1 * rng.gauss(0, 1))
        candidate = Side(ms, valid, rng.random() < self.late, error)
        told = self.disagreement(rng) if valid and side is not None else None
        return Pair('', self.now_ns, self.now_ns, side, candidate, told)


def of(judgment: Judgment, criterion: str) -> str:
    """Returns what a criterion says, in a word."""
    return next(one.says.value for one in judgment.evidence if one.criterion == criterion)
