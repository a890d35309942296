"""Reasons to doubt that a model's outputs are read rightly, though the results are valid."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from ml_integration.exports.trying.output_values import OutputValues
from ml_integration.exports.trying.trial import Trial

CROWD = 20
"""Number of objects in an empty picture that no detector sees which is read rightly."""
SPECK_PX = 3.0
"""Size of the largest box [px] up to which coordinates look like fractions."""
CHANCE = 2.0
"""Score of the best class, by that of a mere guess, up to which nothing was recognized."""
FEW = 10
"""Number of classes from which on a guess is told from a recognized class."""


def about_detector(trial: Trial, empty: Trial) -> Iterator[str]:
    """Doubts a detector.

    Args:
        trial: on pictures.
        empty: on one picture without anything in it.
    """
    ghosts = sum(empty.counts)
    if ghosts >= CROWD:
        yield (
            f'it finds {ghosts} objects in an empty gray picture{_of_one_class(empty)}. '
            'Are its outputs read by the right decoder?'
        )
    boxes = [one.prediction.result.xyxy for one in trial.attempts if len(one.scores)]
    if boxes and (largest := _largest_side(np.concatenate(boxes))) <= SPECK_PX:
        yield (
            f'no box is larger than {largest:.2g} px. '
            'Are they fractions of the input, which decoder_options.normalized says?'
        )


def about_classifier(
    trial: Trial, softmax: bool, sigmoid: bool = False, multi_label: bool = False
) -> Iterator[str]:
    """Doubts a classifier.

    Args:
        trial: on pictures.
        softmax: whether its task applies a softmax.
        sigmoid: whether it applies a sigmoid.
        multi_label: whether none of its classes may be true.
    """
    for name, values in trial.outputs.items():
        classes = len(values.channels)
        best = float(trial.scores.max(initial=0.0))
        if softmax and values.sums_to_one:
            yield f"'{name}' holds probabilities, which settings.softmax makes nearly equal."
        elif sigmoid and values.within_one:
            yield f"'{name}' holds numbers from 0 to 1, which settings.sigmoid makes nearly equal."
        elif not (softmax or sigmoid) and not values.within_one and values.finite:
            yield (
                f"'{name}' holds numbers from {values.smallest:.4g} to {values.largest:.4g}, "
                f'which are no probabilities. '
                f'{_advice(name, values, trial)}'
            )
        elif not multi_label and classes >= FEW and best <= CHANCE / classes:
            yield (
                f'the best class of all pictures scores {best:.2g}, and a guess among {classes} '
                f'classes would score {1 / classes:.2g}. Is it a classifier?'
            )


def _advice(name: str, values: OutputValues, trial: Trial) -> str:
    lengths = [float(np.linalg.norm(run[name].astype(np.float64))) for run in trial.runs]
    if np.allclose(lengths, 1.0, atol=1e-3):
        return 'Their length is 1, as that of an embedding, which no task reads.'
    return 'Does it need settings.softmax or settings.sigmoid, or is it no classifier?'


def _of_one_class(trial: Trial) -> str:
    (attempt,) = trial.attempts
    classes = set(attempt.prediction.result.class_ids.tolist())
    return ', all of one class' if len(classes) == 1 else ''


def _largest_side(xyxy: npt.NDArray[np.float32]) -> float:
    sides = xyxy[:, 2:] - xyxy[:, :2]
    return float(sides.max())
