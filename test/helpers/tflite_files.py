"""Tiny TensorFlow Lite networks."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Any

import numpy as np

CUSTOM = 32
TYPES = {'float32': 0, 'float16': 1, 'int32': 2, 'uint8': 3}


@dataclass
class Step:
    """An operator: its number in the schema or its own name, and its settings by field.

    ('i', 2) is an int32.
    """

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
        """The file, with as many copies of the graph."""
        kinds = list(dict.fromkeys(step.kind for step in self.steps))
        buffers: list[dict[int, Any]] = [{}]
        tensors = []
        for name, shape, values in self.tensors:
            if values is not None:
                buffers.append({0: values.tobytes()})
            kind = TYPES['float32' if values is None else values.dtype.name]
            buffer = 0 if values is None else len(buffers) - 1
            tensors.append({0: shape, 1: ('b', kind), 2: ('I', buffer), 3: name})
        steps = [_step_table(step, kinds.index(step.kind)) for step in self.steps]
        graph = {0: tensors, 1: self.inputs, 2: self.outputs, 3: steps}
        codes = [_code_table(kind) for kind in kinds]
        root = {0: ('I', version), 1: codes, 2: [graph] * graphs, 4: buffers}
        file = bytearray(b'\0\0\0\0TFL3')
        struct.pack_into('<I', file, 0, _put(file, root))
        return bytes(file)


def _code_table(kind: int | str) -> dict[int, Any]:
    if isinstance(kind, str):
        return {0: ('b', CUSTOM), 1: kind, 3: ('i', CUSTOM)}
    return {0: ('b', min(kind, 127)), 3: ('i', kind)}


def _step_table(step: Step, code: int) -> dict[int, Any]:
    table: dict[int, Any] = {0: ('I', code), 1: step.inputs, 2: step.outputs}
    if step.options:
        table[4] = step.options
    if step.custom_options:
        table[5] = step.custom_options
    return table


def _put(file: bytearray, value: Any) -> int:
    """Appends a value of a FlatBuffer with all that it points at; returns where it is.

    A dict is a table, a list holds tables and a tuple integers; fields of a table are a pair of
    struct format and number, or such a value.
    """
    file.extend(bytes(-len(file) % 4))
    if isinstance(value, dict):
        return _put_table(file, value)
    start = len(file)
    content = value.encode() if isinstance(value, str) else value
    file += struct.pack('<I', len(content))
    if isinstance(content, bytes):
        file += content + b'\0' * isinstance(value, str)
    elif isinstance(content, tuple):
        file += np.asarray(content, '<i4').tobytes()
    else:
        file += bytes(4 * len(content))
        for number, item in enumerate(content, 1):
            _point(file, start + 4 * number, item)
    return start


def _put_table(file: bytearray, fields: dict[int, Any]) -> int:
    count = max(fields, default=-1) + 1
    places = {number: 4 * slot for slot, number in enumerate(fields, 1)}
    header = struct.pack('<2H', 4 + 2 * count, 4 + 4 * len(fields))
    offsets = [places.get(number, 0) for number in range(count)]
    listed = header + struct.pack(f'<{count}H', *offsets)
    begin = len(file)
    file += listed + bytes(-len(listed) % 4)
    start = len(file)
    file += struct.pack('<i', start - begin) + bytes(4 * len(fields))
    for number, value in fields.items():
        place = start + places[number]
        if isinstance(value, tuple) and value and isinstance(value[0], str):
            struct.pack_into(f'<{value[0]}', file, place, value[1])
        else:
            _point(file, place, value)
    return start


def _point(file: bytearray, place: int, value: Any) -> None:
    struct.pack_into('<I', file, place, _put(file, value) - place)
