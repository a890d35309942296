"""Shows claims: the value of each key of a manifest, and who says so."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ml_integration.errors import escaped
from ml_integration.exports.claims import Claim
from ml_integration.exports.questions import Question, written

WIDE = 160
"""Characters of a line where there is no terminal."""
LONGEST = 60
"""Characters of a value that are shown."""


def show_claims(claims: Iterable[Claim]) -> None:
    """Prints a table on stdout."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in ('key', 'value', 'from'):
        table.add_column(title, overflow='fold')
    for claim in claims:
        sure = '' if claim.sure else ', a guess'
        cells = (claim.key, _shown(claim), f'{claim.origin.value}{sure}: {claim.source}')
        table.add_row(*(Text(escaped(cell)) for cell in cells))
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=WIDE)
    console.print(table)


def claim_document(claim: Claim) -> dict[str, Any]:
    """Returns a claim as plain data."""
    return {
        'key': claim.key,
        'value': list(claim.value) if isinstance(claim.value, tuple) else claim.value,
        'origin': claim.origin.value,
        'source': claim.source,
        'sure': claim.sure,
    }


def question_document(question: Question) -> dict[str, Any]:
    """Returns a question as plain data, with the options that answer it."""
    return {
        'key': question.key,
        'question': question.sentence,
        'answers': [{'text': c.text, 'flags': c.flags} for c in question.choices],
    }


def _shown(claim: Claim) -> str:
    if claim.key == 'labels':
        names = ', '.join(claim.value[:3])
        return f'{len(claim.value)}: {names}{" ..." if len(claim.value) > 3 else ""}'
    text = written(claim.value)
    return text if len(text) <= LONGEST else f'{text[: LONGEST - 3]}...'
