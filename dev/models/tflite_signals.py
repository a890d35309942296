"""Hand out the tensors of a .tflite network to ONNX nodes in the layout that each of them needs.

TensorFlow Lite has channels last, ONNX has them first. What has four axes is kept channels first
from the first layer to the last; a Transpose is added only where a step or an output needs the
order of the file.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dev.models.errors import TfliteError
from dev.models.onnx_graph import GraphBuilder, Value
from dev.models.tflite_file import Network, Operator

FIRST_FROM_LAST = (0, 3, 1, 2)
LAST_FROM_FIRST = (0, 2, 3, 1)


class Signals:
    """The tensors known so far, by number, in the file's order and with channels first."""

    def __init__(self, graph: GraphBuilder, network: Network) -> None:
        """Begin with the network's inputs, in the file's order and by their own names."""
        self._graph = graph
        self._network = network
        self._constants = {
            number: tensor.constant
            for number, tensor in enumerate(network.tensors)
            if tensor.constant is not None
        }
        self._as_written: dict[int, str] = {
            number: network.tensors[number].name for number in network.inputs
        }
        self._channels_first: dict[int, str] = {}

    def shape(self, number: int) -> tuple[int, ...]:
        """Shape of a tensor as the file has it."""
        return self._network.tensors[number].shape

    def is_constant(self, number: int) -> bool:
        """Tells whether the file, and not a step, gives the values."""
        return number in self._constants

    def constant(self, operator: Operator, place: int) -> NDArray[Any]:
        """Return the values of an operator's input, which must be constant."""
        number = self.input(operator, place)
        if number not in self._constants:
            raise TfliteError(f'{operator.place}: input {place} must be constant and is computed')
        return self._constants[number]

    def set_constant(self, number: int, values: NDArray[Any]) -> None:
        """Note what a step over constants alone gives."""
        self._constants[number] = values

    @staticmethod
    def input(operator: Operator, place: int) -> int:
        """Return the number of an operator's input."""
        if place >= len(operator.inputs) or operator.inputs[place] < 0:
            raise TfliteError(f'{operator.place} has no input {place}')
        return operator.inputs[place]

    def channels_first(self, number: int) -> Value:
        """Return a tensor of four axes as (batch, channels, height, width)."""
        batch, height, width, channels = self.shape(number)
        shape = (batch, channels, height, width)
        if number not in self._channels_first:
            name = f'{self._known(number)}.channels_first'
            self._moved(self._known(number), name, shape, FIRST_FROM_LAST)
            self._channels_first[number] = name
        return Value(self._channels_first[number], shape)

    def as_written(self, number: int) -> Value:
        """Return a tensor in the file's order."""
        if number not in self._as_written:
            source = self._channels_first.get(number) or self._known(number)
            name = self._written_name(number) or f'{source}.channels_last'
            self._moved(source, name, self.shape(number), LAST_FROM_FIRST)
            self._as_written[number] = name
        return Value(self._as_written[number], self.shape(number))

    def natural(self, number: int) -> Value:
        """Return a tensor channels first if it has four axes, else as written."""
        has_channels = len(self.shape(number)) == 4
        return self.channels_first(number) if has_channels else self.as_written(number)

    def define(self, number: int, name: str) -> Value:
        """Name the natural form of a tensor that the next node computes."""
        if len(self.shape(number)) == 4:
            self._channels_first[number] = name
            return self.channels_first(number)
        return self.define_as_written(number, name)

    def define_as_written(self, number: int, name: str) -> Value:
        """Name a tensor that the next node computes in the file's order."""
        self._as_written[number] = self._written_name(number) or name
        return self.as_written(number)

    def _written_name(self, number: int) -> str | None:
        is_output = number in self._network.outputs
        return self._network.tensors[number].name if is_output else None

    def _known(self, number: int) -> str:
        if number not in self._as_written:
            name = self._network.tensors[number].name
            raise TfliteError(f'tensor {number} {name!r} is used before anything computes it')
        return self._as_written[number]

    def _moved(
        self, source: str, name: str, shape: tuple[int, ...], order: tuple[int, ...]
    ) -> None:
        # With one pixel or one channel the values lie the same way in both orders.
        if np.prod(shape[1:]) == max(shape[1:]):
            self._graph.node(
                'Reshape', [source, self._graph.integers(f'{name}.shape', shape)], [name]
            )
        else:
            self._graph.node('Transpose', [source], [name], perm=list(order))
