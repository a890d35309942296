"""Questions on what the tensors of an export mean, where neither a file nor a run says it."""

from __future__ import annotations

from typing import Any

from ml_integration.core.dotted_keys import flattened
from ml_integration.core.inputs import ConstantInput, ModelInput
from ml_integration.exports.asking.questions import Choice, Question
from ml_integration.exports.claims import Claims
from ml_integration.exports.guessing.outputs import Fit, Readings


def reading_question(readings: Readings, said: Claims) -> Question | None:
    """Returns the question how outputs are read; None if one way is sure.

    Args:
        readings: the ways that are possible.
        said: what persons and files say.
    """
    if said.get('settings.decoder') is not None:
        return None
    unlike = [fit for n, fit in enumerate(readings.equal) if fit not in readings.equal[:n]]
    if len(unlike) < 2 and (readings.fits[0].sure or said.get('task') is not None):
        return None
    choices = [Choice(f'{_named(fit)}: {fit.why}', _said(fit)) for fit in unlike]
    if not readings.fits[0].sure:
        text = 'tensor: the numbers as they are, such as an embedding or a measure'
        choices.append(Choice(text, (('task', 'tensor'),)))
    return Question('outputs', 'Nothing says for sure how the outputs are read.', tuple(choices))


def constant_question(item: ModelInput, claims: Claims) -> Question | None:
    """Returns the question on the number that an input takes; None if it is known."""
    if not isinstance(item, ConstantInput) or claims.get(f'inputs.{item.tensor}') is not None:
        return None
    if item.value != 0:  # a size or a factor that is known
        return None
    return Question(
        f'inputs.{item.tensor}',
        f"The input '{item.tensor}' takes a number, and nothing says which one.",
        tuple(Choice(f'{value:g}', ((f'inputs.{item.tensor}', value),)) for value in (1.0, 0.0)),
    )


def _said(fit: Fit) -> tuple[tuple[str, Any], ...]:
    settings = flattened(fit.settings)
    return (('task', fit.task), *((f'settings.{key}', settings[key]) for key in settings))


def _named(fit: Fit) -> str:
    decoder = fit.settings.get('decoder')
    return f'{fit.task} ({decoder})' if decoder else fit.task
