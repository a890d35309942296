"""Finds the nodes that keep their state here."""

from __future__ import annotations

from ml_integration.deploy.rollout.group_names import is_full_name
from ml_integration.errors import SettingError
from ml_integration.store.state.state_dir import StateDir


def known_node(name: str, state: StateDir) -> str:
    """Returns the full name of a node that has served from this state directory.

    Args:
        name: of the node; without a namespace it is that of the root.
        state: where nodes keep what they remember.

    Raises:
        SettingError: there is no such node.
    """
    full = name if name.startswith('/') else f'/{name}'
    known = sorted(state.node_states())
    if full in known:
        return full
    hint = 'Its full name has its namespace: ros2 node list shows it.'
    if is_full_name(full):
        hint = f'If it has another state directory, name it with --state-dir, not {state.path}.'
    expected = f'one of {", ".join(known)}' if known else 'a node that has served on this machine'
    raise SettingError('node', name, expected, where='rollout', hint=hint)
