"""Reads what an ONNX file says about itself, without an engine and without the onnx package."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ml_integration.errors import ModelLoadError

# Field numbers of ModelProto and OperatorSetIdProto; source: onnx/onnx.proto.
_IR_VERSION, _PRODUCER_NAME, _PRODUCER_VERSION, _GRAPH, _OPSET_IMPORT = 1, 2, 3, 7, 8
_OPSET_DOMAIN, _OPSET_VERSION = 1, 2


@dataclass(frozen=True, slots=True)
class OnnxHeader:
    """Header of an ONNX file.

    Attributes:
        ir_version: version of the file format.
        opsets: version of each operator set it uses, by domain; '' is ONNX itself.
        producer: the program that exported it, and its version.
    """

    ir_version: int
    opsets: Mapping[str, int]
    producer: str


def read_onnx_header(data: bytes, model: str) -> OnnxHeader:
    """Reads the header of a model file.

    Args:
        data: the file's content.
        model: its name, for errors.

    Raises:
        ModelLoadError: it is no ONNX model, or a part is missing.
    """
    numbers: dict[int, int] = {}
    texts: dict[int, str] = {}
    opsets: dict[str, int] = {}
    parts = set()
    try:
        for field, value in _fields(memoryview(data)):
            parts.add(field)
            if isinstance(value, int):
                numbers[field] = value
            elif field == _OPSET_IMPORT:
                domain, version = _opset(value)
                opsets[domain] = version
            elif field in (_PRODUCER_NAME, _PRODUCER_VERSION):
                texts[field] = str(value, 'utf-8')
    except (ValueError, IndexError) as error:
        raise _no_model(model) from error
    if _GRAPH not in parts or _IR_VERSION not in numbers:
        raise _no_model(model)
    producer = f'{texts.get(_PRODUCER_NAME, "")} {texts.get(_PRODUCER_VERSION, "")}'.strip()
    return OnnxHeader(numbers[_IR_VERSION], opsets, producer)


def _no_model(model: str) -> ModelLoadError:
    reason = 'the file is not an ONNX model, or it is truncated'
    return ModelLoadError(model, reason, 'Fetch or export it again.')


def _opset(data: memoryview) -> tuple[str, int]:
    domain, version = '', 0
    for field, value in _fields(data):
        if field == _OPSET_DOMAIN and isinstance(value, memoryview):
            domain = str(value, 'utf-8')
        elif field == _OPSET_VERSION and isinstance(value, int):
            version = value
    return domain, version


def _fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yields field numbers and values of a protobuf message.

    Source: protobuf.dev/programming-guides/encoding. Raises ValueError or IndexError when the
    message is broken.
    """
    position = 0
    while position < len(data):
        key, position = _varint(data, position)
        field, wire_type = key >> 3, key & 7
        if wire_type == 0:
            number, position = _varint(data, position)
            yield field, number
            continue
        size = {1: 8, 5: 4}.get(wire_type)
        if wire_type == 2:
            size, position = _varint(data, position)
        if field == 0 or size is None or position + size > len(data):
            raise ValueError(f'field {field} of type {wire_type} at {position}')
        yield field, data[position : position + size]
        position += size


def _varint(data: memoryview, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise ValueError(f'number without an end at {position}')
