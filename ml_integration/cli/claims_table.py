"""Shows claims: the value of each key of a manifest, and who says so."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ml_integration.cli.tables import Column, show_table
from ml_integration.exports.asking.questions import Question, written
from ml_integration.exports.claims import Claim

LONGEST = 60
"""Characters of a value that are shown, and of an origin that is repeated."""


def show_claims(claims: Iterable[Claim]) -> None:
    """Prints a table on stdout."""
    columns = [Column('key'), Column('value'), Column('from')]
    first: dict[str, str] = {}
    rows = []
    for claim in claims:
        said = claim.said_by
        key = first.setdefault(said, claim.key)
        if key != claim.key and len(said) > LONGEST:
            said = f'{claim.origin.value}: as for {key}'
        rows.append((claim.key, _shown(claim), said))
    show_table(columns, rows)


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
        'picture': None if question.picture is None else str(question.picture),
    }


def _shown(claim: Claim) -> str:
    if claim.key == 'labels':
        names = ', '.join(claim.value[:3])
        return f'{len(claim.value)}: {names}{" ..." if len(claim.value) > 3 else ""}'
    text = written(claim.value)
    return text if len(text) <= LONGEST else f'{text[: LONGEST - 3]}...'
