"""Tiny TensorFlow Lite networks, written with the FlatBuffers library."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import flatbuffers
import numpy as np

CUSTOM = 32
TYPES = {'float32': 0, 'float16': 1, 'int32': 2, 'uint8': 3}


@dataclass
class Step:
    """An operator: its number in the schema or its own name, and its settings by field."""

    kind: int | str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: dict[int, tuple[str, Any]] = field(default_factory=dict)
    custom_options: bytes = b''


@dataclass
class Network:
    """Tensors of a network, with values where they are constant, and what it does with them."""

    tensors: list[tuple[str, tuple[int, ...], np.ndarray | None]] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    inputs: tuple[int, ...] = (0,)
    outputs: tuple[int, ...] = ()

    def tensor(self, *shape: int, values: np.ndarray | None = None, name: str = '') -> int:
        self.tensors.append((name or f'tensor_{len(self.tensors)}', shape, values))
        return len(self.tensors) - 1

    def constant(self, values: Any, dtype: str = 'float32') -> int:
        array = np.asarray(values, dtype)
        return self.tensor(*array.shape, values=array)

    def step(self, kind: int | str, *inputs: int, to: tuple[int, ...], **rest: Any) -> int:
        output = self.tensor(*to)
        self.steps.append(Step(kind, inputs, (output,), **rest))
        self.outputs = (output,)
        return output

    def content(self, version: int = 3, graphs: int = 1) -> bytes:
        return _Writer(self).file(version, graphs)


class _Writer:
    def __init__(self, network: Network) -> None:
        self._network = network
        self._builder = flatbuffers.Builder(1024)

    def file(self, version: int, graphs: int) -> bytes:
        builder = self._builder
        kinds = list(dict.fromkeys(step.kind for step in self._network.steps))
        buffers = [self._table({})]
        tensors = []
        for name, shape, values in self._network.tensors:
            buffer = 0
            if values is not None:
                data = builder.CreateByteVector(values.tobytes())
                buffers.append(self._table({0: ('offset', data)}))
                buffer = len(buffers) - 1
            dtype = 'float32' if values is None else values.dtype.name
            dimensions, text = self._integers(shape), builder.CreateString(name)
            tensors.append(
                self._table(
                    {
                        0: ('offset', dimensions),
                        1: ('Int8', TYPES[dtype]),
                        2: ('Uint32', buffer),
                        3: ('offset', text),
                    }
                )
            )
        steps = [self._step(step, kinds.index(step.kind)) for step in self._network.steps]
        graph = self._table(
            {
                0: ('offset', self._offsets(tensors)),
                1: ('offset', self._integers(self._network.inputs)),
                2: ('offset', self._integers(self._network.outputs)),
                3: ('offset', self._offsets(steps)),
            }
        )
        codes = self._offsets([self._code(kind) for kind in kinds])
        parts = {
            0: ('Uint32', version),
            1: ('offset', codes),
            2: ('offset', self._offsets([graph] * graphs)),
            4: ('offset', self._offsets(buffers)),
        }
        builder.Finish(self._table(parts), file_identifier=b'TFL3')
        return bytes(builder.Output())

    def _code(self, kind: int | str) -> int:
        if isinstance(kind, str):
            name = self._builder.CreateString(kind)
            return self._table({0: ('Int8', CUSTOM), 1: ('offset', name), 3: ('Int32', CUSTOM)})
        return self._table({0: ('Int8', min(kind, 127)), 3: ('Int32', kind)})

    def _step(self, step: Step, code: int) -> int:
        fields: dict[int, tuple[str, Any]] = {
            0: ('Uint32', code),
            1: ('offset', self._integers(step.inputs)),
            2: ('offset', self._integers(step.outputs)),
        }
        if step.options:
            fields[4] = ('offset', self._table(step.options))
        if step.custom_options:
            fields[5] = ('offset', self._builder.CreateByteVector(step.custom_options))
        return self._table(fields)

    def _table(self, fields: dict[int, tuple[str, Any]]) -> int:
        builder = self._builder
        builder.StartObject(max(fields, default=0) + 1)
        for place, (kind, value) in fields.items():
            if kind == 'offset':
                builder.PrependUOffsetTRelativeSlot(place, value, 0)
            else:
                # No value is left out for being the default.
                getattr(builder, f'Prepend{kind}Slot')(place, value, None)
        return int(builder.EndObject())

    def _integers(self, numbers: Sequence[int]) -> int:
        return int(self._builder.CreateNumpyVector(np.asarray(numbers, np.int32)))

    def _offsets(self, offsets: Sequence[int]) -> int:
        self._builder.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            self._builder.PrependUOffsetTRelative(offset)
        return int(self._builder.EndVector())
