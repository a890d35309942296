"""Full names of nodes, as people give them."""

from __future__ import annotations

import re

from ml_integration.errors import SettingError

KEY = 'rollout.group'
_FULL_NAME = re.compile(r'(/[A-Za-z_][A-Za-z0-9_]*)+')


def is_full_name(text: str) -> bool:
    """Tells whether a node can have this full name, such as /robot1/detector."""
    return _FULL_NAME.fullmatch(text) is not None and '__' not in text


def check_group(names: tuple[str, ...], own: str) -> None:
    """Checks the names of the other nodes of a group.

    Args:
        names: of the others.
        own: full name of the node that has the group.

    Raises:
        SettingError: one is no full name, is given twice, or is the node itself.
    """
    for name in names:
        if is_full_name(name) and names.count(name) == 1 and name != own:
            continue
        hint = f"Correct '{name}'."
        if name == own:
            hint = f'Leave {own} out: each node of a group names the others.'
        elif is_full_name(f'/{name}'):
            hint = f"Write '/{name}', with its namespace."
        expected = 'the full name of each other node once, such as /robot1/tracker'
        raise SettingError(KEY, list(names), expected, where=own, hint=hint)
