"""How far the results of a changed model are from those of the model as it is.

Runs as a process of its own, as a changed model may end the one that runs it.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ml_integration.core.abilities import Comparing, Listing, Scoring
from ml_integration.core.datatypes import Prediction
from ml_integration.core.pipeline import Pipeline
from ml_integration.deploy.loading import Loader
from ml_integration.deploy.proving import golden_tensors
from ml_integration.errors import MlIntegrationError
from ml_integration.serving.playback import Playback, read_recorded
from ml_integration.store.package.package import ModelPackage, read_package
from ml_integration.tuning.child import Child
from ml_integration.tuning.trial import Trial
from ml_integration.tuning.worker import steps_of

AGREEMENT = 'ml_integration.tuning.agreement'
LONGEST_S = 300.0
"""Longest time for it [s]."""


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
    """

    golden: float | None
    frames: int
    flips: int
    disagreement: float | None
    score: float | None
    score_name: str = ''


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


def _compared(trial: Trial, other: Path) -> Agreement:
    packages = read_package(Path(trial.package)), read_package(other)
    loader = Loader(execution=trial.execution, reader_for=read_recorded)
    first, second = (loader.load(package) for package in packages)
    golden = _golden_difference(packages[0], first, second)
    pairs = list(_results(trial, first, second))
    flips = sum(_labels(first, a) != _labels(second, b) for a, b in pairs)
    disagreement = None
    if isinstance(first.task, Comparing):
        of_frames = [
            first.task.compare(a.result, b.result, second.model).disagreement for a, b in pairs
        ]
        disagreement = float(max(of_frames, default=0.0))
    score, name = _score(first, pairs)
    return Agreement(golden, len(pairs), flips, disagreement, score, name)


def _results(
    trial: Trial, first: Pipeline, second: Pipeline
) -> list[tuple[Prediction, Prediction]]:
    """Returns the results of frames that both have one for."""
    playbacks = Playback(first, _ignore), Playback(second, _ignore)
    pairs = []
    for step in steps_of(trial.material, first):
        for topic, recorded in step:
            ours, theirs = (one.play(topic, recorded) for one in playbacks)
            pairs += [
                (a.prediction, b.prediction)
                for a, b in zip(ours, theirs, strict=False)
                if a.prediction is not None and b.prediction is not None
            ]
    return pairs


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


def _score(
    pipeline: Pipeline, pairs: list[tuple[Prediction, Prediction]]
) -> tuple[float | None, str]:
    if not isinstance(pipeline.task, Scoring) or not pairs:
        return None, ''
    scorer = pipeline.task.scorer()
    for truth, prediction in pairs:
        scorer.add(prediction.result, truth.result)
    score = next(iter(scorer.scores()), None)
    if score is None or not np.isfinite(score.value):
        return None, ''
    return float(score.value), score.name


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
