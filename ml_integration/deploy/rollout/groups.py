"""Nodes that change together: each tells where it is, and each decides alone; no coordinator.

A node takes the last step when all the others are ready for it or have taken it, and stops
watching when all have watched. It takes back when one of them has taken back. A promoted node
whose group does not follow in time takes back as well, so that no half of a group is left.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ml_integration.store.state.rollout_state import UNDER_WAY, Phase, RolloutState


@dataclass(frozen=True, slots=True)
class Report:
    """What a node tells the others of its group.

    Attributes:
        phase: of its rollout.
        candidate: of it, `name@version`.
        promoted: whether its candidate serves every frame.
        ready: whether it waits for the others to take the next step together.
        watched: whether its candidate was promoted, and watched for long enough.
    """

    phase: Phase
    candidate: str = ''
    promoted: bool = False
    ready: bool = False
    watched: bool = False

    @staticmethod
    def of(state: RolloutState) -> Report:
        """Returns what a node tells of its own state."""
        return Report(
            state.phase, str(state.candidate), state.promoted, state.ready, state.watched
        )

    @property
    def under_way(self) -> bool:
        """Whether it rolls a candidate out at the moment."""
        return self.phase in UNDER_WAY and not self.watched

    @property
    def given_up(self) -> bool:
        """Whether it has no candidate any more."""
        return self.phase in (Phase.IDLE, Phase.ROLLED_BACK)


@dataclass(frozen=True, slots=True)
class Group:
    """What the group means for one of its nodes.

    Attributes:
        missing: nodes that the next step waits for, which it takes together with them.
        behind: nodes that have not promoted their candidates.
        back: why it takes back; empty if it does not.
    """

    missing: tuple[str, ...] = ()
    behind: tuple[str, ...] = ()
    back: str = ''


ALONE = Group()
"""Group of a node that has no others."""


def heard(state: RolloutState, reports: Mapping[str, Report]) -> RolloutState:
    """Returns the state that knows which other nodes were seen under way.

    What a node says of an earlier rollout does not count against this one.
    """
    if not state.has_candidate:
        return state
    met = _met(state)
    met |= {name: report.candidate for name, report in reports.items() if report.under_way}
    told = tuple(sorted(f'{name} {candidate}' for name, candidate in met.items()))
    return state if told == state.met else replace(state, met=told)


def _met(state: RolloutState) -> dict[str, str]:
    """Returns the candidate of each other node that was seen under way."""
    return {name: candidate for name, _, candidate in (one.partition(' ') for one in state.met)}


def group_of(state: RolloutState, names: tuple[str, ...], reports: Mapping[str, Report]) -> Group:
    """Says what the others mean for a node.

    Args:
        state: of the node, after `heard`.
        names: the other nodes of its group.
        reports: the newest report of each; one that is too old is not there.
    """
    known = _met(state)
    met = {
        name: reports[name]
        for name in names
        if name in reports and reports[name].candidate == known.get(name)
    }
    missing = tuple(name for name in names if name not in met or not _with_us(state, met[name]))
    behind = tuple(name for name in names if name not in met or not met[name].promoted)
    back = [name for name, report in met.items() if report.given_up]
    return Group(missing, behind, f'{", ".join(back)} gave up its own' if back else '')


def _with_us(state: RolloutState, report: Report) -> bool:
    if state.phase is Phase.PROMOTED:
        return report.promoted and (report.ready or report.watched)
    return report.promoted or report.ready
