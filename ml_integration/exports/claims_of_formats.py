"""Reads what an export says about its model, in every format that is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ml_integration.core import plugins
from ml_integration.exports.claims import Claim, Claims
from ml_integration.exports.export import Export
from ml_integration.exports.formats import PLUGINS, ExportFormat


@dataclass(frozen=True, slots=True)
class ExportReading:
    """What an export says.

    Attributes:
        claims: one per key; where two formats differ, that of the lower rank.
        formats: titles of the formats that say something.
        conflicts: keys for which two formats say something else, each with a sentence.
    """

    claims: Claims
    formats: tuple[str, ...]
    conflicts: tuple[tuple[str, str], ...]


def read_export(export: Export) -> ExportReading:
    """Reads an export in every format.

    Args:
        export: with the tensors of its model, which some formats look at.

    Raises:
        ExportError: it is of a format and says something senseless.
        PluginError: a format does not import.
    """
    formats: list[ExportFormat] = [
        plugins.load(PLUGINS, name)() for name in plugins.names(PLUGINS)
    ]
    said = [(one.title, one.read(export)) for one in sorted(formats, key=lambda one: one.rank)]
    claims = Claims(tuple(claim for _, claims in said for claim in claims))
    titles = tuple(title for title, claims in said if claims)
    return ExportReading(claims, titles, _conflicts(claims, [one for _, one in said]))


def _conflicts(claims: Claims, said: Sequence[Claims]) -> tuple[tuple[str, str], ...]:
    sentences = []
    for taken in claims:
        for other in (one.get(taken.key) for one in said):
            if other is not None and other.sure and not _same(taken, other):
                sentence = (
                    f'{taken.key} is {_shown(taken.value)} by {taken.source}, and '
                    f'{_shown(other.value)} by {other.source}: the first is taken'
                )
                sentences.append((taken.key, sentence))
    return tuple(sentences)


def _same(one: Claim, other: Claim) -> bool:
    if one.key in ('description', 'origin'):
        return True
    return bool(one.value == other.value)


def _shown(value: Any) -> str:
    if isinstance(value, tuple) and len(value) > 4:
        return f'{len(value)} values ({value[0]}, {value[1]}, ...)'
    return str(value)
