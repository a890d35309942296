"""Lifts what nodes remember against a model: they do not start it, or no rollout takes it."""

from __future__ import annotations

from collections.abc import Iterable

from ml_integration.store.state.node_state import Edition, NodeState, Rejection
from ml_integration.store.state.rollout_state import RolloutState
from ml_integration.store.state.state_dir import StateDir


def rejecting(state: StateDir, model: str, digest: str = '') -> tuple[str, ...]:
    """Returns the full names of the nodes that have rejected a model, or whose rollouts do.

    Args:
        state: where the nodes' memories are.
        model: `name@version`.
        digest: the beginning of that of its manifest; empty for every content of the version.
    """
    found = _by_node(state, model, digest)
    return tuple(sorted({node for nodes in found for node in nodes}))


def lift_rejections(state: StateDir, model: str, digest: str = '') -> tuple[str, ...]:
    """Lets every node of a machine take a model again that it had given up or rolled back.

    A node that runs takes note with the next thing that it writes itself.

    Args:
        state: where the nodes' memories are.
        model: `name@version`.
        digest: the beginning of that of its manifest; empty for every content of the version.

    Returns:
        The full names of the nodes that had rejected it.

    Raises:
        StateError: it cannot be written.
    """

    def lifted(known: NodeState) -> NodeState:
        for edition in _meant(known.rejected, model, digest):
            known = known.without_rejection(edition)
        return known

    def released(known: RolloutState) -> RolloutState:
        for edition in _meant(known.barred, model, digest):
            known = known.released(edition)
        return known

    nodes, rollouts = _by_node(state, model, digest)
    for node in nodes:
        state.update_node_state(node, lifted)
    for node in rollouts:
        state.update_rollout_state(node, released)
    return tuple(sorted({*nodes, *rollouts}))


def _by_node(state: StateDir, model: str, digest: str) -> tuple[list[str], list[str]]:
    """Returns the nodes that have rejected a model, and those whose rollouts do not take it."""
    nodes, rollouts = state.node_states().items(), state.rollout_states().items()
    return (
        [name for name, known in nodes if _meant(known.rejected, model, digest)],
        [name for name, known in rollouts if _meant(known.barred, model, digest)],
    )


def _meant(rejected: Iterable[Rejection], model: str, digest: str) -> tuple[Edition, ...]:
    of_model = (item.edition for item in rejected if item.edition.model == model)
    return tuple(item for item in of_model if item.digest.startswith(digest) or not item.digest)
