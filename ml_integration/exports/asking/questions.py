"""Questions that an export leaves open, with the answers that fit."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml_integration.exports.claims import Claim, Origin

OWN_FLAGS = {'task': '--task', 'name': '--name'}
"""Keys with an option of their own."""
ACCEPTED = 'accepted'
"""Key by which a person takes results that look wrong; it is none of a manifest."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Answer to a question.

    Attributes:
        text: for a person, such as 'RGB, divided by 255'.
        values: what it says, by key of the manifest.
    """

    text: str
    values: tuple[tuple[str, Any], ...]

    @property
    def flags(self) -> str:
        """Options of the command line that give this answer; empty where giving none does."""
        return ' '.join(_flag(key, value) for key, value in self.values)

    def claims(self, origin: Origin, source: str) -> tuple[Claim, ...]:
        """Returns the answer as claims that are sure."""
        return tuple(Claim(key, value, origin, source) for key, value in self.values)


@dataclass(frozen=True, slots=True)
class Question:
    """Something that changes numbers and was only guessed.

    Attributes:
        key: what it is about, such as 'encode' or 'settings.decoder'.
        sentence: the question.
        choices: answers that fit, the proposal first.
        picture: file that shows what comes of each choice; None if there is none.
    """

    key: str
    sentence: str
    choices: tuple[Choice, ...]
    picture: Path | None = None

    @property
    def proposal(self) -> Choice:
        return self.choices[0]


def proposals(questions: Iterable[Question]) -> tuple[Claim, ...]:
    """Returns the proposals of all questions, taken by a person who did not look."""
    return tuple(
        claim
        for question in questions
        for claim in question.proposal.claims(Origin.DEFAULT, 'proposal taken by --yes')
    )


def written(value: Any) -> str:
    """Returns a value as `--set` takes it; a number keeps all of its digits."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return f'[{", ".join(map(written, value))}]'
    if isinstance(value, float) and float(f'{value:g}') == value:
        return f'{value:g}'
    return str(value)


def _flag(key: str, value: Any) -> str:
    if key == ACCEPTED:
        return '--yes' if value else ''
    if key in OWN_FLAGS:
        return f'{OWN_FLAGS[key]} {shlex.quote(written(value))}'
    return f'--set {shlex.quote(f"{key}={written(value)}")}'
