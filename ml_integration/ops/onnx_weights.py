"""Finds what an ONNX model takes from other files, without an engine and without the onnx package.

An engine that opens a model from memory looks for its external weights in the current directory,
or wherever the model says, and some engines cannot be told not to. So the whole model is walked
before an engine sees it: every place where a tensor can be, also those that no exporter uses.

Source of the numbers: onnx/onnx.proto.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ml_integration.ops.protobuf import DELIMITED, VARINT, fields, numbers_except, varint

_MODEL, _TRAINING, _FUNCTION, _GRAPH, _NODE = 'model', 'training', 'function', 'graph', 'node'
_ATTRIBUTE, _SPARSE, _TENSOR = 'attribute', 'sparse tensor', 'tensor'
# The fields of each message that lead to tensors, and the message in each.
_INTO = {
    _MODEL: {7: _GRAPH, 20: _TRAINING, 25: _FUNCTION},
    _TRAINING: {1: _GRAPH, 2: _GRAPH},
    _FUNCTION: {7: _NODE, 11: _ATTRIBUTE},
    _GRAPH: {1: _NODE, 5: _TENSOR, 15: _SPARSE},
    _NODE: {5: _ATTRIBUTE},
    _ATTRIBUTE: {
        **{5: _TENSOR, 10: _TENSOR, 6: _GRAPH, 11: _GRAPH},
        **{22: _SPARSE, 23: _SPARSE},
    },
    _SPARSE: {1: _TENSOR, 2: _TENSOR},
}
_OPERATOR = 4  # of a node
_NAME, _EXTERNAL_DATA, _DATA_LOCATION = 8, 13, 14  # of a tensor
_KEY, _VALUE = 1, 2  # of an entry of external_data
_KNOWN_KEYS = (b'location', b'offset', b'length', b'checksum')
# Initializers of the main graph, and constants in it.
_MAIN = ((_GRAPH, _TENSOR), (_GRAPH, _NODE, _ATTRIBUTE, _TENSOR))
_COUNT = re.compile(rb'[0-9]{1,18}')
_COMPILED = b'EPContext'
_NUMBERS = numbers_except(_DATA_LOCATION)
DEEPEST = 100
"""Depth of messages in messages up to which the engine reads a model."""
MOST_FIELDS = 5_000_000
"""Number of fields, apart from numbers, up to which a model is walked; it takes some seconds."""


@dataclass(frozen=True, slots=True)
class ExternalWeights:
    """Weights that a model takes from another file.

    Attributes:
        tensor: its name.
        place: the part of the model that has the tensor; empty for the main graph itself.
        location: the file, as the model writes it.
        offset: where they begin in the file.
        length: their size [bytes]; None: all the rest.
        flaw: what is odd about how the model says it; empty if nothing is.
    """

    tensor: str
    place: str = ''
    location: str = ''
    offset: int = 0
    length: int | None = None
    flaw: str = ''


@dataclass(frozen=True, slots=True)
class CompiledPart:
    """Node that holds, or names the file of, what a provider has compiled."""


def taken_from_files(model: bytes) -> Iterator[ExternalWeights | CompiledPart]:
    """Yields everything that a model takes, or may take, from other files.

    What protocol buffers would merge or ignore counts as well, so that no way of writing a model
    hides anything: a tensor is external if any of its fields says so.

    Args:
        model: the content of an ONNX file.

    Raises:
        ValueError: it is no model, or one that is too deep or too large to be looked at.
    """
    left = MOST_FIELDS
    waiting: list[tuple[tuple[str, ...], int, int]] = [((_MODEL,), 0, len(model))]
    while waiting:
        path, begin, end = waiting.pop()
        if len(path) > DEEPEST:
            raise ValueError(f'it is nested more than {DEEPEST} messages deep')
        if path[-1] == _TENSOR:
            yield from _external(model, begin, end, _place(path[1:]))
            continue
        into = _INTO[path[-1]]
        for number, wire_type, first, after in fields(model, begin, end, _NUMBERS):
            left -= 1
            if wire_type == DELIMITED and number in into:
                waiting.append(((*path, into[number]), first, after))
            elif path[-1] == _NODE and number == _OPERATOR and model[first:after] == _COMPILED:
                yield CompiledPart()
        if left < 0:
            raise ValueError(f'it has more than {MOST_FIELDS} parts')


def _external(model: bytes, begin: int, end: int, place: str) -> Iterator[ExternalWeights]:
    """Yields the file of a tensor, if it has one."""
    name, flaw, external = '', '', False
    entries: list[tuple[bytes, bytes]] = []
    for number, wire_type, first, after in fields(model, begin, end, _NUMBERS):
        if number == _NAME and wire_type == DELIMITED:
            name = _text(model[first:after])
        elif number == _EXTERNAL_DATA and wire_type == DELIMITED:
            external = True
            entries.extend(_entry(model, first, after))
        elif number == _DATA_LOCATION:
            told = varint(model, first, after)[0] if wire_type == VARINT else -1
            external |= told != 0
            if told not in (0, 1):
                flaw = f'its data location is {told}'
    if external:
        yield _weights(name, place, entries, flaw)


def _entry(model: bytes, begin: int, end: int) -> Iterator[tuple[bytes, bytes]]:
    """Yields the key and the value of an entry; each of them with every other, if repeated."""
    found: dict[int, list[bytes]] = {_KEY: [], _VALUE: []}
    for number, wire_type, first, after in fields(model, begin, end):
        if number in found and wire_type == DELIMITED:
            found[number].append(model[first:after])
    for key in found[_KEY] or [b'']:
        for value in found[_VALUE] or [b'']:
            yield key, value


def _weights(
    tensor: str, place: str, entries: Sequence[tuple[bytes, bytes]], flaw: str
) -> ExternalWeights:
    told = dict(entries)
    location = _text(told.get(b'location', b''))
    keys = [key for key, _ in entries]
    odd = [key for key in keys if key not in _KNOWN_KEYS or keys.count(key) > 1]
    offset, length = told.get(b'offset', b'0'), told.get(b'length')
    if odd:
        flaw = f"it says '{_text(odd[0])}' more than once, or nobody knows what that is"
    elif not _COUNT.fullmatch(offset) or not (length is None or _COUNT.fullmatch(length)):
        flaw = f"its place is '{_text(offset)}', '{_text(length or b'')}'"
    if flaw:
        return ExternalWeights(tensor, place, location, flaw=flaw)
    size = None if length is None else int(length)
    return ExternalWeights(tensor, place, location, int(offset), size)


def _place(path: tuple[str, ...]) -> str:
    """Returns the part of a model that a tensor at a path is in; empty for the main graph."""
    if path in _MAIN:
        return ''
    part = path[0] if path[0] != _GRAPH else ''
    return part or (_SPARSE if _SPARSE in path else 'subgraph')


def _text(data: bytes) -> str:
    return data.decode('utf-8', 'backslashreplace')
