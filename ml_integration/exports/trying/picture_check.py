"""Checks a model on pictures: results, what is suspicious, and how pictures are prepared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ml_integration.core.pipeline import Pipeline
from ml_integration.exports.counted import counted
from ml_integration.exports.trying.preprocessing_trial import (
    PreprocessingReport,
    compare_preprocessing,
)
from ml_integration.exports.trying.sample_pictures import Picture
from ml_integration.exports.trying.trial import Trial, try_on
from ml_integration.exports.trying.verdict import Finding, Level, judge
from ml_integration.store.package.package import ModelPackage


@dataclass(frozen=True, slots=True)
class PictureCheck:
    """What a model does with pictures.

    Attributes:
        trial: the pictures with their results.
        comparison: other ways to prepare pictures; only on a person's own sample.
        findings: what is wrong or worth knowing, the heaviest first.
    """

    trial: Trial
    comparison: PreprocessingReport
    findings: tuple[Finding, ...]

    def of(self, level: Level) -> tuple[str, ...]:
        """Returns the sentences of a level."""
        return tuple(one.sentence for one in self.findings if one.level is level)

    def __str__(self) -> str:
        trial = self.trial
        valid = 'all valid' if trial.valid == len(trial.attempts) else f'{trial.valid} valid'
        count = len(trial.attempts)
        text = f'{counted(count, "picture")}, {valid}'
        if len(trial.scores):
            best, middle = float(trial.scores.max()), float(np.median(trial.scores))
            found = counted(len(trial.scores), 'result')
            text += f'; {found}, best score {best:.2f}, median {middle:.2f}'
        return text


def check_on_pictures(
    package: ModelPackage, pipeline: Pipeline, pictures: Sequence[Picture]
) -> PictureCheck:
    """Runs a model on pictures and judges what comes of it.

    Args:
        package: the model.
        pipeline: the same, open.
        pictures: a person's; none: the photographs that come with the package, on which ways to
            prepare pictures are not compared: on strange ones, what is wrong may find more.

    Raises:
        ExportError: the model is not one for pictures.
    """
    trial = try_on(pipeline, pictures)
    findings = list(judge(trial, pipeline, package.manifest))
    comparison = PreprocessingReport(None, skipped='No sample was given.')
    if pictures:
        comparison = compare_preprocessing(package, pipeline, trial.pictures)
    if comparison.warning:
        notes = sum(one.level is Level.NOTE for one in findings)
        findings.insert(len(findings) - notes, Finding(Level.WARNING, comparison.warning))
    elif pictures and comparison.skipped:
        findings.append(Finding(Level.NOTE, comparison.skipped))
    return PictureCheck(trial, comparison, tuple(findings))
