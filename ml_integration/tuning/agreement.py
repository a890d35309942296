"""How far the results of a changed model are from those of the model as it is.

Runs as a process of its own, as a changed model may end the one that runs it.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ml_integration.core.abilities import Comparing, Listing, Score, Scorer, Scoring
from ml_integration.core.datatypes import Prediction
from ml_integration.core.pipeline import Pipeline
from ml_integration.deploy.loading import Loader
from ml_integration.deploy.proving import golden_tensors
from ml_integration.errors import MlIntegrationError
from ml_integration.serving.playback import Playback, read_recorded
from ml_integration.store.package.package import ModelPackage, read_package
from ml_integration.tuning.child import Child
from ml_integration.tuning.labels import Labels
from ml_integration.tuning.material import STEPS
from ml_integration.tuning.trial import Material, Trial
from ml_integration.tuning.worker import steps_of

AGREEMENT = 'ml_integration.tuning.agreement'
LONGEST_S, ENOUGH_S = 300.0, 120.0
"""Longest time for it; time after which the frames so far are enough [s]."""
MOST_STEPS = 5000
"""Most frames that are gone through for those with labels."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Difference of two models.

    Attributes:
        golden: largest difference of an output on the golden sample; None without a sample.
        frames: number of frames that both have results for.
        flips: those of them that have other labels.
        disagreement: the largest of a frame; None where results cannot be compared.
        score: of the changed one, with the results of the other for truth; None if there is none.
        score_name: such as 'mAP50-95'.
        labeled: number of frames whose truth was recorded.
        score_before: of the model as it is, with that truth; None if there is none.
        score_after: of the changed one, likewise.
    """

    golden: float | None
    frames: int
    flips: int
    disagreement: float | None
    score: float | None
    score_name: str = ''
    labeled: int = 0
    score_before: float | None = None
    score_after: float | None = None


def agreement(first: Trial, package: str, log: Path) -> Agreement:
    """Compares a model with a changed one in a process of its own.

    Args:
        first: the model as it is, and what to run on.
        package: folder of the changed one.
        log: where the process may write.

    Raises:
        ChildError: it cannot be done.
    """
    child = Child([AGREEMENT, package], log)
    try:
        return Agreement(**child.ask(first.line(), LONGEST_S))
    finally:
        child.end()


class _Comparison:
    """Adds up how far results are apart, frame by frame: the next run may overwrite them.

    Args:
        first: the model as it is.
        second: the changed one.
        labels: what is right.
    """

    def __init__(self, first: Pipeline, second: Pipeline, labels: Labels) -> None:
        self._first, self._second, self._labels = first, second, labels
        self._frames = self._flips = self._labeled = 0
        self._disagreement = 0.0
        # Of the changed one by the other, and of both by the labels.
        self._scorers: list[Scorer] = []
        if isinstance(first.task, Scoring):
            self._scorers = [first.task.scorer() for _ in range(3)]

    def add(self, ours: Prediction, theirs: Prediction) -> None:
        first, second = self._first, self._second
        self._frames += 1
        self._flips += _labels(first, ours) != _labels(second, theirs)
        if isinstance(first.task, Comparing):
            apart = first.task.compare(ours.result, theirs.result, second.model)
            self._disagreement = max(self._disagreement, float(apart.disagreement))
        if not self._scorers:
            return
        by_other, before, after = self._scorers
        by_other.add(theirs.result, ours.result)
        truth = self._labels.of(ours.stamp_ns)
        if truth is not None:
            self._labeled += 1
            before.add(ours.result, truth)
            after.add(theirs.result, truth)

    def agreement(self, golden: float | None) -> Agreement:
        scores = [_score(scorer) for scorer in self._scorers] or [None, None, None]
        name = next((score.name for score in scores if score is not None), '')
        values = [None if score is None else float(score.value) for score in scores]
        return Agreement(
            golden, self._frames, self._flips,
            self._disagreement if isinstance(self._first.task, Comparing) else None,
            values[0], name, self._labeled, values[1], values[2],
        )  # fmt: skip


def _compared(trial: Trial, other: Path) -> Agreement:
    packages = read_package(Path(trial.package)), read_package(other)
    loader = Loader(execution=trial.execution, reader_for=read_recorded)
    first, second = (loader.load(package) for package in packages)
    golden = _golden_difference(packages[0], first, second)
    labels = Labels(first.task, trial.material)
    steps = max(trial.material.steps, MOST_STEPS if labels.last_ns is not None else 0)
    comparison = _Comparison(first, second, labels)
    for ours, theirs in _results(replace(trial.material, steps=steps), first, second, labels):
        comparison.add(ours, theirs)
    return comparison.agreement(golden)


def _results(
    material: Material, first: Pipeline, second: Pipeline, labels: Labels
) -> Iterator[tuple[Prediction, Prediction]]:
    """Yields the results of frames that both have one for, up to the last one with a label."""
    playbacks = Playback(first, _ignore), Playback(second, _ignore)
    until_s = time.monotonic() + ENOUGH_S
    for number, step in enumerate(steps_of(material, first)):
        late = labels.last_ns is not None and step[-1][1].stamp_ns > labels.last_ns
        if number >= STEPS and (late or time.monotonic() > until_s):
            return
        for topic, recorded in step:
            ours, theirs = (one.play(topic, recorded) for one in playbacks)
            for a, b in zip(ours, theirs, strict=False):
                if a.prediction is not None and b.prediction is not None:
                    yield a.prediction, b.prediction


def _golden_difference(package: ModelPackage, first: Pipeline, second: Pipeline) -> float | None:
    inputs = golden_tensors(package, first)
    if inputs is None:
        return None
    ours = {name: np.array(array) for name, array in first.session.run(inputs).items()}
    theirs = second.session.run(inputs)
    return max(
        float(np.abs(array.astype(np.float64) - theirs[name]).max(initial=0.0))
        for name, array in ours.items()
        if array.shape == theirs[name].shape
    )


def _labels(pipeline: Pipeline, prediction: Prediction) -> Counter[str]:
    task = pipeline.task
    rows = task.rows(prediction.result) if isinstance(task, Listing) else ()
    return Counter(str(row.label) for row in rows if hasattr(row, 'label'))


def _score(scorer: Scorer) -> Score | None:
    score = next(iter(scorer.scores()), None)
    return score if score is not None and np.isfinite(score.value) else None


def _ignore(sentence: str) -> None:
    """Tells nobody: what a model says of frames has been seen by whoever made the recording."""


def main() -> int:
    """Answers the trial on stdin with the difference to the package of the command line."""
    try:
        answer: dict[str, Any] = asdict(_compared(Trial.read(input()), Path(sys.argv[1])))
    except MlIntegrationError as error:
        answer = {'refusal': str(error)}
    print(json.dumps(answer), flush=True)
    return 0


if __name__ == '__main__':
    sys.exit(main())
