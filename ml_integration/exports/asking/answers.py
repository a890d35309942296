"""Answers of a person on the command line, as claims."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ml_integration.errors import ManifestError, SettingError
from ml_integration.exports.claims import Claim, Origin
from ml_integration.store.package.package import read_labels
from ml_integration.store.package.plain_yaml import load_yaml

WHERE = '--set'
WORDS = ('task', 'description', 'license', 'origin', 'size')
"""Keys that stand for themselves."""
GROUPS = ('encode.', 'settings.', 'inputs.')
"""Beginnings of the keys that have several parts."""


def answers_of(assignments: Iterable[str], task: str, labels: Path | None) -> tuple[Claim, ...]:
    """Reads what a person said.

    Args:
        assignments: `KEY=VALUE` each, the value as in a manifest.
        task: the task's name; empty if it was not said.
        labels: file with one class name per line.

    Raises:
        SettingError: a key is none of a manifest, or a value cannot be read.
        ManifestError: the labels cannot be read.
    """
    return tuple(_answers(assignments, task, labels))


def _answers(assignments: Iterable[str], task: str, labels: Path | None) -> Iterator[Claim]:
    if task:
        yield Claim('task', task, Origin.PERSON, '--task')
    if labels is not None:
        yield Claim('labels', read_labels(labels), Origin.PERSON, f'--labels {labels.name}')
    for assignment in assignments:
        key, equals, text = assignment.partition('=')
        if not equals or not (key in WORDS or _in_a_group(key)):
            expected = f'KEY=VALUE, where KEY is one of {", ".join(WORDS)}, encode.<setting>, '
            expected += 'settings.<setting> and inputs.<tensor>'
            raise SettingError(key, assignment, expected, where=WHERE)
        yield Claim(key, _value(key, text), Origin.PERSON, WHERE)


def _in_a_group(key: str) -> bool:
    return any(key.startswith(group) and key != group for group in GROUPS)


def _value(key: str, text: str) -> Any:
    try:
        value = load_yaml(text.encode(), Path(WHERE))
    except (ManifestError, UnicodeEncodeError) as error:
        raise SettingError(key, text, 'a value as in a manifest', where=WHERE) from error
    if key == 'size':
        return _size(value)
    if key in WORDS and not isinstance(value, str):
        return text
    return tuple(value) if isinstance(value, list) else value


def _size(value: Any) -> tuple[int, int]:
    match value:
        case [int(width), int(height)] if width > 0 and height > 0:
            return width, height
        case int(side) if side > 0 and not isinstance(side, bool):
            return side, side
    raise SettingError('size', value, '[width, height] in pixels', where=WHERE)
