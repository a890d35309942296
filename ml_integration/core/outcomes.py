"""Counts how often the results of each version of a model were of use."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ml_integration.core.datatypes import ModelIdentity
from ml_integration.core.rollout.pair import Told

MAX_MODELS = 16
"""Models that are remembered; the one that nothing was told of for longest goes first."""
MAX_WORDS = 8
"""Words that are counted for each model; all further ones count as OTHER."""
OTHER = 'other'
WORD = re.compile(r'[A-Za-z0-9][A-Za-z0-9_.-]{0,31}')
_Z95 = 1.959964


def interval_95(good: int, total: int) -> tuple[float, float]:
    """Returns the 95 % interval of a share (Wilson's), which holds for few trials too."""
    if not total:
        return 0.0, 1.0
    share, squared = good / total, _Z95**2
    middle = (share + squared / (2 * total)) / (1 + squared / total)
    spread = share * (1 - share) / total + squared / (4 * total**2)
    half = _Z95 * spread**0.5 / (1 + squared / total)
    return max(0.0, middle - half), min(1.0, middle + half)


@dataclass(frozen=True, slots=True)
class Tally:
    """Outcomes of what one content of a version of a model has given.

    Attributes:
        model: `name@version`.
        sha256: of the model file.
        useful: how often a result was of use.
        useless: how often one was not.
        words: how often each word was told.
    """

    model: str
    sha256: str
    useful: int = 0
    useless: int = 0
    words: Mapping[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        return self.useful + self.useless

    @property
    def interval(self) -> tuple[float, float]:
        """Share of useful results, its 95 % interval."""
        return interval_95(self.useful, self.total)

    def counted(self, useful: bool, word: str) -> Tally:
        """Returns the tally with one more outcome."""
        known = word in self.words or len(self.words) < MAX_WORDS
        told = word if known else OTHER
        words = {**self.words, told: self.words.get(told, 0) + 1}
        return replace(
            self,
            useful=self.useful + useful,
            useless=self.useless + (not useful),
            words=words,
        )

    def document(self) -> dict[str, Any]:
        """Returns plain data."""
        return {
            'model': self.model,
            'sha256': self.sha256,
            'useful': self.useful,
            'useless': self.useless,
            'words': dict(self.words),
        }

    def __str__(self) -> str:
        low, high = self.interval
        words = ', '.join(f'{word} {count}' for word, count in sorted(self.words.items()))
        return f'{self.useful} of {self.total} useful (95 %: {low:.0%} to {high:.0%}; {words})'


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Tallies of the models of a node, the one that was told of last first."""

    tallies: tuple[Tally, ...] = ()

    def counted(self, made_by: ModelIdentity, useful: bool, word: str) -> Outcomes:
        """Returns them with one more outcome."""
        old = self.of(str(made_by), made_by.sha256) or Tally(str(made_by), made_by.sha256)
        others = (one for one in self.tallies if one is not old)
        return Outcomes((old.counted(useful, word), *others)[:MAX_MODELS])

    def of(self, model: str, sha256: str) -> Tally | None:
        """Returns what is known of a model; None if nothing is."""
        found = (one for one in self.tallies if (one.model, one.sha256) == (model, sha256))
        return next(found, None)

    def told(self, model: str) -> Told:
        """Returns of how many results of a version anything was told, and how many were useful.

        Args:
            model: `name@version`, whatever its content was.
        """
        every = [one for one in self.tallies if one.model == model]
        return Told(sum(one.useful for one in every), sum(one.total for one in every))

    def document(self) -> dict[str, Any]:
        """Returns plain data."""
        return {'models': [one.document() for one in self.tallies]}

    @staticmethod
    def from_document(document: Mapping[str, Any]) -> Outcomes:
        """Reads plain data.

        Raises:
            ValueError: it is something else.
        """
        match document:
            case {'models': [*models]} if len(models) <= MAX_MODELS:
                return Outcomes(tuple(map(_tally, models)))
        raise _OTHER


_OTHER = ValueError('it is not what outcomes are kept as')


def _tally(document: object) -> Tally:
    match document:
        case {
            'model': str(model),
            'sha256': str(sha256),
            'useful': int(useful),
            'useless': int(useless),
            'words': dict(words),
        } if min(useful, useless) >= 0 and len(words) <= MAX_WORDS + 1:
            if all(isinstance(one, str) and isinstance(n, int) for one, n in words.items()):
                return Tally(model, sha256, useful, useless, words)
    raise _OTHER
