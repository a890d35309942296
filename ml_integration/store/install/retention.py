"""Versions of a model that have to stay in their store."""

from __future__ import annotations

from collections.abc import Iterable

from ml_integration.errors import StateError
from ml_integration.store.state.state_dir import StateDir


def reasons_to_keep(state: StateDir, name: str) -> dict[int, str]:
    """Lists why versions of a model may not be removed, by version.

    Args:
        state: must not be changed meanwhile: see `StateDir.alone`.
        name: the model's name.

    Raises:
        StateError: what is remembered cannot be understood, so nobody knows what is in use.
    """
    model, nodes = state.model_state(name), state.node_states()
    if state.problems:
        raise StateError(state.path, state.problems[0], 'Look at it, then try again.')
    reasons: dict[int, str] = {}
    for node, remembered in nodes.items():
        for used in (remembered.edition, *remembered.needed):
            version = used.model.partition('@')[2]
            if used.name == name and version.isdecimal():
                serves = used == remembered.edition
                role = f'serves in {node}' if serves else f'precedes the one in use in {node}'
                reasons.setdefault(int(version), f'it {role}')
    if model.previous is not None:
        reasons[model.previous] = 'it is the previous version, the one a rollback returns to'
    if model.active is not None:
        reasons[model.active] = 'it is the active version'
    return reasons


def outdated(versions: Iterable[int], keep: int, needed: Iterable[int]) -> list[int]:
    """Returns the versions to remove: neither needed nor among the newest `keep`, ascending."""
    ordered = sorted(versions)
    newest = ordered[max(0, len(ordered) - keep) :]
    return [version for version in ordered if version not in {*newest, *needed}]
