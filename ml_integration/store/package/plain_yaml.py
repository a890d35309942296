"""Reads YAML of which only the plain part is wanted: mappings, lists and scalars, a few of each.

YAML can do much more. A tag calls a constructor that fails in ways of its own, an alias or a
merge makes gigabytes out of a line, brackets nest until the interpreter gives up, and an escape
puts into a text what a terminal obeys. None of this describes a model or a node.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from ml_integration.errors import ManifestError

LARGEST = 2**20
"""Bytes of the largest file that is read."""
MOST_NODES = 10_000
MOST_LINES = 20_000
MOST_COMMENTS = 2**16
"""Bytes of lines that are comments."""
DEEPEST = 32
LONGEST_NUMBER = 1000
"""Characters; beyond, a number can take any time to read and cannot be printed."""
_NUMBERS = ('tag:yaml.org,2002:int', 'tag:yaml.org,2002:float')
_MERGE = 'tag:yaml.org,2002:merge'
_UNPRINTABLE = re.compile('[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]')
# What PyYAML raises besides its own: of dates that do not exist, and of bytes that are no text.
_BROKEN = (yaml.YAMLError, ValueError, RecursionError, LookupError, AttributeError, TypeError)


def load_yaml(data: bytes, file: Path) -> Any:
    """Reads plain YAML.

    Refused are keys that occur twice, tags, anchors, aliases, merge keys, characters that cannot
    be printed, and more than a person would write.

    Args:
        data: the file's content.
        file: where it comes from, for errors.

    Raises:
        ManifestError: it is not plain YAML.
    """
    _check_lines(data, file)
    try:
        return yaml.load(data, _PlainLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f'line {mark.line + 1}' if mark else 'it'
        what = f'{place} is no plain YAML: {error.problem or error}'
        raise ManifestError(file, place, '', '', what=what) from error
    except _BROKEN as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        what = f'it is no plain YAML: {reason}'
        raise ManifestError(file, 'it', '', '', what=what) from error


def _check_lines(data: bytes, file: Path) -> None:
    lines = data.splitlines()
    comments = sum(len(line) for line in lines if line.lstrip().startswith(b'#'))
    for got, most, what in (
        (len(data), LARGEST, 'bytes'),
        (len(lines), MOST_LINES, 'lines'),
        (comments, MOST_COMMENTS, 'bytes of comments'),
    ):
        if got > most:
            sentence = f'it is too large: {got} {what}'
            raise ManifestError(file, 'it', '', f'at most {most}', what=sentence)


class _PlainLoader(yaml.SafeLoader):
    """Loader of safe YAML that refuses what is not plain while it reads."""

    def __init__(self, stream: bytes) -> None:
        super().__init__(stream)
        self._nodes = 0
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        self._nodes += 1
        if isinstance(event, yaml.AliasEvent):
            raise _refused('aliases are not supported', event)
        if event.anchor is not None:
            raise _refused('anchors are not supported', event)
        if event.tag is not None:
            raise _refused(f'tags are not supported, such as {event.tag!a:.60}', event)
        if self._nodes > MOST_NODES:
            raise _refused(f'more than {MOST_NODES} values', event)
        if self._depth >= DEEPEST:
            raise _refused(f'nested more than {DEEPEST} deep', event)
        self._depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1

    def compose_scalar_node(self, anchor: Any) -> yaml.ScalarNode:
        node = super().compose_scalar_node(anchor)
        if node.tag in _NUMBERS and len(node.value) > LONGEST_NUMBER:
            raise _refused(f'a number of {len(node.value)} characters', node)
        if node.tag == _MERGE:
            raise _refused('merge keys are not supported', node)
        found = _UNPRINTABLE.search(node.value)
        if found:
            raise _refused(f'a text with the unprintable character {found[0]!a}', node)
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _refused('a key is not text', key)
            if key.value in seen:
                raise _refused(f"'{key.value}' is given twice", key)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def _refused(problem: str, at: Any) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=at.start_mark)
