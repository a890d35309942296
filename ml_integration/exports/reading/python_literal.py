"""Reads Python literals, in which some exporters write metadata, without Python's own parser.

That one takes time and stack for what no exporter writes.
"""

from __future__ import annotations

import re
from typing import Any

from ml_integration.exports.reading.quoted import unquoted

LARGEST = 2**20
"""Characters of the largest text that is read."""
MOST_VALUES = 200_000
DEEPEST = 8
_TOKEN = re.compile(
    r"""\s*(?:
    (?P<text>'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*")
    |(?P<number>[-+]?(?:\d{1,18}(?:\.\d{0,30})?|\.\d{1,30})(?:[eE][-+]?\d{1,3})?)(?![\w.])
    |(?P<word>True|False|None|true|false|null)\b
    |(?P<mark>[\[\](){},:])
    )""",
    re.VERBOSE,
)
_WORDS = {'True': True, 'true': True, 'False': False, 'false': False, 'None': None, 'null': None}
_CLOSING = {'[': ']', '(': ')', '{': '}'}


def python_literal(text: str) -> Any:
    """Reads texts, numbers, True, False, None, and lists, tuples and mappings of them.

    Raises:
        ValueError: it is something else, or larger than any exporter writes.
    """
    if len(text) > LARGEST:
        raise ValueError(f'{len(text)} characters instead of at most {LARGEST}')
    reader = _Reader(text)
    value = reader.value(0)
    reader.end()
    return value


class _Reader:
    """Reads values of a text one after another."""

    def __init__(self, text: str) -> None:
        self._text = text.strip()
        self._position = 0
        self._values = 0

    def end(self) -> None:
        if self._position != len(self._text):
            raise ValueError(f'more than a literal, at character {self._position}')

    def value(self, depth: int) -> Any:
        self._values += 1
        if depth > DEEPEST or self._values > MOST_VALUES:
            raise ValueError('more values in values than any exporter writes')
        kind, token = self._next()
        if kind == 'text':
            return unquoted(token)
        if kind == 'number':
            return int(token) if re.fullmatch(r'[-+]?\d+', token) else float(token)
        if kind == 'word':
            return _WORDS[token]
        if token == '{':
            return self._mapping(depth)
        if token in '[(':
            return self._list(depth, _CLOSING[token])
        raise ValueError(f"no value, but '{token}'")

    def _list(self, depth: int, closing: str) -> Any:
        items = []
        while self._peek() != closing:
            items.append(self.value(depth + 1))
            self._separated(closing)
        self._next()
        return items if closing == ']' else tuple(items)

    def _mapping(self, depth: int) -> dict[Any, Any]:
        items: dict[Any, Any] = {}
        while self._peek() != '}':
            key = self.value(depth + 1)
            if isinstance(key, list | dict | tuple) or self._next()[1] != ':':
                raise ValueError('a mapping without keys')
            items[key] = self.value(depth + 1)
            self._separated('}')
        self._next()
        return items

    def _separated(self, closing: str) -> None:
        if self._peek() == ',':
            self._next()
        elif self._peek() != closing:
            raise ValueError(f"neither ',' nor '{closing}'")

    def _next(self) -> tuple[str, str]:
        found = _TOKEN.match(self._text, self._position)
        if found is None:
            raise ValueError(f'no literal, at character {self._position}')
        self._position = found.end()
        return str(found.lastgroup), found[str(found.lastgroup)]

    def _peek(self) -> str:
        found = _TOKEN.match(self._text, self._position)
        return '' if found is None else str(found[str(found.lastgroup)])
