"""Texts and numbers of other people in a page: nothing in them is markup."""

from __future__ import annotations

import html
import math

from ml_integration.errors import escaped
from ml_integration.fleet.top.words import in_figures

LONGEST = 1000
"""Characters of a text that are shown."""


def text(words: str) -> str:
    """Writes a text into a page; what cannot be seen becomes escapes."""
    cut = words if len(words) <= LONGEST else f'{words[:LONGEST]} ...'
    return html.escape(escaped(' '.join(cut.split())))


def figure(number: float | None) -> str:
    """Writes a number into a page."""
    return in_figures(None if number is None or not math.isfinite(number) else number)


def share(ratio: float | None) -> str:
    """Writes a ratio from 0 to 1 in percent."""
    return figure(None if ratio is None else 100 * ratio)


def level(name: str) -> str:
    """Writes the name of a level in its color."""
    return f'<span class="level {name}">{name}</span>'
