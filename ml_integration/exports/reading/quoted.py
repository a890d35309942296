"""Takes the text out of a quoted token, as Python and the text format of protobuf write it."""

from __future__ import annotations

import re

_ESCAPE = re.compile(
    r'\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U000[0-9a-fA-F]{5}|[0-7]{1,3}|.)', re.DOTALL
)
_SINGLE = {'n': '\n', 't': '\t', 'r': '\r', '\\': '\\', "'": "'", '"': '"'}


def unquoted(token: str) -> str:
    """Returns what stands between the quotes, with its escapes resolved; unknown ones stay."""
    return _ESCAPE.sub(_resolved, token[1:-1])


def _resolved(found: re.Match[str]) -> str:
    code = found[1]
    if code in _SINGLE:
        return _SINGLE[code]
    if code[0] in 'xuU' and len(code) > 1:
        return chr(int(code[1:], 16))
    return chr(int(code, 8)) if code[0] in '01234567' else found[0]
