"""Class names as exports write them: lists, numbered mappings and lines of text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ml_integration.errors import ExportError
from ml_integration.exports.reading.document import one_line

MOST_CLASSES = 100_000
LONGEST_NAME = 200
"""Characters; what is longer is cut off."""
_NUMBERED = re.compile(r'\s*(\d{1,6})\s*[:,\s]\s*(\S.*)')
_GENERIC = re.compile(r'(label|class)[ _-]?\d+', re.IGNORECASE)


def class_names(value: Any, label: str, place: str) -> tuple[str, ...]:
    """Returns the names of classes, the index of each is its number.

    A mapping may leave numbers out, as COCO with 90 numbers for 80 classes does; such a class
    gets a name made of its number.

    Args:
        value: a list of names, or a mapping of numbers to names.
        label: of the export, for errors.
        place: where the value is, for errors.

    Raises:
        ExportError: it is something else, or too much.
    """
    if isinstance(value, Mapping):
        numbered = {_number(key): name for key, name in value.items()}
        last = max((number for number in numbered if number is not None), default=-1)
        if None in numbered or last >= min(MOST_CLASSES, 1000 + 2 * len(value)):
            raise _no_names(label, place)
        names: list[Any] = [numbered.get(n, f'class_{n}') for n in range(last + 1)]
    elif isinstance(value, list | tuple):
        names = list(value)
    else:
        raise _no_names(label, place)
    if not 1 <= len(names) <= MOST_CLASSES:
        raise ExportError(f'{place} holds {len(names)} class names', where=label)
    return tuple(_name(name, number, label, place) for number, name in enumerate(names))


def class_lines(data: bytes, label: str, place: str) -> tuple[str, ...]:
    """Returns the names of classes of a text with one on each line, numbered or not.

    Raises:
        ExportError: it is no such text.
    """
    try:
        lines = data.decode('utf-8-sig').strip().splitlines()
    except UnicodeDecodeError as error:
        raise ExportError(f'{place} is no UTF-8 text', where=label) from error
    if '' in map(str.strip, lines):
        what = f'line {[line.strip() for line in lines].index("") + 1} of {place} is empty'
        raise ExportError(what, where=label, hint='Write one class name per line.')
    matches = [_NUMBERED.fullmatch(line) for line in lines]
    if all(found and int(found[1]) == number for number, found in enumerate(matches)):
        lines = [found[2] for found in matches if found]
    return class_names(lines, label, place)


def are_generic(names: tuple[str, ...]) -> bool:
    """Tells whether names say nothing, such as LABEL_0, LABEL_1."""
    return all(_GENERIC.fullmatch(name) for name in names)


def _number(key: Any) -> int | None:
    if isinstance(key, str) and re.fullmatch(r'[0-9]{1,6}', key.strip()):
        return int(key)
    return key if isinstance(key, int) and not isinstance(key, bool) and key >= 0 else None


def _name(name: Any, number: int, label: str, place: str) -> str:
    """Returns a name as one line that can be printed."""
    if isinstance(name, bool | int | float) or name is None:
        name = str(name) if not isinstance(name, int) or abs(name) < 10**18 else ''
    if not isinstance(name, str):
        raise _no_names(label, place)
    return one_line(name)[:LONGEST_NAME].strip() or f'class_{number}'


def _no_names(label: str, place: str) -> ExportError:
    return ExportError(
        f'{place} does not hold class names',
        where=label,
        expected='a list of names, or a mapping of numbers from 0 to names',
    )
