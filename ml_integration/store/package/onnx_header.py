"""Reads what an ONNX file says about itself, without an engine and without the onnx package."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ml_integration.errors import ModelLoadError
from ml_integration.ops.protobuf import DELIMITED, VARINT, fields, varint

# Field numbers of ModelProto and OperatorSetIdProto; source: onnx/onnx.proto.
_IR_VERSION, _PRODUCER_NAME, _PRODUCER_VERSION, _GRAPH, _OPSET_IMPORT = 1, 2, 3, 7, 8
_METADATA = 14
_OPSET_DOMAIN, _OPSET_VERSION = 1, 2
_KEY, _VALUE = 1, 2
MOST_METADATA = 1000
"""Entries of metadata that are read; what follows is left out."""
LONGEST_METADATA = 2**20
"""Bytes of all keys and values that are read; an entry beyond is left out."""


@dataclass(frozen=True, slots=True)
class OnnxHeader:
    """Header of an ONNX file.

    Attributes:
        ir_version: version of the file format.
        opsets: version of each operator set it uses, by domain; '' is ONNX itself.
        producer: the program that exported it, and its version.
        metadata: what its exporter wrote about it (`metadata_props`), within bounds.
    """

    ir_version: int
    opsets: Mapping[str, int]
    producer: str
    metadata: Mapping[str, str] = field(default_factory=dict)


def read_onnx_header(data: bytes, model: str) -> OnnxHeader:
    """Reads the header of a model file.

    Args:
        data: the file's content.
        model: its name, for errors.

    Raises:
        ModelLoadError: it is no ONNX model, or a part is missing.
    """
    texts = {_PRODUCER_NAME: '', _PRODUCER_VERSION: ''}
    ir_version, opsets, has_graph = None, dict[str, int](), False
    metadata = list[tuple[int, int]]()
    try:
        for number, wire_type, begin, end in fields(data, 0, len(data)):
            if (number, wire_type) == (_IR_VERSION, VARINT):
                ir_version, _ = varint(data, begin, end)
            elif wire_type != DELIMITED:
                continue
            elif number == _OPSET_IMPORT:
                domain, version = _opset(data, begin, end)
                opsets[domain] = version
            elif number == _METADATA and len(metadata) < MOST_METADATA:
                metadata.append((begin, end))
            elif number in texts:
                texts[number] = str(data[begin:end], 'utf-8')
            has_graph |= number == _GRAPH
        entries = _entries(data, metadata)
    except ValueError as error:
        raise _no_model(model) from error
    if not has_graph or ir_version is None:
        raise _no_model(model)
    return OnnxHeader(ir_version, opsets, ' '.join(filter(None, texts.values())), entries)


def _no_model(model: str) -> ModelLoadError:
    reason = 'the file is not an ONNX model, or it is truncated'
    return ModelLoadError(model, reason, 'Fetch or export it again.')


def _opset(data: bytes, begin: int, end: int) -> tuple[str, int]:
    domain, version = '', 0
    for number, wire_type, first, after in fields(data, begin, end):
        if (number, wire_type) == (_OPSET_DOMAIN, DELIMITED):
            domain = str(data[first:after], 'utf-8')
        elif (number, wire_type) == (_OPSET_VERSION, VARINT):
            version, _ = varint(data, first, after)
    return domain, version


def _entries(data: bytes, places: Sequence[tuple[int, int]]) -> dict[str, str]:
    """Returns the entries of metadata; of two with one key the later one, as engines do."""
    entries, left = dict[str, str](), LONGEST_METADATA
    for begin, end in places:
        if end - begin > left:
            continue
        left -= end - begin
        texts = {_KEY: '', _VALUE: ''}
        for number, wire_type, first, after in fields(data, begin, end):
            if number in texts and wire_type == DELIMITED:
                texts[number] = data[first:after].decode('utf-8', 'backslashreplace')
        entries[texts[_KEY]] = texts[_VALUE]
    return entries
