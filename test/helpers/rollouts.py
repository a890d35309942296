"""Rollouts of a candidate, and judgments on it, as a node has them."""

from __future__ import annotations

from ml_integration.core.rollout.judgment import Judgment, Verdict
from ml_integration.core.rollout.settings import RolloutSettings
from ml_integration.deploy.rollout.groups import ALONE, Group
from ml_integration.deploy.rollout.moves import Move
from ml_integration.deploy.rollout.steps import OPEN, Gate, on_judgment, start
from ml_integration.store.state.node_state import Edition
from ml_integration.store.state.rollout_state import RolloutState

OLD, NEW = Edition('shapes@2', 'a' * 64), Edition('shapes@3', 'b' * 64)
SETTINGS = RolloutSettings(shares=(5.0, 50.0), max_wait_s=600.0)
SHADOW = start(RolloutState(), NEW, OLD).state


def judged(verdict: Verdict, seconds: float = 60.0, reason: str = 'as good') -> Judgment:
    return Judgment(verdict, reason, seconds)


ADVANCE = judged(Verdict.ADVANCE)
HOLD = judged(Verdict.HOLD, 10.0, '300 of 1000 frames, 10 of 60 s')
BAD = judged(Verdict.ROLL_BACK, 41.0, 'disagreement 0.31 (limit 0.15, n = 1230)')
HALT = judged(Verdict.HALT, 90.0, 'score could not be measured 4 times in a row')


def move(
    state: RolloutState,
    judgment: Judgment,
    gate: Gate = OPEN,
    group: Group = ALONE,
    settings: RolloutSettings = SETTINGS,
) -> Move:
    return on_judgment(state, judgment, settings, gate, group)


def after(*judgments: Judgment, state: RolloutState = SHADOW) -> RolloutState:
    for judgment in judgments:
        state = move(state, judgment).state
    return state


CANARY = after(ADVANCE)
LAST = after(ADVANCE, ADVANCE)
PROMOTED = after(ADVANCE, ADVANCE, ADVANCE)
DONE = after(ADVANCE, ADVANCE, ADVANCE, ADVANCE)
ROLLED_BACK = after(BAD)
HALTED = after(ADVANCE, HALT)
