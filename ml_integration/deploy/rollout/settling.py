"""Settles what the last process left of a rollout, before this one loads a model."""

from __future__ import annotations

from ml_integration.core.rollout.settings import RolloutSettings
from ml_integration.deploy import probation
from ml_integration.deploy.history import History
from ml_integration.deploy.rollout.restarts import on_start

ACTION = 'rollout'
"""Name of decisions on rollouts in the audit log."""


def settle(history: History, settings: RolloutSettings) -> str:
    """Sees to it that the model serves that a rollout wants after a restart.

    What serves is written first: a process that is killed in between settles the same again.

    Args:
        history: the node's memory, of which nothing has been loaded yet.
        settings: how many crashes are too many.

    Returns:
        What became of the rollout, as a sentence; empty if there is nothing to tell.
    """
    before = history.rollout.state
    move = on_start(before, settings)
    after, serving = move.state, history.state.edition
    if before.running and not after.promoted and serving.matches(after.candidate):
        history.change(lambda now: probation.on_rollback(now, after.stable, after.reason))
    history.rollout.change(lambda _: after)
    if move.sentence:
        history.log(ACTION, after.candidate.model, after.stable.model, reason=move.sentence)
    return move.sentence
