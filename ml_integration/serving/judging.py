"""Lets several threads tell the judge of a rollout what they see, and none of them wait."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from time import monotonic_ns

from ml_integration.core.rollout.judge import RolloutJudge
from ml_integration.core.rollout.judgment import Judgment, Stage, Verdict
from ml_integration.core.rollout.pair import Pair
from ml_integration.core.rollout.settings import RolloutSettings

Telling = Callable[[RolloutJudge], Judgment | None]
"""Tells the judge something; returns what is certain by then."""


class Judging:
    """A judge for several threads: what is told while it looks is taken when it has looked.

    Args:
        settings: gives the current limits.
        certain: is called at once, by whoever told it, with a judgment that takes the candidate
            back; it returns soon.
        now_ns: the steady time [ns].
    """

    def __init__(
        self,
        settings: Callable[[], RolloutSettings],
        certain: Callable[[Judgment], None],
        now_ns: Callable[[], int] = monotonic_ns,
    ) -> None:
        self._judge = RolloutJudge(settings)
        self._certain = certain
        self._now_ns = now_ns
        self._lock = threading.Lock()
        self._told: deque[Telling] = deque()
        self._is_certain = False

    @property
    def now_ns(self) -> int:
        """The time that it judges by [ns]."""
        return self._now_ns()

    @property
    def frames(self) -> int:
        """Frames of the stage that the candidate has seen."""
        return self._judge.frames

    @property
    def seconds(self) -> float:
        """Time since the stage began [s]."""
        return self._judge.seconds(self._now_ns())

    def begin(self, stage: Stage) -> None:
        """Begins a stage; what was told of the one before and not taken yet is forgotten."""
        with self._lock:
            self._told.clear()
            self._is_certain = False
            self._judge.begin(stage, self._now_ns())

    def accept(self) -> None:
        """Accepts the disagreement of this stage; see the judge."""
        with self._lock:
            self._take_all()
            self._judge.accept()

    def tell(self, telling: Telling) -> None:
        """Tells the judge something, now or when it has looked; returns at once."""
        self._told.append(telling)
        while self._told and self._lock.acquire(blocking=False):
            try:
                self._take_all()
            finally:
                self._lock.release()

    def add(self, pair: Pair) -> None:
        """Tells it of a pair, which is complete now."""
        told = replace(pair, now_ns=self._now_ns())
        self.tell(lambda judge: judge.add(told))

    def fault(self, reason: str) -> None:
        """Tells it of a fault that is certain, as the end of a sentence."""
        now_ns = self._now_ns()
        self.tell(lambda judge: judge.fault(reason, now_ns))

    def problem(self, what: str, sentence: str) -> None:
        """Tells it that measuring has failed, which says nothing of the candidate."""
        now_ns = self._now_ns()
        self.tell(lambda judge: judge.problem(what, sentence, now_ns))

    def judge(self) -> Judgment:
        """Says what follows from all that is known."""
        with self._lock:
            self._take_all()
            judgment = self._judge.judge(self._now_ns())
        self.tell(lambda judge: None)  # what was told meanwhile
        return judgment

    def _take_all(self) -> None:
        while self._told:
            judgment = self._told.popleft()(self._judge)
            is_back = judgment is not None and judgment.verdict is Verdict.ROLL_BACK
            if judgment is not None and is_back and not self._is_certain:
                self._is_certain = True
                self._certain(judgment)
