"""Limits that whoever starts a process sets to the nodes that others load into it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ml_integration.core.declaration import Setting
from ml_integration.errors import SettingError
from ml_integration.ros.node.parameters import AUTHORITIES
from ml_integration.store.trust.policy import POLICIES

STRICTER: Mapping[str, tuple[str, ...]] = {
    'integrity': tuple(reversed(POLICIES)),
    'swap_authority': AUTHORITIES,
}
"""Values of a parameter that can be forced, each one stricter than those before it."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits to the parameters of a node.

    Attributes:
        folders: files and folders that parameters may name, with all that is in them.
        least: the least strict value of a parameter of `STRICTER`, by its name.
        at_start: `folders` also holds for what the node is started with; otherwise only for
            later changes.
    """

    folders: tuple[str, ...] = ('/',)
    least: Mapping[str, str] = field(default_factory=dict)
    at_start: bool = True

    def forced(self, name: str, value: Any) -> Any:
        """Returns the value, or the least strict one that is allowed if the value is laxer."""
        order = STRICTER.get(name, ())
        least = self.least.get(name, '')
        if value not in order or least not in order:  # the declaration will refuse it
            return value
        return max(value, least, key=order.index)

    def check(self, setting: Setting, value: Any, where: str) -> None:
        """Refuses a value that leads out of the folders.

        Links are followed: it counts where they lead.

        Args:
            setting: the parameter.
            value: its value; an empty one names nothing.
            where: the node, for errors.

        Raises:
            SettingError: it does.
        """
        if not setting.rule.files or not value:
            return
        parts = value.split(os.pathsep) if setting.rule.files == 'several' else [value]
        allowed = [_real(folder) for folder in self.folders]
        for part in parts:
            if not any(_real(part).is_relative_to(folder) for folder in allowed):
                raise SettingError(
                    setting.name,
                    part,
                    f'a path in {", ".join(self.folders) or "no folder at all"}',
                    where=where,
                    hint="The container's parameter allowed_folders says what its nodes may use.",
                )


FREE = Limits()
"""No limits: for nodes that have a process of their own."""


def _real(path: str) -> Path:
    return Path(os.path.realpath(Path(path).expanduser()))
