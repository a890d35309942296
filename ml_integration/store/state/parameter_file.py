"""The file with which `--params-file` sets parameters of nodes, as far as others look into it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml_integration.errors import MlIntegrationError
from ml_integration.store.files import read_named_file
from ml_integration.store.package.plain_yaml import load_yaml

MAX_BYTES = 16 * 1024 * 1024
VALUES = 'ros__parameters'
TOKENS = {'**': '(?:/[^/]+)*', '*': '/[^/]+'}


@dataclass(frozen=True, slots=True)
class Section:
    """Values for the nodes of a name.

    Attributes:
        node: full name of a node, in which `*` stands for one part and `**` for any number.
        values: by dotted names.
    """

    node: str
    values: Mapping[str, Any]

    def applies_to(self, node: str) -> bool:
        """Tells whether a node of that full name gets the values."""
        parts = self.node.strip('/').split('/')
        pattern = ''.join(TOKENS.get(part, f'/{re.escape(part)}') for part in parts)
        return re.fullmatch(pattern, node) is not None


def read_sections(file: Path) -> tuple[Section, ...]:
    """Reads a parameter file; one that is not for ROS or cannot be read has no sections.

    Nothing is refused here: ROS reads the file itself and says what is wrong with it.
    """
    try:
        document = load_yaml(read_named_file(file, MAX_BYTES), file)
    except (OSError, ValueError, MlIntegrationError):
        return ()
    return tuple(_sections(document, ''))


def values_for(node: str, sections: Iterable[Section]) -> dict[str, Any]:
    """Returns what a node of that full name gets: its own values count more than patterns'."""
    own = [section for section in sections if section.applies_to(node)]
    values: dict[str, Any] = {}
    for section in sorted(own, key=lambda section: '*' not in section.node):
        values.update(section.values)
    return values


def _sections(document: Any, name: str) -> Iterator[Section]:
    if not isinstance(document, dict):
        return
    for key, value in document.items():
        if key == VALUES:
            yield Section(name, dict(_flat(value, '')))
        else:
            yield from _sections(value, f'{name}/{str(key).strip("/")}')


def _flat(values: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    if not isinstance(values, dict):
        return
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f'{prefix}{key}.')
        else:
            yield f'{prefix}{key}', value
