"""Decides by judgments how a rollout goes on: shadow, shares, all frames, or back."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ml_integration.core.rollout.judgment import Judgment, Stage, Verdict
from ml_integration.core.rollout.settings import RolloutSettings
from ml_integration.deploy.rollout.groups import ALONE, Group
from ml_integration.deploy.rollout.moves import Do, Move, ended, halted, rolled_back, step_into
from ml_integration.errors import SwapError
from ml_integration.store.state.node_state import Edition
from ml_integration.store.state.rollout_state import Phase, RolloutState


@dataclass(frozen=True, slots=True)
class Gate:
    """Whether the robot's state allows a step.

    Attributes:
        open: False as well where nobody knows the robot's state.
        state: what the robot is to be, such as 'docked'.
    """

    open: bool = True
    state: str = ''


OPEN = Gate()


def stage_of(state: RolloutState) -> Stage:
    """Returns the stage that is judged in a phase."""
    known = {Phase.SHADOW: Stage.SHADOW, Phase.CANARY: Stage.CANARY}
    return known.get(state.phase, Stage.WATCH)


def share_of(state: RolloutState, settings: RolloutSettings) -> float:
    """Returns the share of the frames that the candidate gets, from 0 to 1."""
    if state.promoted:
        return 1.0
    if state.phase is not Phase.CANARY or not settings.shares:
        return 0.0
    return settings.shares[min(state.step, len(settings.shares) - 1)] / 100.0


def start(state: RolloutState, candidate: Edition, stable: Edition) -> Move:
    """Begins a rollout; one that is under way is given up for it.

    Args:
        state: the newest one.
        candidate: the new version.
        stable: the version that serves.

    Raises:
        SwapError: a rollout took it back before, it serves already, or another candidate is
            promoted and not watched for long enough.
    """
    bar = state.bar_of(candidate)
    if bar is not None:
        raise SwapError(
            f'no rollout takes {candidate}: {bar.reason}',
            hint=f'To try it again: ml_model release {candidate}.',
        )
    if candidate.matches(stable):
        raise SwapError(f'{candidate} serves already: there is nothing to roll out')
    if state.phase is Phase.PROMOTED and not state.watched:
        raise SwapError(
            f'{state.candidate} was promoted and is still watched',
            hint='Wait, or call ~/rollout/abort to take it back, or ~/rollout/promote to keep it.',
        )
    new = replace(state, candidate=candidate, stable=stable, spent_s=0.0, met=())
    return step_into(new, Phase.SHADOW, 0, f'{candidate} runs in the shadow of {stable}')


def on_judgment(
    state: RolloutState,
    judgment: Judgment,
    settings: RolloutSettings,
    gate: Gate = OPEN,
    group: Group = ALONE,
) -> Move:
    """Decides how the rollout goes on; meant to be asked with every judgment.

    What takes back is never delayed: not by the gate, not by the group, not by a pause.

    Args:
        state: the newest one.
        judgment: the newest one of the stage.
        settings: shares and longest waits.
        gate: whether the robot's state allows a step.
        group: what the other nodes of the group mean for this one.
    """
    if not state.under_way:  # also a watched one goes back with its group
        may_go_back = state.phase is Phase.HALTED or state.watched
        return ended(state, 0.0, group.back) if may_go_back and group.back else Move(state)
    if judgment.verdict is Verdict.ROLL_BACK:
        return rolled_back(state, judgment)
    if group.back:
        return ended(state, judgment.seconds, group.back)
    too_late = state.promoted and judgment.seconds > settings.max_wait_s
    if too_late and group.behind:
        why = f'{", ".join(group.behind)} did not follow in {settings.max_wait_s:.0f} s'
        return ended(state, judgment.seconds, why)
    if state.paused:
        return Move(state)
    if judgment.verdict is Verdict.HALT:
        return halted(state, judgment.seconds, judgment.reason, judgment.evidence)
    if judgment.verdict is Verdict.HOLD:
        return _held(state)
    return _advanced(state, judgment, settings, gate, group)


def _held(state: RolloutState) -> Move:
    """Forgets that it could have gone on; there is nothing to be stored of other numbers."""
    return Move(replace(state, ready=False, waits_from_s=-1.0))


def _advanced(
    state: RolloutState, judgment: Judgment, settings: RolloutSettings, gate: Gate, group: Group
) -> Move:
    """Takes the next step, or waits for it."""
    phase, step = _next(state, settings)
    together = phase is Phase.PROMOTED
    watching = state.phase is Phase.PROMOTED
    closed = not gate.open and not watching  # to stop watching moves nothing
    waits_for = [f'the robot to be {gate.state}'] * closed
    if together and group.missing:
        waits_for.append(', '.join(group.missing))
    # A node that waits for the robot is not ready: the others would go on without it.
    ready = together and not closed
    if waits_for:
        return _waiting(state, judgment, settings, ' and '.join(waits_for), ready)
    if watching:
        return _finished(state, judgment)
    new = replace(state, spent_s=state.spent_s + judgment.seconds)
    what = f'promoted {state.candidate}'
    if phase is Phase.CANARY:
        what = f'{state.candidate} gets {settings.shares[step]:g} % of the frames'
    why = f'{what} after {new.spent_s:.0f} s: {judgment.reason}'
    return step_into(new, phase, step, why, judgment.evidence)


def _next(state: RolloutState, settings: RolloutSettings) -> tuple[Phase, int]:
    """Returns the phase after the one of now, and its step."""
    step = state.step + 1 if state.phase is Phase.CANARY else 0
    if state.phase is not Phase.PROMOTED and step < len(settings.shares):
        return Phase.CANARY, step
    return Phase.PROMOTED, 0


def _waiting(
    state: RolloutState, judgment: Judgment, settings: RolloutSettings, what: str, ready: bool
) -> Move:
    since_s = state.waits_from_s if state.waits_from_s >= 0 else judgment.seconds
    if judgment.seconds - since_s > settings.max_wait_s and not state.promoted:
        why = f'it has waited {settings.max_wait_s:.0f} s for {what}'
        return halted(state, judgment.seconds, why, judgment.evidence)
    sentence = f'{state.candidate} may go on and waits for {what}'
    told = '' if sentence == state.reason else sentence
    new = replace(state, ready=ready, waits_from_s=since_s, reason=sentence)
    return Move(new, Do.NOTHING, told)


def _finished(state: RolloutState, judgment: Judgment) -> Move:
    """Ends the watch: the candidate is what serves, and nothing is left of the rollout."""
    spent_s = state.spent_s + judgment.seconds
    sentence = f'{state.candidate} stays: watched for {judgment.seconds:.0f} s: {judgment.reason}'
    new = replace(
        state,
        watched=True,
        ready=False,
        running=False,
        waits_from_s=-1.0,
        spent_s=spent_s,
        reason=sentence,
    ).without_crashes(state.candidate)
    return Move(new, Do.FINISH, sentence, judgment.evidence)
