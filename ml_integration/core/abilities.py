"""Abilities that a task or an encoder may have besides, asked for at run time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from ml_integration.core.contracts import MessageTypes, Topic
from ml_integration.core.datatypes import (
    Array,
    Frame,
    ModelContent,
    ModelDescription,
    Prediction,
)
from ml_integration.core.score_calibration import Scored


@runtime_checkable
class Versioned(Protocol):
    """A backend that tells its engine's version: what was measured with it holds for that one."""

    def version(self) -> str:
        """Returns the version of the engine; empty if the engine is missing."""


@runtime_checkable
class Converting(Protocol):
    """A backend that makes other numbers of a model's weights; results change a little."""

    conversions: tuple[str, ...]
    """What it can make of a model, such as 'int8'."""

    def convert(self, content: ModelContent, to: str) -> bytes:
        """Returns the model file with other numbers.

        Raises:
            ModelLoadError: what it takes is not installed, or the model cannot be converted.
        """


@runtime_checkable
class Drawing(Protocol):
    """A task whose results can be drawn into a picture, or a stage that draws what it added."""

    def draw(self, canvas: Array, result: Any) -> None:
        """Draws a result into `canvas`, (H, W, 3) uint8 BGR, in place."""


@runtime_checkable
class Announcing(Protocol):
    """A task that tells something about itself once, on latched topics, such as its classes."""

    def announce(self, messages: MessageTypes) -> Iterable[tuple[str, Any]]:
        """Builds the messages, without a header, and names the topic of each."""


@runtime_checkable
class Listing(Protocol):
    """A task whose results can be written down as rows of plain values."""

    @property
    def Row(self) -> type:  # noqa: N802
        """Frozen dataclass of text, numbers and tuples of numbers."""

    def rows(self, result: Any) -> Sequence[Any]:
        """Returns a result as instances of `Row`; what is published says the same."""


class Difference(Protocol):
    """Difference of two results: a frozen dataclass of numbers and text of the task's own."""

    @property
    def disagreement(self) -> float:
        """Share of what the two say in which they do not agree, 0 to 1: nothing in common."""


@runtime_checkable
class Weighed(Protocol):
    """A difference of results that say now more and now less; any other one has the weight 1."""

    @property
    def weight(self) -> float:
        """How much both say, such as the number of objects; 0: there is nothing to compare."""


@runtime_checkable
class Comparing(Protocol):
    """A task that tells how far two results for the same messages are apart."""

    def compare(self, first: Any, second: Any, model: ModelDescription) -> Difference:
        """Compares two results, such as those of two versions of a model.

        Args:
            first: of this task.
            second: of another task of the same type.
            model: that of the second result, whose class numbers may mean other labels.
        """


@dataclass(frozen=True, slots=True)
class Score:
    """Figure that says how good results are.

    Attributes:
        name: the field's name of it, such as 'mAP50-95', 'mIoU' or 'MAE'.
        value: NaN where nothing could be scored.
        unit: such as 'm'; empty for a share or a number.
        higher_is_better: False for an error.
    """

    name: str
    value: float
    unit: str = ''
    higher_is_better: bool = True


class Scorer(Protocol):
    """Collects results with their ground truth."""

    def add(self, result: Any, truth: Any) -> None:
        """Adds a result of one observation and the truth, which is of the result's type."""

    def scores(self) -> Sequence[Score]:
        """Returns the figures for all that was added, the most telling first."""


@runtime_checkable
class Scoring(Protocol):
    """A task whose results can be scored against ground truth."""

    def scorer(self) -> Scorer:
        """Makes a scorer that has seen nothing."""


@runtime_checkable
class Reading(Protocol):
    """A task that reads results from messages like those it publishes, as ground truth comes."""

    @property
    def truths(self) -> tuple[Topic, ...]:
        """Topics that a truth consists of, named as those of the results that they are about."""

    def read(self, messages: Mapping[str, Any]) -> Any:
        """Makes a result of the messages of one stamp; called by any thread.

        Args:
            messages: one of each of `truths`, by its name.

        Raises:
            MessageError: a message contradicts itself, or says what the model cannot say.
        """


@runtime_checkable
class Translating(Protocol):
    """A task whose results have class numbers, which mean other labels in another model."""

    def translated(self, result: Any, model: ModelDescription) -> Any:
        """Returns a result of another model as this task's own model would say it.

        Args:
            result: of another task of the same type.
            model: that of the result.

        Returns:
            The same with the numbers of this model; what has no label here gets a number beyond.
        """


@runtime_checkable
class Continuing(Protocol):
    """A task that tells how steady the results of neighboring frames are."""

    def sample(self, result: Any) -> Any:
        """Copies what `flicker` needs of a result; the next frame waits for it."""

    def flicker(self, before: Any, between: Any, after: Any) -> tuple[float, float]:
        """Finds what is in one frame otherwise than in both of its neighbors.

        Args:
            before: sample of a frame.
            between: that of the next one.
            after: that of the one after it.

        Returns:
            How much that is, and of how much: objects, pixels or heads.
        """


@runtime_checkable
class Confident(Protocol):
    """A task whose scores tell how probably its best class is the right one."""

    def scored(self, result: Any, truth: Any) -> Scored | None:
        """Returns the scores of a result, and which of them is the true one.

        Args:
            result: of this task.
            truth: what should have come out, of the result's type; None: not known.

        Returns:
            None where the scores are no shares of one, or there is nothing to be told.
        """

    def confidence(self, result: Any, temperature: float) -> float:
        """Returns how probably the best class is the right one, of logits by a temperature.

        NaN where that is not known; the next frame waits for it.
        """


@runtime_checkable
class Serializing(Protocol):
    """Task that can also serialize results itself, because message objects take too long."""

    def serialize(self, prediction: Prediction, header: Any) -> Iterable[tuple[str, bytes]]:
        """Builds the messages of `Task.encode`, serialized as plain CDR."""

    def telling(self, result: Any) -> bool:
        """Tells whether a result fills every field of its messages, as a comparison needs it."""


@runtime_checkable
class Measuring(Protocol):
    """An encoder that tells something about the frames themselves, such as their brightness."""

    def measure(self, frames: Sequence[Frame]) -> Mapping[str, float]:
        """Measures the newest of an input's frames of one observation, from a sample of its data.

        The names are always the same; what cannot be told is NaN. It must cost little: the next
        frame waits for it.
        """


@runtime_checkable
class Signaling(Protocol):
    """A task that tells something about a result that needs no labels, such as its mean score."""

    def signals(self, result: Any) -> Mapping[str, float]:
        """Returns numbers whose names are always the same; what cannot be told is NaN."""
