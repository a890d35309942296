"""Takes outcomes of results, and gives each to the model that made the result."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass

from ml_integration.core.datatypes import ModelIdentity
from ml_integration.core.findings import Finding, Level
from ml_integration.core.makers import Makers
from ml_integration.core.outcomes import WORD, Outcomes, Tally
from ml_integration.core.watches import Look, Seen, Value

CONCERN = 'outcome'
MAX_WAITING = 256
"""Outcomes that may come before their result was seen."""
BAD_WORDS = {'failure', 'failed', 'fail', 'bad', 'wrong', 'useless', 'error'}
"""Words that nobody means of a result that was of use."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a result.

    Attributes:
        stamp_ns: the result's stamp [ns]; 0: the newest result's.
        useful: whether it was of use.
        word: what became of it, in a word.
        stream: that it belongs to; empty: any.
    """

    stamp_ns: int
    useful: bool
    word: str
    stream: str = ''

    @property
    def problem(self) -> str:
        """Reason why it is not counted; empty if it can be."""
        if not WORD.fullmatch(self.word):
            return f'{self.word[:40]!r} is no word of up to 32 letters, digits, and _ . -'
        if self.useful and self.word.lower() in BAD_WORDS:
            return f"'{self.word}' has the level OK, which means that the result was of use"
        return ''


class OutcomeWatch:
    """Counts outcomes by the model that made the result, which may have been replaced since."""

    concern = CONCERN
    of_frames = True

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._makers: dict[str, Makers] = {}
        self._newest: ModelIdentity | None = None
        self._waiting: deque[Outcome] = deque(maxlen=MAX_WAITING)
        self._late: deque[Outcome] = deque(maxlen=MAX_WAITING)
        self._counts: Counter[str] = Counter()
        self._outcomes = Outcomes()

    @property
    def outcomes(self) -> Outcomes:
        """What was told so far, also before restarts."""
        return self._outcomes

    @outcomes.setter
    def outcomes(self, outcomes: Outcomes) -> None:
        with self._lock:
            self._outcomes = outcomes

    def begin(self, now_ns: int) -> None:
        """Keeps what it knows: an outcome may come long after its result."""

    def take(self, seen: Seen) -> None:
        """Remembers which model has made a result."""
        stamp_ns, made_by = seen.prediction.stamp_ns, seen.prediction.model
        with self._lock:
            self._newest = made_by
            self._makers.setdefault(seen.stream, Makers()).add(stamp_ns, made_by)

    def tell(self, outcome: Outcome) -> str:
        """Takes an outcome; returns why it is not counted, empty if it is."""
        with self._lock:
            if outcome.problem:
                self._counts['refused'] += 1
                return outcome.problem
            if not self._count(outcome):
                self._waiting.append(outcome)
        return ''

    def look(self, now_ns: int) -> Look:
        """Tells how useful the results of each model were."""
        with self._lock:
            # A result is seen after it went out: its outcome has until the next look.
            for outcome in self._late:
                self._counts['not assigned'] += not self._count(outcome)
            self._late, self._waiting = self._waiting, deque(maxlen=MAX_WAITING)
            tallies, counts = self._outcomes.tallies, dict(self._counts)
        told = [f'{_label(one, tallies)}: {one}' for one in tallies[:2]]
        values = (
            ('not assigned', counts.get('not assigned', 0)),
            ('refused', counts.get('refused', 0)),
            *(pair for one in tallies for pair in _values(_label(one, tallies), one)),
        )
        sentence = '; '.join(told) or 'nobody told of any'
        return Look(Finding(CONCERN, Level.OK, sentence), values)

    def _count(self, outcome: Outcome) -> bool:
        """Counts an outcome; False if its result is not known."""
        made_by = self._maker(outcome) if outcome.stamp_ns else self._newest
        if made_by is None:
            return False
        self._outcomes = self._outcomes.counted(made_by, outcome.useful, outcome.word)
        return True

    def _maker(self, outcome: Outcome) -> ModelIdentity | None:
        """Returns which model made the result with a stamp, of any stream if it names none."""
        named = self._makers.get(outcome.stream)
        every = self._makers.values() if named is None else (named,)
        found = (makers.of(outcome.stamp_ns) for makers in every)
        return next((one for one in found if one is not None), None)


def _label(one: Tally, tallies: tuple[Tally, ...]) -> str:
    """Returns the model's name, with some of its digest where that says more."""
    alike = [other for other in tallies if other.model == one.model]
    return f'{one.model} {one.sha256[:6]}' if len(alike) > 1 else one.model


def _values(label: str, one: Tally) -> Iterator[tuple[str, Value]]:
    low, high = one.interval
    yield f'{label}: useful', one.useful
    yield f'{label}: useless', one.useless
    yield f'{label}: useful [%]', 100 * one.useful / one.total if one.total else None
    yield f'{label}: useful low [%]', 100 * low
    yield f'{label}: useful high [%]', 100 * high
