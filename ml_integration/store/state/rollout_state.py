"""Memory of a node's staged rollout over restarts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from enum import Enum
from typing import Any

from ml_integration.store.state.node_state import LONGEST, NONE, Edition, Rejection


class Phase(str, Enum):
    """Phase of a rollout."""

    IDLE = 'idle'
    SHADOW = 'shadow'
    CANARY = 'canary'
    PROMOTED = 'promoted'
    ROLLED_BACK = 'rolled back'
    HALTED = 'halted'


UNDER_WAY = (Phase.SHADOW, Phase.CANARY, Phase.PROMOTED)
"""Phases in which a rollout goes on by itself."""


@dataclass(frozen=True, slots=True)
class Crashes:
    """How often the process ended while a candidate was in it.

    Attributes:
        edition: the candidate.
        count: ends that were no clean stop.
    """

    edition: Edition
    count: int


@dataclass(frozen=True, slots=True)
class RolloutState:
    """Memory of a staged rollout.

    Attributes:
        phase: of the rollout.
        candidate: the new version; NONE before the first rollout.
        stable: the version that serves, or served before the candidate was promoted.
        step: which of the shares the candidate has in a canary, from 0 on.
        halted_in: phase in which it was halted; IDLE: it was not.
        paused: whether a person holds it where it is.
        ready: whether it waits for others to take the next step together.
        watched: whether it was promoted, and watched for long enough.
        interrupted: whether it was the end of the process that halted it.
        running: whether the process is in the middle of it; a clean stop ends that.
        waits_from_s: time in the stage from which on a step waits to be allowed [s]; negative: it
            does not wait.
        spent_s: time that the stages before took [s].
        met: other nodes of the group that were seen under way too, each with its candidate.
        reason: of the last decision, as a sentence.
        crashes: of candidates that were not rejected yet.
        barred: candidates that no rollout takes until a person releases them.
    """

    phase: Phase = Phase.IDLE
    candidate: Edition = NONE
    stable: Edition = NONE
    step: int = 0
    halted_in: Phase = Phase.IDLE
    paused: bool = False
    ready: bool = False
    watched: bool = False
    interrupted: bool = False
    running: bool = False
    waits_from_s: float = -1.0
    spent_s: float = 0.0
    met: tuple[str, ...] = ()
    reason: str = ''
    crashes: tuple[Crashes, ...] = ()
    barred: tuple[Rejection, ...] = ()

    @property
    def under_way(self) -> bool:
        """Whether it goes on by itself."""
        return self.phase in UNDER_WAY and not self.watched

    @property
    def has_candidate(self) -> bool:
        """Whether it goes on by itself, or is halted and a person may let it go on."""
        return self.under_way or self.phase is Phase.HALTED

    @property
    def promoted(self) -> bool:
        """Whether the candidate serves every frame."""
        return Phase.PROMOTED in (self.phase, self.halted_in)

    @property
    def serving(self) -> Edition:
        """Version that a restart has to serve, once a rollout was begun."""
        return self.candidate if self.promoted else self.stable

    def crashes_of(self, edition: Edition) -> int:
        """Returns how often the process ended with a candidate in it."""
        return sum(one.count for one in self.crashes if _same(one.edition, edition))

    def with_crash(self, edition: Edition) -> RolloutState:
        """Returns the state with one more end of the process."""
        count = self.crashes_of(edition) + 1
        others = self.without_crashes(edition).crashes
        return replace(self, crashes=(*others, Crashes(edition, count))[-LONGEST:])

    def without_crashes(self, edition: Edition) -> RolloutState:
        """Returns the state in which none are known of a candidate."""
        others = tuple(one for one in self.crashes if not _same(one.edition, edition))
        return replace(self, crashes=others)

    def bar_of(self, edition: Edition) -> Rejection | None:
        """Returns why no rollout takes a candidate; None if one may."""
        return next((one for one in self.barred if _same(one.edition, edition)), None)

    def with_bar(self, rejection: Rejection) -> RolloutState:
        """Returns the state in which no rollout takes a candidate any more."""
        others = tuple(one for one in self.barred if not _same(one.edition, rejection.edition))
        return replace(self, barred=(*others, rejection)[-LONGEST:])

    def released(self, edition: Edition) -> RolloutState:
        """Returns the state in which a person lets rollouts take a candidate again."""
        barred = tuple(one for one in self.barred if not _same(one.edition, edition))
        return replace(self.without_crashes(edition), barred=barred)

    def document(self) -> dict[str, Any]:
        """Returns plain data."""
        plain = asdict(self)
        return {**plain, 'phase': self.phase.value, 'halted_in': self.halted_in.value}

    @staticmethod
    def from_document(document: Mapping[str, Any]) -> RolloutState:
        """Reads plain data.

        Raises:
            ValueError: it is something else.
        """
        match document:
            case {
                'phase': str(phase),
                'candidate': candidate,
                'stable': stable,
                'step': int(step),
                'halted_in': str(halted_in),
                'spent_s': int() | float() as spent_s,
                'waits_from_s': int() | float() as waits_from_s,
                'reason': str(reason),
                'met': [*met],
                'crashes': [*crashes],
                'barred': [*barred],
            } if step >= 0 and all(isinstance(one, str) for one in met):
                return RolloutState(
                    phase=Phase(phase),
                    candidate=Edition.from_document(candidate),
                    stable=Edition.from_document(stable),
                    step=step,
                    halted_in=Phase(halted_in),
                    paused=_flag(document, 'paused'),
                    ready=_flag(document, 'ready'),
                    watched=_flag(document, 'watched'),
                    interrupted=_flag(document, 'interrupted'),
                    running=_flag(document, 'running'),
                    waits_from_s=float(waits_from_s),
                    spent_s=float(spent_s),
                    met=tuple(met),
                    reason=reason,
                    crashes=tuple(map(_crashes, crashes)),
                    barred=tuple(map(Rejection.from_document, barred)),
                )
        raise _OTHER


_OTHER = ValueError('it is not the state of a rollout')


def _same(one: Edition, other: Edition) -> bool:
    """Tells whether both are the same content, whatever version it is called."""
    if one.digest and other.digest:
        return one.digest == other.digest
    return one.model == other.model


def _flag(document: Mapping[str, Any], name: str) -> bool:
    value = document.get(name)
    if isinstance(value, bool):
        return value
    raise _OTHER


def _crashes(document: object) -> Crashes:
    match document:
        case {'edition': edition, 'count': int(count)} if count >= 0:
            return Crashes(Edition.from_document(edition), count)
    raise _OTHER
