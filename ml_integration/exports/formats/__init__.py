"""Formats of exports: one file per tool or packaging that people get models from.

A new one is one file `exports/formats/<format>.py` with a class named after it
(`hugging_face.py` holds `HuggingFace`), or such a class under an entry point of the group
`ml_integration.exports.formats`. Nothing has to be registered. A format reads what is there; it
never runs, imports, unpickles or fetches what a file names.
"""

from __future__ import annotations

from typing import Protocol

from ml_integration.exports.claims import Claims
from ml_integration.exports.export import Export

PLUGINS = 'exports.formats'


class ExportFormat(Protocol):
    """Reads what one kind of export says about its model. Built without arguments."""

    title: str
    """The format's name for people, such as 'Hugging Face folder'."""
    rank: int
    """Position among the formats: where two say something about a key, the lower one counts."""

    def read(self, export: Export) -> Claims:
        """Returns what the export says; nothing if it is not of this format.

        Raises:
            ExportError: it is of this format and says something senseless.
        """
