"""Judges what a model made of pictures: nothing, nonsense, or what would be held back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from ml_integration.core.declaration import build
from ml_integration.core.pipeline import Pipeline
from ml_integration.exports.counted import counted
from ml_integration.exports.trying.sample_pictures import empty_picture
from ml_integration.exports.trying.suspicion import about_classifier, about_detector
from ml_integration.exports.trying.trial import Trial, try_on
from ml_integration.store.package.manifest import Manifest
from ml_integration.tasks.classification import Classification
from ml_integration.tasks.object_detection import ObjectDetection

SUSPICIOUS = 'Suspicious: '
"""Beginning of a sentence about results that are valid and look like those of a wrong reading."""


class Level(Enum):
    """Weight of a finding, the heaviest first."""

    FAILURE = 'failure'
    """The model cannot serve like this."""
    WARNING = 'warning'
    """Probably wrong; a person has to look."""
    NOTE = 'note'
    """Worth knowing."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Finding about a model on pictures, as sentences that end with a full stop."""

    level: Level
    sentence: str

    @property
    def suspicious(self) -> bool:
        """Whether the model seems to be read in a wrong way."""
        return self.sentence.startswith(SUSPICIOUS)


def judge(trial: Trial, pipeline: Pipeline, manifest: Manifest) -> tuple[Finding, ...]:
    """Judges a trial; tries a detector on an empty picture too.

    Args:
        trial: of this pipeline.
        pipeline: the model, still open.
        manifest: the model's.

    Returns:
        What is wrong or worth knowing, the heaviest first; nothing about a model that does well.
    """
    found = [
        *_all_levels(trial),
        *(Finding(Level.WARNING, one) for one in _about_labels(pipeline)),
        *(
            Finding(Level.WARNING, f'{SUSPICIOUS}{one}')
            for one in _suspicions(trial, pipeline, manifest)
        ),
    ]
    order = list(Level)
    return tuple(sorted(found, key=lambda one: order.index(one.level)))


def _all_levels(trial: Trial) -> Iterator[Finding]:
    total, failed = len(trial.attempts), len(trial.failures)
    pictures = counted(total, 'picture')
    if not total:
        yield Finding(Level.FAILURE, f'No picture went through it. {trial.failures[0]}.')
    elif failed:
        lost = f'{failed} of {total + failed} pictures did not go through it.'
        yield Finding(Level.WARNING, f'{lost} {trial.failures[0]}.')
    if trial.held_back:
        kinds = ', '.join(f'{one.kind} on {one.count}' for one in trial.held_back)
        many = 'Every result' if not trial.valid else f'{total - trial.valid} of {total} results'
        level = Level.WARNING if trial.valid else Level.FAILURE
        start = f'{many} on {pictures} would be held back ({kinds}).'
        yield Finding(level, f'{start} {trial.held_back[0].sentence}.')
    if total and trial.counts and not any(trial.counts) and _has_scores(trial):
        yield Finding(
            Level.NOTE,
            f'Nothing was found on {pictures}. Try pictures of what it is meant for.',
        )


def _has_scores(trial: Trial) -> bool:
    return all(hasattr(one.prediction.result, 'scores') for one in trial.attempts)


def _about_labels(pipeline: Pipeline) -> Iterator[str]:
    named = isinstance(pipeline.task, ObjectDetection | Classification)
    if named and not pipeline.model.labels:
        yield (
            'It has no labels, so its results carry numbers instead of names; '
            'ml_model add --labels FILE gives it some.'
        )


def _suspicions(trial: Trial, pipeline: Pipeline, manifest: Manifest) -> Iterator[str]:
    if not trial.attempts:
        return
    values = trial.outputs.values()
    if values and all(one.fixed for one in values) and _differ(trial):
        yield 'its outputs are the same on every picture, so they do not depend on it.'
    if isinstance(pipeline.task, ObjectDetection):
        empty = try_on(pipeline, [empty_picture(trial.attempts[0].picture)])
        yield from about_detector(trial, empty)
    elif isinstance(pipeline.task, Classification):
        settings = build(Classification.Settings, manifest.settings, str(manifest.identity))
        yield from about_classifier(
            trial, settings.softmax, settings.sigmoid, settings.multi_label
        )


def _differ(trial: Trial) -> bool:
    contents = {one.picture.pixels.tobytes() for one in trial.attempts}
    return len(contents) > 1
