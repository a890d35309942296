"""Compares the declared preparation of pictures with others: is one clearly better?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np

from ml_integration.core.datatypes import Array
from ml_integration.core.inputs import SensorInput
from ml_integration.core.pipeline import Pipeline
from ml_integration.deploy.assembly import assemble
from ml_integration.errors import ModelMismatchError, SettingError
from ml_integration.exports.trying.plausibility import Plausibility, of_classifier, of_detector
from ml_integration.exports.trying.preprocessing_choices import (
    Choice,
    declared_choice,
    other_pixels,
    other_places,
    with_choice,
)
from ml_integration.exports.trying.sample_pictures import Picture, empty_picture
from ml_integration.exports.trying.suspicion import CROWD
from ml_integration.exports.trying.trial import Trial, try_on
from ml_integration.ops.drawing import draw_text
from ml_integration.store.package.package import ModelPackage
from ml_integration.tasks.classification import Classification
from ml_integration.tasks.object_detection import ObjectDetection

FEWEST = 3
"""Number of pictures below which nothing is claimed."""
MOST_PICTURES = 8
"""Number of pictures that are enough."""
BETTER = {'detector': 1.4, 'classifier': 1.8}
"""Score by that of the declared choice from which on another one is clearly better.

Right choices came to at most 1.1 for detectors and 1.4 for classifiers, also on pictures of things
that they do not know.
"""
CONVINCING = 0.3
"""Least score of a choice that can be better."""
CONFIRMED = 0.65
"""Least share of its results that mirror images confirm."""
EQUAL = 0.9
"""Share of the best score from which on a choice is as good as the best one."""
MOSTLY = 0.75
"""Least share of the pictures on which it is better."""
SEEING = 0.8
"""Most certainty about pictures that show nothing, by that about the sample."""
BUDGET_S = 20.0
"""Time for all runs, where nobody says another one [s]."""
RUNS = 24
"""Runs of the model for one picture, about."""
STRIP_PX = 24
"""Height of what is written below a picture [px]."""
PLACES = ('letterbox', 'stretch')
"""Ways to resize that are compared; for a detector, a crop is like a longer lens."""


@dataclass(frozen=True, slots=True)
class Scored:
    """Choice with the plausibility of the results that it leads to.

    Attributes:
        trial: the pictures with their results.
    """

    choice: Choice
    plausibility: Plausibility
    trial: Trial

    @property
    def score(self) -> float:
        """Plausibility of a picture's results, 0 for none or nonsense."""
        return self.plausibility.score


@dataclass(frozen=True, slots=True)
class PreprocessingReport:
    """Comparison of the declared preparation of pictures with others.

    Attributes:
        declared: the manifest's; None if nothing was compared.
        better: another one that is clearly better, if there is one.
        scores: all that were compared, the best first.
        pictures: what they were compared on.
        skipped: why nothing was compared, as a sentence; empty if it was.
    """

    declared: Scored | None
    better: Scored | None = None
    scores: tuple[Scored, ...] = ()
    pictures: tuple[Picture, ...] = ()
    skipped: str = ''

    @property
    def warning(self) -> str:
        """Sentence with both figures; empty if nothing is clearly better."""
        if self.declared is None or self.better is None:
            return ''
        return (
            f'Pictures seem to be prepared wrongly: the declared way ({self.declared.choice}) '
            f'scores {self.declared.score:.2f} on the sample, another one '
            f'({self.better.choice}) {self.better.score:.2f}. Nothing was changed; compare the '
            f"pictures and, if they say so, correct 'encode'."
        )

    def side_by_side(self) -> Array | None:
        """Returns the picture on which they differ most, (H, W, 3) uint8 BGR.

        The results of the declared way are on the left, those of the better one on the right;
        None if nothing is better.
        """
        if self.declared is None or self.better is None:
            return None
        gain = self.better.plausibility.scores - self.declared.plausibility.scores
        picture = self.pictures[int(gain.argmax())]
        sides = [_titled(one, picture) for one in (self.declared, self.better)]
        return np.ascontiguousarray(np.hstack(sides))


