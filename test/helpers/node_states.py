"""States of nodes for tests that care about little in them."""

from __future__ import annotations

from ml_integration.store.state.node_state import Edition, NodeState, Rejection, ServedModel


def node_state(
    serving: str = '', proven: bool = False, previous: str = '', rejected: tuple[str, ...] = ()
) -> NodeState:
    """A node on `serving` whose `previous` model has proven itself; digests are not known."""
    served = [ServedModel(Edition(serving), 0, proven), ServedModel(Edition(previous), 0, True)]
    return NodeState(
        served=tuple(item for item in served if item.edition),
        rejected=tuple(Rejection(Edition(model)) for model in rejected),
    )
