"""Says what a picture as a whole shows: class names with scores."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ml_integration.core.contracts import MessageTypes, Score, Topic
from ml_integration.core.datatypes import (
    Array,
    Geometry,
    ModelDescription,
    Prediction,
    Tensors,
    Verdict,
)
from ml_integration.core.declaration import declared
from ml_integration.ops.decoding import (
    best_first,
    check_output,
    class_count,
    softmax,
    the_output,
)
from ml_integration.ops.drawing import class_color, draw_list
from ml_integration.ops.judging import first_wrong, judge_classes, rounding, without_rounding
from ml_integration.ops.picture_input import the_picture
from ml_integration.ops.scoring.classes import AccuracyScorer


@dataclass(frozen=True, slots=True)
class Classes:
    """Likeliest classes of one picture, best first.

    Attributes:
        class_ids: (K,) int32, index into the model's labels.
        scores: (K,) float32, 0 to 1.
    """

    class_ids: npt.NDArray[np.int32]
    scores: npt.NDArray[np.float32]

    def __post_init__(self) -> None:
        kinds = (self.class_ids.dtype.name, self.scores.dtype.name)
        if kinds != ('int32', 'float32') or self.scores.shape != (len(self.class_ids),):
            raise ValueError(f'class_ids and scores are {kinds}, not equally many int32, float32')


@dataclass(frozen=True, slots=True)
class ClassesDifference:
    """Difference of two lists of classes.

    Attributes:
        disagreement: largest difference of the scores of a class, and 1 if the best one differs.
        first: best class of the first result.
        second: best class of the second result.
    """

    disagreement: float
    first: str
    second: str


class ClassesScorer:
    """Scores classes of pictures against true ones."""

    def __init__(self) -> None:
        self._scorer = AccuracyScorer()

    def add(self, result: Classes, truth: Classes) -> None:
        """Adds a picture; the scores of the truth do not count, only which class is first."""
        self._scorer.add(result.class_ids, truth.class_ids)

    def scores(self) -> list[Score]:
        """Returns the figures, the most telling first."""
        return self._scorer.scores()


class Classification:
    """Classifier with one picture as its input and one score per class as its output.

    Models trained on ImageNet mostly want `encode: {resize: crop, mean: ..., std: ...}`.
    """

    topics = (Topic('classification', 'vision_msgs/msg/Classification'),)

    @dataclass(frozen=True, slots=True)
    class Settings:
        """Settings that belong to the model."""

        top_k: int = declared(5, 'Classes that are published, the best ones.', ge=1, le=1000)
        softmax: bool = declared(False, 'The output holds logits, which need a softmax.')
        score_threshold: float = declared(0.0, 'Smallest score of a class.', ge=0.0, le=1.0)

    @dataclass(frozen=True, slots=True)
    class Row:
        """A class: its name, number and score."""

        label: str
        class_id: int
        score: float

    def __init__(self, settings: Settings, model: ModelDescription) -> None:
        self._settings = settings
        self._model = model
        the_picture(model)
        output = the_output(model)
        batch = (1,) if len(output.shape) > 1 else ()
        # A model that ends in a pooled picture gives [1, classes, 1, 1].
        pooled = (1, 1) if len(output.shape) == 4 else ()
        last = output.shape[len(batch) : len(batch) + 1] or (None,)
        classes = class_count(model, last[0], others=0)
        reads = '[1, classes], [classes] or [1, classes, 1, 1]'
        check_output(model, output, (*batch, classes, *pooled), reads)
        self._output = output.name
        self._rounding = rounding(model.outputs)
        self.batched = bool(batch)

    def postprocess(self, outputs: Tensors, geometry: Geometry) -> Classes:
        """Takes the best classes, after a softmax if there is one to apply."""
        scores = outputs[self._output].reshape(-1).astype(np.float32)
        if self._settings.softmax:
            scores = softmax(scores)
        order = best_first(scores)
        # Written so that NaN stays, for validation to report.
        order = order[~(scores[order] < self._settings.score_threshold)][: self._settings.top_k]
        return Classes(order.astype(np.int32), without_rounding(scores[order], self._rounding))

    def validate(self, result: Classes, geometry: Geometry) -> Verdict:
        """Checks scores and classes."""
        labels = len(self._model.labels)

        def describe(index: int) -> str:
            return (
                f'class {result.class_ids[index]} of {labels} has score {result.scores[index]:.6g}'
            )

        return Verdict(
            (
                *first_wrong('not_finite', ~np.isfinite(result.scores), describe),
                *judge_classes(result.scores, result.class_ids, labels, describe),
            )
        )

    def encode(
        self, prediction: Prediction, header: Any, messages: MessageTypes
    ) -> Iterator[tuple[str, Any]]:
        """Builds the message."""
        (topic,) = self.topics
        message = messages(topic.message_type)()
        hypothesis_type = messages('vision_msgs/msg/ObjectHypothesis')
        result: Classes = prediction.result
        hypotheses = []
        for class_id, score in zip(result.class_ids.tolist(), result.scores.tolist(), strict=True):
            hypothesis = hypothesis_type()
            hypothesis.class_id = self._model.label(class_id)
            hypothesis.score = score
            hypotheses.append(hypothesis)
        message.header = header
        message.results = hypotheses
        yield topic.name, message

    def rows(self, result: Classes) -> list[Row]:
        """Lists the classes, best first."""
        pairs = zip(result.class_ids.tolist(), result.scores.tolist(), strict=True)
        return [self.Row(self._model.label(class_id), class_id, s) for class_id, s in pairs]

    def compare(
        self, first: Classes, second: Classes, model: ModelDescription
    ) -> ClassesDifference:
        """Compares the best classes, and the scores of those that both have."""
        scores = (_by_label(first, self._model), _by_label(second, model))
        # A class beyond the published ones has at most the last one's score: that tells nothing.
        both = scores[0].keys() & scores[1].keys()
        apart = max((abs(scores[0][label] - scores[1][label]) for label in both), default=0.0)
        best = [next(iter(each), '') for each in scores]
        return ClassesDifference(apart + (best[0] != best[1]), *best)

    def scorer(self) -> ClassesScorer:
        """Makes a scorer that gives the accuracy."""
        return ClassesScorer()

    def draw(self, canvas: Array, result: Classes) -> None:
        """Writes the classes below one another at the top left."""
        every = zip(result.class_ids.tolist(), result.scores, strict=True)
        label = self._model.label
        draw_list(canvas, [(f'{label(i)} {score:.2f}', class_color(i)) for i, score in every])


def _by_label(result: Classes, model: ModelDescription) -> dict[str, float]:
    """Returns the scores by the name of the class, the best one first."""
    pairs = zip(result.class_ids.tolist(), result.scores.tolist(), strict=True)
    return {model.label(class_id): score for class_id, score in pairs}
