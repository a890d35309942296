"""Says what a picture as a whole shows: class names with scores."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ml_integration.core.abilities import Scorer
from ml_integration.core.contracts import MessageTypes, Topic
from ml_integration.core.datatypes import (
    Array,
    Geometry,
    ModelDescription,
    Prediction,
    Tensors,
    Verdict,
)
from ml_integration.core.declaration import declared
from ml_integration.core.score_calibration import Scored
from ml_integration.errors import SettingError
from ml_integration.ops.calibration import softened
from ml_integration.ops.class_heads import HeadReader
from ml_integration.ops.class_numbers import renumbered
from ml_integration.ops.classes import Classes, ClassesDifference, compare_classes, joined
from ml_integration.ops.decoding import best_first, sigmoid, softmax
from ml_integration.ops.drawing import class_color, draw_list
from ml_integration.ops.flicker import classes_flicker
from ml_integration.ops.judging import first_wrong, judge_classes, rounding, without_rounding
from ml_integration.ops.picture_input import the_picture
from ml_integration.ops.reading_results import ClassNumbers, read_classes
from ml_integration.ops.result_signals import ClassMix, class_signals
from ml_integration.ops.scoring.classes import AccuracyScorer, HeadsScorer, SetScorer

MESSAGE_TYPE = 'vision_msgs/msg/Classification'
MOST_SHARE = 1.01
"""Sum of scores that are shares of one, with what float16 adds."""


@dataclass(frozen=True, slots=True)
class ClassRow:
    """A class: its name, number and score."""

    label: str
    class_id: int
    score: float


@dataclass(frozen=True, slots=True)
class HeadRow(ClassRow):
    """A class that one of several heads gives."""

    head: str


class Classification:
    """Classifier with one picture as its input and one score per class as its output.

    With `multi_label` several classes may be true, and all from `score_threshold` on are
    published: an empty message says that none is. With `heads` the classes of each head, such as
    the color and the type of a car, are on a topic of their own below `~/classification/`, so that
    the first class of a message is the best one whoever reads it.

    Models trained on ImageNet mostly want `encode: {resize: crop, mean: ..., std: ...}`.
    """

    topics: tuple[Topic, ...] = (Topic('classification', MESSAGE_TYPE),)
    Row: type[ClassRow] = ClassRow

    @dataclass(frozen=True, slots=True)
    class Settings:
        """Settings that belong to the model."""

        top_k: int = declared(
            5, 'Classes that are published, the best ones; not with multi_label.', ge=1, le=1000
        )
        softmax: bool = declared(False, 'The output holds logits, which need a softmax.')
        sigmoid: bool = declared(
            False, 'The output holds logits, which need a sigmoid, each class for itself.'
        )
        multi_label: bool = declared(
            False, 'Several classes may be true: all with score_threshold or more are published.'
        )
        score_threshold: float = declared(0.0, 'Smallest score of a class.', ge=0.0, le=1.0)
        heads: tuple[str, ...] = declared(
            (),
            'Names of the heads of a model with several, one per output in their order; the '
            'labels are those of all heads, one after another.',
        )
        head_classes: tuple[int, ...] = declared(
            (), 'Number of classes of each head where several share an output.', ge=1
        )

    def __init__(self, settings: Settings, model: ModelDescription) -> None:
        _check(settings, str(model.identity))
        self._settings = settings
        self._model = model
        the_picture(model)
        self._read = HeadReader(settings.heads, settings.head_classes, model)
        self._rounding = rounding(model.outputs)
        self._mix = ClassMix(model.labels)
        self.batched = self._read.batched
        if settings.heads:
            names = [f'classification/{name}' for name in settings.heads]
            self.topics = tuple(Topic(name, MESSAGE_TYPE) for name in names)
            self.Row = HeadRow
        labels, heads = model.labels, self._read.heads
        self._numbers = [
            ClassNumbers(labels[head.first : head.first + head.count], head.first)
            for head in heads
        ]

    def postprocess(self, outputs: Tensors, geometry: Geometry) -> Classes:
        """Takes the best classes of each head, after a softmax or sigmoid if one is to apply."""
        each = zip(self._read.heads, self._read(outputs), strict=True)
        return joined([self._best(scores, head.first) for head, scores in each])

    def _best(self, scores: Array, first: int) -> Classes:
        settings = self._settings
        if settings.softmax:
            scores = softmax(scores)
        elif settings.sigmoid:
            scores = sigmoid(scores)
        order = best_first(scores)
        # Written so that NaN stays, for validation to report.
        order = order[~(scores[order] < settings.score_threshold)]
        if not settings.multi_label:
            order = order[: settings.top_k]
        ids = (order + first).astype(np.int32)
        return Classes(ids, without_rounding(scores[order], self._rounding))

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
        """Builds a message per head."""
        hypothesis_type = messages('vision_msgs/msg/ObjectHypothesis')
        for topic, rows in zip(self.topics, self._rows(prediction.result), strict=True):
            message = messages(topic.message_type)()
            hypotheses = []
            for row in rows:
                hypothesis = hypothesis_type()
                hypothesis.class_id, hypothesis.score = row.label, row.score
                hypotheses.append(hypothesis)
            message.header = header
            message.results = hypotheses
            yield topic.name, message

    def rows(self, result: Classes) -> list[ClassRow]:
        """Lists the classes of each head, best first."""
        return [row for rows in self._rows(result) for row in rows]

    def _rows(self, result: Classes) -> Iterator[list[ClassRow]]:
        for head, classes in zip(self._read.heads, result.heads(), strict=True):
            numbers = classes.class_ids.tolist()
            ids = numbers if self._model.labels else [number - head.first for number in numbers]
            values = [
                (self._model.label(one), one, score)
                for one, score in zip(ids, classes.scores.tolist(), strict=True)
            ]
            yield [HeadRow(*one, head.name) if head.name else ClassRow(*one) for one in values]

    def compare(
        self, first: Classes, second: Classes, model: ModelDescription
    ) -> ClassesDifference:
        """Compares the best classes, and the scores of those that both have."""
        labels = self._model.label, model.label
        return compare_classes(first, second, labels, self._settings.multi_label)

    def translated(self, result: Classes, model: ModelDescription) -> Classes:
        """Returns a result of another model with the class numbers of this one."""
        return replace(result, class_ids=renumbered(result.class_ids, model, self._model))

    @property
    def truths(self) -> tuple[Topic, ...]:
        """The topic of each head."""
        return self.topics

    def read(self, messages: Mapping[str, Any]) -> Classes:
        """Reads the true classes of each head."""
        each = zip(self.topics, self._numbers, strict=True)
        return joined(
            [Classes(*read_classes(messages[topic.name], number)) for topic, number in each]
        )

    def scored(self, result: Classes, truth: Classes | None) -> Scored | None:
        """Tells the scores of the only head of a model of which one class is true."""
        settings, heads = self._settings, self._read.heads
        shares = not (settings.multi_label or settings.sigmoid) and len(heads) == 1
        if not shares or not len(result.scores) or float(result.scores.sum()) > MOST_SHARE:
            return None
        right = -1
        if truth is not None:
            if not len(truth.class_ids):
                return None
            right = next(iter(np.flatnonzero(result.class_ids == truth.class_ids[0]).tolist()), -1)
        return Scored(result.scores, right, heads[0].count - len(result.scores))

    def confidence(self, result: Classes, temperature: float) -> float:
        """Tells how probably the best class is the right one."""
        scored = self.scored(result, None)
        if scored is None:
            return float('nan')
        return float(softened(scored.scores, scored.others, temperature)[0])

    def sample(self, result: Classes) -> Array:
        """Returns the best class of each head (N,); -1 where there is none."""
        best = [int(one.class_ids[0]) if len(one.class_ids) else -1 for one in result.heads()]
        return np.array(best)

    def flicker(self, before: Array, between: Array, after: Array) -> tuple[int, int]:
        """Counts heads whose best class is another one for a frame."""
        return classes_flicker(before, between, after)

    def signals(self, result: Classes) -> dict[str, float]:
        """Tells how sure the model is of the best class, and which it is."""
        return class_signals(result, self._mix)

    def scorer(self) -> Scorer:
        """Makes a scorer that gives the accuracy, or F1 where several classes may be true."""
        several = self._settings.multi_label
        return HeadsScorer(
            {head.name: SetScorer() if several else AccuracyScorer() for head in self._read.heads}
        )

    def draw(self, canvas: Array, result: Classes) -> None:
        """Writes the classes below one another at the top left."""
        colors = [class_color(class_id) for class_id in result.class_ids.tolist()]
        lines = []
        for row, color in zip(self.rows(result), colors, strict=True):
            name = f'{row.head}: {row.label}' if isinstance(row, HeadRow) else row.label
            lines.append((f'{name} {row.score:.2f}', color))
        draw_list(canvas, lines)


def _check(settings: Classification.Settings, where: str) -> None:
    """Raises SettingError where settings contradict each other."""
    if settings.softmax and (settings.sigmoid or settings.multi_label):
        raise SettingError(
            'softmax', True, 'false, or neither sigmoid nor multi_label', where=where,
            hint='A softmax makes shares of one, of which only one class can have much.',
        )  # fmt: skip
    if settings.multi_label and not settings.score_threshold:
        raise SettingError(
            'score_threshold', 0.0, 'more than 0 with multi_label, such as 0.5', where=where
        )
