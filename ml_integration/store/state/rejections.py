"""Lifts what nodes remember against a model."""

from __future__ import annotations

from ml_integration.store.state.node_state import Edition, NodeState
from ml_integration.store.state.state_dir import StateDir


def rejecting(state: StateDir, model: str, digest: str = '') -> tuple[str, ...]:
    """Returns the full names of the nodes that have rejected a model.

    Args:
        state: where the nodes' memories are.
        model: `name@version`.
        digest: the beginning of that of its manifest; empty for every content of the version.
    """
    nodes = state.node_states().items()
    return tuple(node for node, known in nodes if _rejected(known, model, digest))


def lift_rejections(state: StateDir, model: str, digest: str = '') -> tuple[str, ...]:
    """Lets every node of a machine start a model again that it had given up or rolled back.

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
        for edition in _rejected(known, model, digest):
            known = known.without_rejection(edition)
        return known

    nodes = rejecting(state, model, digest)
    for node in nodes:
        state.update_node_state(node, lifted)
    return nodes


def _rejected(known: NodeState, model: str, digest: str) -> tuple[Edition, ...]:
    of_model = (item.edition for item in known.rejected if item.edition.model == model)
    return tuple(item for item in of_model if item.digest.startswith(digest) or not item.digest)
