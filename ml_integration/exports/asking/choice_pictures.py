"""Shows side by side what comes of each answer to a question, for the person who chooses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ml_integration.core.datatypes import Array
from ml_integration.errors import MlIntegrationError
from ml_integration.exports.asking.questions import Choice, Question
from ml_integration.exports.claims import Claim, Origin
from ml_integration.exports.packing.drafting import draft, pipeline_of
from ml_integration.exports.reading.source import Source
from ml_integration.exports.trying.contact_sheet import scaled
from ml_integration.exports.trying.sample_pictures import Picture
from ml_integration.exports.trying.trial import try_on
from ml_integration.ops.drawing import draw_text

SHOWN = ('encode', 'outputs')
"""Keys of questions whose answers can be seen."""
STRIP_PX = 24
"""Height of what is written below a picture [px]."""


def picture_of_choices(
    source: Source, answers: Sequence[Claim], question: Question, picture: Picture
) -> Array | None:
    """Runs a model as each answer has it, and puts the results side by side.

    Args:
        source: the export, with its tensors.
        answers: what is known from a person.
        question: what is open.
        picture: what it is run on.

    Returns:
        The results in the order of the choices, (H, W, 3) uint8 BGR; None where there are none
        to be seen, or fewer than two.
    """
    if question.key not in SHOWN:
        return None
    panels = list(_panels(source, answers, question, picture))
    return np.hstack(panels) if len(panels) > 1 else None


def _panels(
    source: Source, answers: Sequence[Claim], question: Question, picture: Picture
) -> Iterator[Array]:
    for number, choice in enumerate(question.choices, 1):
        try:
            drawn = _drawn(source, answers, choice, picture)
        except MlIntegrationError:  # an answer that contradicts the model
            continue
        if drawn is not None:
            canvas = scaled(drawn)
            strip = np.full((STRIP_PX, canvas.shape[1], 3), 255, np.uint8)
            draw_text(strip, f'{number}: {choice.text}', (0, STRIP_PX), (255, 255, 255))
            yield np.vstack([canvas, strip])


def _drawn(
    source: Source, answers: Sequence[Claim], choice: Choice, picture: Picture
) -> Array | None:
    tried = choice.claims(Origin.PERSON, 'tried')
    drafted = draft(source, (*tried, *answers), (picture,))
    with pipeline_of(drafted) as pipeline:
        trial = try_on(pipeline, (picture,), kept=0)
    if trial.draw is None or not trial.attempts:
        return None
    return trial.drawn(trial.attempts[0])
