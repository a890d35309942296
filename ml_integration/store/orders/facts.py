"""What a robot knows about itself: its id, and facts that cohorts ask for, such as its site.

::

    robot: r17
    site: berlin
    hardware: orin
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ml_integration.errors import SettingError
from ml_integration.store.files import in_words, read_named_file
from ml_integration.store.package.plain_yaml import LARGEST, load_yaml
from ml_integration.store.state.places import expanded

VARIABLE = 'ML_INTEGRATION_FACTS'


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts about a robot.

    Attributes:
        robot: its id, which no other robot has.
        values: by name, as text.
    """

    robot: str
    values: Mapping[str, str] = field(default_factory=dict)


def robot_facts(named: str, where: str, environment: Mapping[str, str] = os.environ) -> Facts:
    """Reads the facts of the named file, else of the variable's, else knows the host's name.

    Args:
        named: the file as a person wrote it; empty: none.
        where: node or command concerned, for errors.
        environment: may name the file in ML_INTEGRATION_FACTS.

    Raises:
        SettingError: the file cannot be read, or holds something else.
    """
    key = 'fleet.facts_file' if named else VARIABLE
    file = named or environment.get(VARIABLE, '')
    return read_facts(expanded(file, key, where)) if file else Facts(socket.gethostname())


def read_facts(file: Path) -> Facts:
    """Reads a file of facts; without `robot` in it the host's name is the id.

    Raises:
        SettingError: it cannot be read, or holds something else.
    """
    where = str(file)
    try:
        document = load_yaml(read_named_file(file, LARGEST), file)
    except (OSError, ValueError) as error:
        what = f'the facts cannot be read: {in_words(error)}'
        raise SettingError('facts', '', '', where=where, what=what) from error
    if not isinstance(document, dict):
        raise SettingError('facts', document, 'names of facts with their values', where=where)
    values: dict[str, str] = {}
    for name, value in document.items():
        if isinstance(value, dict | list) or value is None:
            raise SettingError(str(name), value, 'a text, a number, true or false', where=where)
        values[str(name)] = str(value).lower() if isinstance(value, bool) else str(value)
    robot = values.get('robot') or socket.gethostname()
    return Facts(robot, {**values, 'robot': robot})
