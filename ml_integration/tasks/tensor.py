"""Publishes the outputs of a model as they are, for readers that know their meaning."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml_integration.core.contracts import MessageTypes, Topic
from ml_integration.core.datatypes import (
    Array,
    Geometry,
    ModelDescription,
    Prediction,
    Reason,
    Tensors,
    Verdict,
)
from ml_integration.core.declaration import declared
from ml_integration.errors import ModelMismatchError
from ml_integration.ops.array_messages import MESSAGE_TYPE, multi_array
from ml_integration.ops.result_signals import tensor_signals


@dataclass(frozen=True, slots=True)
class ValuesDifference:
    """Difference of outputs as they are.

    Attributes:
        disagreement: all differences together, as a share of what the values are away from zero
            in both; 1 where sizes or names differ.
        largest: difference of a value; infinite where sizes or names differ.
        magnitude: mean distance of the values from zero.
    """

    disagreement: float
    largest: float
    magnitude: float

    @property
    def weight(self) -> float:
        """The magnitude: what is next to zero differs by much of itself, and by little."""
        return self.magnitude


class Tensor:
    """Publishes each wanted output of any model on a topic of its own below `~/tensor/`.

    The message's dimensions are labeled by `dimensions`, or `<output>.0`, `<output>.1` and so on.
    Results are judged by whether they are numbers.
    """

    topics: tuple[Topic, ...] = (Topic('tensor/<output>', MESSAGE_TYPE),)

    @dataclass(frozen=True, slots=True)
    class Settings:
        """Settings for the published outputs."""

        outputs: tuple[str, ...] = declared((), 'Outputs to publish; empty: all of them.')
        dimensions: tuple[str, ...] = declared(
            (), 'Names of the dimensions of the first of these outputs.'
        )

    @dataclass(frozen=True, slots=True)
    class Row:
        """An output: its name, sizes and values, those of the last dimension side by side."""

        output: str
        shape: tuple[int, ...]
        values: tuple[float, ...]

    def __init__(self, settings: Settings, model: ModelDescription) -> None:
        specs = {spec.name: spec for spec in model.outputs}
        self._names = settings.outputs or tuple(specs)
        self._dimensions = settings.dimensions
        topics = [f'tensor/{_topic(name)}' for name in self._names]
        known = bool(topics) and all(name in specs for name in self._names)
        named = len(settings.dimensions) in (0, len(specs[self._names[0]].shape) if known else 0)
        if not known or not named or len(set(topics)) < len(topics):
            raise ModelMismatchError(
                str(model.identity),
                'the settings do not fit the outputs',
                f'outputs {list(self._names)}, dimensions {list(settings.dimensions)}',
                '; '.join(map(str, model.outputs)),
                "Correct 'settings' of the manifest; each output needs a topic of its own.",
            )
        self.topics = tuple(Topic(topic, MESSAGE_TYPE) for topic in topics)
        self.batched = all(len(spec.shape) > 0 for spec in model.outputs)

    def postprocess(self, outputs: Tensors, geometry: Geometry) -> dict[str, Array]:
        """Copies the outputs, by name, as float32: the next run writes over them."""
        with np.errstate(over='ignore'):  # gives infinity, for validation to report
            return {name: np.array(outputs[name], np.float32) for name in self._names}

    def validate(self, result: dict[str, Array], geometry: Geometry) -> Verdict:
        """Checks that all are finite numbers."""
        return Verdict(
            tuple(
                Reason('not_finite', f"{int((~np.isfinite(array)).sum())} values of '{name}'")
                for name, array in result.items()
                if not np.isfinite(array).all()
            )
        )

    def encode(
        self, prediction: Prediction, header: Any, messages: MessageTypes
    ) -> Iterator[tuple[str, Any]]:
        """Builds one message per output."""
        for topic, (name, array) in zip(self.topics, prediction.result.items(), strict=True):
            labels = self._dimensions if name == self._names[0] else ()
            labels = labels or tuple(f'{name}.{axis}' for axis in range(array.ndim))
            yield topic.name, multi_array(array, labels, messages)

    def rows(self, result: dict[str, Array]) -> list[Row]:
        """Lists the outputs."""
        return [
            self.Row(name, array.shape, tuple(array.reshape(-1).tolist()))
            for name, array in result.items()
        ]

    def compare(
        self, first: dict[str, Array], second: dict[str, Array], model: ModelDescription
    ) -> ValuesDifference:
        """Compares values of outputs of the same names and sizes."""
        shapes = [[(name, array.shape) for name, array in one.items()] for one in (first, second)]
        if shapes[0] != shapes[1]:
            return ValuesDifference(1.0, float('inf'), 1.0)
        one, other = (
            np.concatenate([np.zeros(0), *(each[name].ravel() for name in each)])
            for each in (first, second)
        )
        apart, both = np.abs(one - other), np.abs(one) + np.abs(other)
        total = float(both.sum())
        return ValuesDifference(
            float(apart.sum()) / total if total else 0.0,
            float(apart.max(initial=0.0)),
            total / max(1, both.size) / 2,
        )

    def signals(self, result: dict[str, Array]) -> dict[str, float]:
        """Tells moments of the values of each output."""
        return tensor_signals(result)


def _topic(output: str) -> str:
    """Returns an output's name as a part of a topic's name."""
    name = ''.join(c if c.isascii() and c.isalnum() else '_' for c in output).strip('_')
    return name if name[:1].isalpha() else f'output_{name}'.strip('_')
