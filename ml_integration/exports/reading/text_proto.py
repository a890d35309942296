"""Reads the text format of protocol buffers without knowing the message: `name: value`, `{ }`.

Source: protobuf.dev/reference/protobuf/textformat-spec.
"""

from __future__ import annotations

import re
from typing import Any

from ml_integration.exports.reading.quoted import unquoted

MOST_TOKENS = 500_000
DEEPEST = 20
_TOKEN = re.compile(
    r"""(?:\s|\#[^\n]*(?=\n|\Z))*(?:
    (?P<text>'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*")
    |(?P<word>[A-Za-z_][\w.]*|[-+]?[0-9.][\w.+-]*)
    |(?P<mark>[{}<>\[\]:,;])
    |(?P<end>\Z)
    )""",
    re.VERBOSE,
)


def text_proto(text: str) -> dict[str, list[Any]]:
    """Reads a message.

    Returns:
        All values of each field: texts, numbers and names of enumerations as str, and messages.

    Raises:
        ValueError: it is no message in text format, or too deep.
    """
    tokens = _tokens(text)
    message, _ = _message(tokens, 0, '', 0)
    return message


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens: list[tuple[str, str]] = []
    position = 0
    while True:
        found = _TOKEN.match(text, position)
        if found is None or len(tokens) > MOST_TOKENS:
            raise ValueError(f'nothing of the text format at character {position}')
        kind = str(found.lastgroup)
        tokens.append((kind, found[kind]))
        if kind == 'end':
            return tokens
        position = found.end()


def _message(
    tokens: list[tuple[str, str]], at: int, closing: str, depth: int
) -> tuple[dict[str, list[Any]], int]:
    if depth > DEEPEST:
        raise ValueError('messages in messages, too deep')
    message: dict[str, list[Any]] = {}
    while tokens[at] != ('mark', closing):
        kind, name = tokens[at]
        if kind == 'end' and not closing:
            break
        if kind != 'word':
            raise ValueError(f"no name of a field, but '{name}'")
        at += 1
        if tokens[at] == ('mark', ':'):
            at += 1
        values, at = _values(tokens, at, depth)
        message.setdefault(name, []).extend(values)
        if tokens[at] in (('mark', ','), ('mark', ';')):
            at += 1
    return message, at + 1


def _values(tokens: list[tuple[str, str]], at: int, depth: int) -> tuple[list[Any], int]:
    if tokens[at] != ('mark', '['):
        value, at = _value(tokens, at, depth)
        return [value], at
    values: list[Any] = []
    at += 1
    while tokens[at] != ('mark', ']'):
        value, at = _value(tokens, at, depth)
        values.append(value)
        if tokens[at] == ('mark', ','):
            at += 1
    return values, at + 1


def _value(tokens: list[tuple[str, str]], at: int, depth: int) -> tuple[Any, int]:
    kind, token = tokens[at]
    if kind == 'mark' and token in '{<':
        return _message(tokens, at + 1, '}' if token == '{' else '>', depth + 1)
    if kind == 'text':
        parts = []
        while tokens[at][0] == 'text':  # texts in a row are one
            parts.append(unquoted(tokens[at][1]))
            at += 1
        return ''.join(parts), at
    if kind != 'word':
        raise ValueError(f"no value, but '{token}'")
    return token, at + 1
