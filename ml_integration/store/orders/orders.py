"""What a team tells all its robots about one model: a plan, a halt, revoked versions.

One document per model holds all of it, and each change of it has a higher counter. So a robot
that missed some of them knows everything with the newest one, and an old one is told by its
counter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ml_integration.store.state.node_state import Edition


@dataclass(frozen=True, slots=True)
class Cohort:
    """Some of the robots, known by facts about them.

    Attributes:
        when: the values that each fact may have, by its name; all of them have to fit.
        percent: share of these robots that take the candidate, 0 to 100.
    """

    when: Mapping[str, tuple[str, ...]]
    percent: float

    def has(self, facts: Mapping[str, str]) -> bool:
        """Tells whether a robot belongs to it."""
        return all(facts.get(name) in values for name, values in self.when.items())


@dataclass(frozen=True, slots=True)
class Criteria:
    """Numbers from which on a team should halt a plan; `ml_model fleet status` compares them.

    Attributes:
        least_robots: robots that took the candidate before a share of them says anything.
        most_taken_back_percent: largest share of them that may have gone back, 0 to 100.
    """

    least_robots: int = 20
    most_taken_back_percent: float = 5.0

    def ask_for_halt(self, took: int, went_back: int) -> bool:
        """Tells whether too many of the robots that took the candidate went back."""
        share = 100.0 * went_back / took if took else 0.0
        return took >= self.least_robots and share > self.most_taken_back_percent


@dataclass(frozen=True, slots=True)
class Plan:
    """A candidate and the robots that take it.

    Attributes:
        candidate: the content that they take.
        salt: decides together with a robot's id which robots come first. With the same salt a
            larger share has all the robots of a smaller one.
        percent: share of the robots that belong to no cohort, 0 to 100.
        cohorts: a robot belongs to the first one that has it.
        start: when it begins; None: at once.
        expires: from when on no more robots take the candidate; None: never.
        criteria: when the team should halt it.
    """

    candidate: Edition
    salt: str
    percent: float
    cohorts: tuple[Cohort, ...] = ()
    start: datetime | None = None
    expires: datetime | None = None
    criteria: Criteria = field(default_factory=Criteria)

    @property
    def key(self) -> str:
        """Name of the plan, which it keeps when it is widened: a robot takes it once."""
        return f'{self.candidate.digest}|{self.salt}'


@dataclass(frozen=True, slots=True)
class Revocation:
    """Content that no robot may use any more.

    Attributes:
        edition: which one.
        reason: why, in words.
    """

    edition: Edition
    reason: str


@dataclass(frozen=True, slots=True)
class Orders:
    """All that a team has to say about a model.

    Attributes:
        model: name of the model.
        counter: higher in each newer document.
        plan: the candidate; None: there is none.
        halted: why no more robots take the candidate; empty: they do.
        revoked: what may not be used.
        verified: whether a trusted key vouches for it.
        sha256: of the document as it was read; empty if it was not.
    """

    model: str
    counter: int
    plan: Plan | None = None
    halted: str = ''
    revoked: tuple[Revocation, ...] = ()
    verified: bool = False
    sha256: str = ''

    def revocation_of(self, digest: str) -> Revocation | None:
        """Returns why content may not be used; None if it may."""
        found = (item for item in self.revoked if item.edition.digest == digest)
        return next(found, None)