def compare_preprocessing(
    package: ModelPackage,
    pipeline: Pipeline,
    pictures: Sequence[Picture],
    budget_s: float = BUDGET_S,
) -> PreprocessingReport:
    """Runs a detector or classifier on pictures that are prepared in several ways.

    Args:
        package: the model, whose manifest declares one way.
        pipeline: the same, open.
        pictures: at least three, of what it is meant for.
        budget_s: time for all runs [s]; a model that takes longer is not compared.
    """
    pictures = _different(pictures)
    skipped = _reason_to_skip(pipeline, pictures)
    if not skipped and (most := _affordable(pipeline, pictures, budget_s)) < FEWEST:
        skipped = 'The model takes too long to compare ways to prepare pictures.'
    if skipped:
        return PreprocessingReport(None, skipped=skipped)
    step = max(1, len(pictures) // most)
    pictures = pictures[::step][:most]
    comparison = _Comparison(package, pipeline, pictures)
    declared = comparison.score(comparison.declared)
    tensor = comparison.source.spec
    scored = [declared, *comparison.all_of(other_pixels(comparison.declared, tensor.dtype))]
    best = max(scored, key=lambda one: one.score)
    scored += comparison.all_of(other_places(best.choice, comparison.places))
    scored.sort(key=lambda one: -one.score)
    better = _better(scored, declared, BETTER[comparison.kind])
    if better is not None and comparison.sees_ghosts(better.choice):
        better = None
    return PreprocessingReport(declared, better, tuple(scored), tuple(pictures))


class _Comparison:
    """Runs one model with several ways to prepare pictures, on one session."""

    def __init__(
        self, package: ModelPackage, pipeline: Pipeline, pictures: Sequence[Picture]
    ) -> None:
        (item,) = pipeline.wiring.inputs
        self._package, self._pipeline, self._pictures = package, pipeline, pictures
        self.source: SensorInput = item.source
        self.declared = declared_choice(item.source, str(package.manifest.identity))
        detector = isinstance(pipeline.task, ObjectDetection)
        self.kind = 'detector' if detector else 'classifier'
        self._plausibility = of_detector if detector else of_classifier
        resize = self.declared.resize
        places = PLACES if detector else (*PLACES, 'crop')
        self.places = () if resize == 'none' else places
        self._known: set[Choice] = set()

    def all_of(self, choices: Iterable[Choice]) -> list[Scored]:
        """Scores the choices that are new and possible."""
        found = []
        for choice in choices:
            if choice in self._known:
                continue
            try:
                found.append(self.score(choice))
            except (ModelMismatchError, SettingError):  # the input does not permit it
                continue
        return found

    def sees_ghosts(self, choice: Choice) -> bool:
        """Tells whether a choice lets a detector see a crowd where there is nothing."""
        empty = try_on(self._with(choice), [empty_picture(self._pictures[0])], kept=0)
        return self.kind == 'detector' and sum(empty.counts) >= CROWD

    def _with(self, choice: Choice) -> Pipeline:
        package = with_choice(self._package, self.source.tensor, choice)
        return assemble(package, self._pipeline.session, 1)

    def score(self, choice: Choice) -> Scored:
        """Runs the model on all pictures, prepared like this."""
        self._known.add(choice)
        pipeline = self._with(choice)
        trial = try_on(pipeline, self._pictures, kept=0)
        known = {id(one.picture): one for one in trial.attempts}

        def run(picture: Picture) -> Any:
            attempt = known.get(id(picture))
            if attempt is None:
                (attempt,) = try_on(pipeline, [picture], kept=0).attempts or (None,)
            if attempt is None or not attempt.prediction.verdict.ok:
                return None
            return attempt.prediction.result

        return Scored(choice, self._plausibility(run, self._pictures), trial)


def _reason_to_skip(pipeline: Pipeline, pictures: Sequence[Picture]) -> str:
    inputs = pipeline.wiring.inputs
    kinds = (ObjectDetection, Classification)
    if len(inputs) != 1 or inputs[0].sensor.kind != 'image' or pipeline.wiring.states:
        return 'Only models of a single picture are compared.'
    if not isinstance(pipeline.task, kinds):
        return 'Ways to prepare pictures are compared for boxes and for classes of pictures only.'
    if len(pictures) < FEWEST:
        return f'Ways to prepare pictures are compared on {FEWEST} or more different pictures.'
    trial = try_on(pipeline, pictures[:1], kept=0)
    return (
        '' if trial.attempts else f'The model does not take these pictures: {trial.failures[0]}.'
    )


def _affordable(pipeline: Pipeline, pictures: Sequence[Picture], budget_s: float) -> int:
    """Returns on how many pictures the time suffices to compare."""
    start = perf_counter()
    try_on(pipeline, pictures[:FEWEST], kept=0)  # the first run, which warms up, was before
    each_s = (perf_counter() - start) / FEWEST
    return min(MOST_PICTURES, int(budget_s / (RUNS * each_s)))


def _different(pictures: Sequence[Picture]) -> list[Picture]:
    seen: dict[bytes, Picture] = {}
    for picture in pictures:
        seen.setdefault(picture.pixels.tobytes(), picture)
    return list(seen.values())


def _better(scored: Sequence[Scored], declared: Scored, ratio: float) -> Scored | None:
    """Returns what is clearly better; of equally good ones that which changes least."""
    better = [one for one in scored if _clearly_better(one, declared, ratio)]
    good = [one for one in better if one.score >= EQUAL * better[0].score]
    return min(good, key=lambda one: one.choice.differences(declared.choice), default=None)


def _clearly_better(one: Scored, declared: Scored, ratio: float) -> bool:
    mine, others = one.plausibility, declared.plausibility
    gain = mine.scores > others.scores if others.score > 0 else mine.scores > 0
    return (
        one.choice != declared.choice
        and mine.stability >= CONFIRMED
        and mine.score >= max(CONVINCING, ratio * others.score)
        and float(gain.mean()) >= MOSTLY
        and mine.blind <= SEEING
    )


def _titled(scored: Scored, picture: Picture) -> Array:
    """Returns an annotated picture with the choice written below it."""
    attempts = (one for one in scored.trial.attempts if one.picture is picture)
    attempt = next(attempts, None)
    canvas = picture.pixels if attempt is None else scored.trial.drawn(attempt)
    strip = np.full((STRIP_PX, canvas.shape[1], 3), 255, np.uint8)
    text = f'{scored.score:.2f}: {scored.choice}'
    draw_text(strip, text, (0, STRIP_PX), (255, 255, 255))
    return np.vstack([canvas, strip])
