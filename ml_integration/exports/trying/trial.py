"""Tries a model on pictures as a node would run it, and sums up what came of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from time import monotonic_ns
from typing import Any

import numpy as np

from ml_integration.core.abilities import Drawing, Listing
from ml_integration.core.arrivals import Arrival, Observation
from ml_integration.core.contracts import Task
from ml_integration.core.datatypes import Array, Prediction, Tensors
from ml_integration.core.pipeline import Pipeline
from ml_integration.errors import ExportError, FrameError
from ml_integration.exports.trying.output_values import OutputValues, values_of
from ml_integration.exports.trying.sample_pictures import Picture, own_pictures
from ml_integration.recordings.pictures import picture_message

MOST_OUTPUT = 2**30
"""Bytes of all outputs for one picture."""
LIMIT_S = 60.0
"""Time that the model may take for one picture [s]."""
KEPT = 8
"""Most pictures whose raw outputs are kept, where nobody says another number."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One picture on its way through a model.

    Attributes:
        picture: the picture.
        prediction: what the task made of the outputs, with its verdict and the stages' times.
        outputs: copies of the raw outputs, by name; empty where none were kept.
        count: number of its results, such as detections.
    """

    picture: Picture
    prediction: Prediction
    outputs: Tensors
    count: int

    @property
    def scores(self) -> Array:
        """Scores of the results (N,), for a task whose results have some."""
        return np.asarray(getattr(self.prediction.result, 'scores', ()), np.float32)


@dataclass(frozen=True, slots=True)
class HeldBack:
    """Results that would not be published, for reasons of one kind.

    Attributes:
        kind: the reason's kind, such as 'box_outside'.
        count: number of pictures.
        sentence: about the first of them.
    """

    kind: str
    count: int
    sentence: str


@dataclass(frozen=True, slots=True)
class Trial:
    """Sum of what came of some pictures.

    Attributes:
        model: the model's identity.
        attempts: one per picture that went through.
        failures: sentences about pictures that did not, such as 'a.jpg: inference failed'.
        draw: draws a result into a picture, (H, W, 3) uint8 BGR; None if the task cannot.
    """

    model: str
    attempts: tuple[Attempt, ...]
    failures: tuple[str, ...]
    draw: Callable[[Array, Any], None] | None

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """Pictures that went through."""
        return tuple(attempt.picture for attempt in self.attempts)

    @property
    def valid(self) -> int:
        """Number of pictures with a result that may be published."""
        return sum(attempt.prediction.verdict.ok for attempt in self.attempts)

    @property
    def held_back(self) -> tuple[HeldBack, ...]:
        """Reasons against results, one for each kind, the most frequent first."""
        found: dict[str, list[str]] = {}
        for attempt in self.attempts:
            kinds = {one.kind: one.detail for one in attempt.prediction.verdict.reasons}
            for kind, detail in kinds.items():
                found.setdefault(kind, []).append(f'{attempt.picture.name}: {detail}')
        ordered = sorted(found.items(), key=lambda item: -len(item[1]))
        return tuple(HeldBack(kind, len(all_), all_[0]) for kind, all_ in ordered)

    @property
    def counts(self) -> tuple[int, ...]:
        """Number of results in each picture, such as detections."""
        return tuple(attempt.count for attempt in self.attempts)

    @property
    def scores(self) -> Array:
        """Scores of all results of all pictures (N,)."""
        return np.concatenate([np.empty(0, np.float32), *(one.scores for one in self.attempts)])

    @property
    def runs(self) -> tuple[Tensors, ...]:
        """Raw outputs of the first pictures."""
        return tuple(attempt.outputs for attempt in self.attempts if attempt.outputs)

    @property
    def outputs(self) -> Mapping[str, OutputValues]:
        """Ranges of the raw outputs over these pictures, by name."""
        return values_of(self.runs)

    @property
    def stage_ms(self) -> Mapping[str, float]:
        """Median duration of each stage [ms]; the first picture, which warms up, not counted."""
        each = [attempt.prediction.stage_ms for attempt in self.attempts]
        counted = each[1:] or each
        return {
            stage: median(one[stage] for one in counted) for stage in (each[0] if each else ())
        }

    def drawn(self, attempt: Attempt) -> Array:
        """Returns a copy of a picture with its result drawn into it, where a task can draw."""
        canvas = attempt.picture.pixels.copy()
        if self.draw is not None:
            self.draw(canvas, attempt.prediction.result)
        return canvas


def try_on(pipeline: Pipeline, pictures: Sequence[Picture] = (), kept: int = KEPT) -> Trial:
    """Runs each picture through decoding, encoding, the model, its task and its validation.

    Every input that is made of messages gets the same picture; fed-back states begin with zeros
    at each one.

    Args:
        pipeline: the model.
        pictures: what to run it on; none: those that come with the package.
        kept: most pictures whose raw outputs are kept.

    Raises:
        ExportError: the model is not one for pictures.
    """
    _check_inputs(pipeline)
    task = pipeline.task
    attempts: list[Attempt] = []
    failures: list[str] = []
    for picture in pictures or own_pictures():
        work = None
        try:
            work = pipeline.prepare(observation_of(pipeline, picture))
            pipeline.infer([work], monotonic_ns() + int(LIMIT_S * 1e9))
            _check_outputs(pipeline, work.outputs)
            prediction = pipeline.finish(work)
        except FrameError as error:
            failures.append(f'{picture.name}: {error}')
            continue
        keep = len(attempts) < kept
        copies = {name: array.copy() for name, array in work.outputs.items()} if keep else {}
        attempts.append(Attempt(picture, prediction, copies, _count(task, prediction.result)))
    draw = task.draw if isinstance(task, Drawing) else None
    return Trial(str(pipeline.model.identity), tuple(attempts), tuple(failures), draw)


def _count(task: Task, result: Any) -> int:
    if hasattr(result, 'scores'):
        return len(result.scores)
    return len(task.rows(result)) if isinstance(task, Listing) else 0


def _check_outputs(pipeline: Pipeline, outputs: Tensors) -> None:
    size = sum(array.nbytes for array in outputs.values())
    if size > MOST_OUTPUT:
        raise ExportError(
            'its outputs for one picture fill the memory',
            where=str(pipeline.model.identity),
            got=f'{size} bytes',
            expected=f'at most {MOST_OUTPUT}',
        )


def takes_pictures(pipeline: Pipeline) -> bool:
    """Tells whether all messages that a model wants are pictures."""
    return all(item.sensor.kind == 'image' for item in pipeline.wiring.inputs)


def _check_inputs(pipeline: Pipeline) -> None:
    if takes_pictures(pipeline):
        return
    kinds = sorted({item.source.kind for item in pipeline.wiring.inputs})
    raise ExportError(
        'the model cannot be tried on pictures alone',
        where=str(pipeline.model.identity),
        got=f'inputs of the kinds {", ".join(kinds)}',
        expected='inputs of kind image only',
    )


def observation_of(pipeline: Pipeline, picture: Picture) -> Observation:
    """Makes what a pipeline sees of a picture, on all of its inputs."""
    arrival = Arrival(picture_message(picture.pixels), 0, 0, 0)
    arrivals = {item.tensor: (arrival,) for item in pipeline.wiring.inputs}
    return Observation('', arrival, arrivals, restarted=True)
