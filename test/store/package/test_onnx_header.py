from __future__ import annotations

import onnx
import onnx_models
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import helper

from ml_integration.errors import ModelLoadError
from ml_integration.store.package.onnx_header import (
    LONGEST_METADATA,
    MOST_METADATA,
    read_onnx_header,
)

DETECTOR = onnx_models.tiny_detector()


@pytest.mark.parametrize(
    'data',
    [
        DETECTOR,
        onnx_models.one_node('Foo', domain='my.ops'),  # two operator sets
        onnx_models.identity(opset=300, ir_version=7),  # a number of two bytes
        helper.make_model(
            onnx.load_from_string(DETECTOR).graph, producer_name='pytorch', producer_version='2.1'
        ).SerializeToString(),
        onnx.load_from_string(onnx_models.classifier()).SerializeToString(),
    ],
)
def test_header_is_what_the_onnx_package_reads(data: bytes) -> None:
    header = read_onnx_header(data, 'm')
    model = onnx.load_from_string(data)
    assert header.ir_version == model.ir_version
    assert header.opsets == {item.domain: item.version for item in model.opset_import}
    assert header.producer == f'{model.producer_name} {model.producer_version}'.strip()


def with_metadata(entries: list[tuple[str, str]]) -> bytes:
    model = onnx.load_from_string(DETECTOR)
    for key, value in entries:
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    return model.SerializeToString()


def test_metadata_is_what_the_exporter_wrote() -> None:
    data = with_metadata([('names', "{0: 'Würfel'}"), ('task', 'detect'), ('task', 'pose')])
    assert read_onnx_header(data, 'm').metadata == {'names': "{0: 'Würfel'}", 'task': 'pose'}
    assert read_onnx_header(DETECTOR, 'm').metadata == {}


def test_metadata_beyond_its_bounds_is_left_out() -> None:
    large = with_metadata([('a', 'x' * LONGEST_METADATA), ('b', 'y')])
    assert read_onnx_header(large, 'm').metadata == {'b': 'y'}
    many = with_metadata([(str(n), '') for n in range(MOST_METADATA + 5)])
    assert len(read_onnx_header(many, 'm').metadata) == MOST_METADATA


@pytest.mark.parametrize(
    'data',
    [
        b'',
        b'\x89PNG\r\n\x1a\n',  # another kind of file
        b'plain text',
        b'\xff' * 20,  # a number without an end
        DETECTOR[:-1],  # one byte short
        DETECTOR[: len(DETECTOR) // 2],
        helper.make_opsetid('', 17).SerializeToString(),  # protobuf, but no model
    ],
)
def test_what_is_no_model_is_refused(data: bytes) -> None:
    with pytest.raises(ModelLoadError, match=r'model\.bin: the file is not an ONNX model'):
        read_onnx_header(data, 'model.bin')


@given(st.binary(max_size=64))
def test_no_bytes_escape_as_another_error(data: bytes) -> None:
    try:
        header = read_onnx_header(data, 'm')
    except ModelLoadError:
        return
    assert header.ir_version >= 0
