"""Questions on a model whose results on pictures look wrong, though it runs."""

from __future__ import annotations

from collections.abc import Iterator

from ml_integration.exports.asking.questions import ACCEPTED, Choice, Question
from ml_integration.exports.claims import Claims, Origin
from ml_integration.exports.trying.picture_check import PictureCheck
from ml_integration.exports.trying.preprocessing_trial import PreprocessingReport

RESULTS = 'results'
"""Key of the question whether results that look wrong are taken."""
READING = ('settings.decoder', 'settings.softmax', 'settings.sigmoid')
"""Keys that say how outputs become results."""
STATED = (Origin.PERSON, Origin.METADATA, Origin.SIDECAR)
"""Origins of values that were not guessed."""


def doubts(check: PictureCheck, claims: Claims) -> tuple[Question, ...]:
    """Returns what a person has to say before such a model is installed.

    Args:
        check: what it made of pictures.
        claims: what is known of it. What a person said about pictures is not asked again, and
            where a person or a file says how outputs are read, no guess can be the reason.
    """
    found = tuple(_about_preparation(check.comparison, claims))
    return found or tuple(_about_results(check, claims))


def _about_preparation(report: PreprocessingReport, claims: Claims) -> Iterator[Question]:
    if report.declared is None or report.better is None:
        return
    declared = report.declared.choice.encode({})
    better = report.better.choice.encode({})
    keys = [key for key, value in declared.items() if better[key] != value]
    known = [claims.get(f'encode.{key}') for key in keys]
    if all(claim is not None and claim.origin is Origin.PERSON for claim in known):
        return
    choices = (
        Choice(str(one.choice), tuple((f'encode.{key}', values[key]) for key in keys))
        for one, values in ((report.declared, declared), (report.better, better))
    )
    yield Question('encode', report.warning, tuple(choices))


def _about_results(check: PictureCheck, claims: Claims) -> Iterator[Question]:
    if any(claim.key in READING and claim.origin in STATED for claim in claims):
        return
    sentences = [one.sentence for one in check.findings if one.suspicious]
    if sentences:
        choices = (
            Choice('do not add it', ((ACCEPTED, False),)),
            Choice('add it as it is', ((ACCEPTED, True),)),
        )
        yield Question(RESULTS, ' '.join((*sentences, 'Is it added all the same?')), choices)
