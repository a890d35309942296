"""No way of writing a model hides that it takes weights from a file."""

from __future__ import annotations

import re

import onnx
import onnx_models
import pytest
from hidden_weights import Path, external, hidden, paths, with_tensor
from onnx import helper

from ml_integration.ops import onnx_weights
from ml_integration.ops.onnx_weights import CompiledPart, ExternalWeights, taken_from_files


def found(model: bytes) -> list[ExternalWeights | CompiledPart]:
    return list(taken_from_files(model))


def part(field: int, content: bytes) -> bytes:
    """One field with a message or text in it, of less than 2^14 bytes."""
    size = len(content)
    return bytes([field << 3 & 0x7F | 0x82, field >> 4, size & 0x7F | 0x80, size >> 7]) + content


def in_graph(*tensors: bytes) -> bytes:
    """A model that is nothing but initializers."""
    return part(7, b''.join(part(5, tensor) for tensor in tensors))


def entry(key: bytes, value: bytes) -> bytes:
    return part(13, part(1, key) + part(2, value))


HERE = entry(b'location', b'weights.bin')
ELSEWHERE = entry(b'location', b'elsewhere')
SAID = b'\x70\x01'  # data_location: EXTERNAL


@pytest.mark.parametrize('path', sorted(paths()), ids='.'.join)
def test_every_place_that_the_onnx_package_knows_is_looked_at(path: Path) -> None:
    (one,) = found(with_tensor(path, external(offset='4', length='8')))
    assert isinstance(one, ExternalWeights)
    assert (one.location, one.offset, one.length, one.flaw) == ('weights.bin', 4, 8, '')
    main = [('graph', 'initializer')]
    main.extend(('graph', 'node', 'attribute', field) for field in ('t', 'tensors'))
    assert (one.place == '') == (path in main)


def test_models_without_external_weights_have_none() -> None:
    for model in (
        onnx_models.tiny_detector(),
        onnx_models.quantized_classifier(),
        onnx_models.endless_where_positive(),
    ):
        assert found(model) == []


@pytest.mark.parametrize(
    'tensor',
    [
        SAID,  # it does not say which file
        HERE,  # it does not say that it is there
        b'\x70\x00' + SAID,
        SAID + b'\x70\x00',  # the last one wins
        SAID + b'\x70\x05',  # a value that is no such location leaves the one before
        b'\x70\x81\x80\x80\x80\x10',  # 1 in 32 bits
        b'\x70\x81\x80\x80\x80\x80\x80\x80\x80\x80\x00',  # 1 in ten bytes
        b'\x72\x01\x01',  # as if it was a list
        b'\x75\x01\x00\x00\x00',  # a number of another kind
        b'\xf0\x80\x00\x01',  # the field in three bytes
        part(9, bytes(12)) + SAID + HERE,  # weights inside, too
    ],
)
def test_a_tensor_that_may_be_external_is(tensor: bytes) -> None:
    assert len(found(in_graph(part(8, b'a'), tensor, part(8, b'b')))) == 1


@pytest.mark.parametrize(
    'tensor',
    [
        SAID + HERE + ELSEWHERE,  # the last one wins
        SAID + HERE + HERE,
        SAID + part(13, part(1, b'location') + part(2, b'weights.bin') + part(2, b'elsewhere')),
        SAID + part(13, part(1, b'offset') + part(1, b'location') + part(2, b'elsewhere')),
        SAID + HERE + entry(b'Location', b'elsewhere'),
        SAID + HERE + entry(b'prepacked_0', b'key|0;4;'),  # what the engine has prepared
        SAID + HERE + entry(b'offset', b'-4'),
        SAID + HERE + entry(b'offset', b''),
        SAID + HERE + entry(b'length', b'0x4'),
        SAID + HERE + entry(b'length', b'4 '),
        SAID + HERE + entry(b'length', '٤'.encode()),  # a digit, but not for everybody
        SAID + HERE + entry(b'length', b'9' * 19),
        HERE + b'\x70\x02',
    ],
)
def test_an_odd_description_is_a_flaw(tensor: bytes) -> None:
    (one,) = found(in_graph(tensor))
    assert isinstance(one, ExternalWeights)
    assert one.flaw


def test_messages_that_would_be_merged_are_all_looked_at() -> None:
    plain = with_tensor(('graph', 'initializer'), onnx.TensorProto(name='v', dims=[0]))
    assert len(found(plain + hidden('initializer'))) == 1  # a second graph adds to the first
    attribute = part(1, b'value') + part(5, HERE) + part(5, SAID)  # t, written in two parts
    assert len(found(part(7, part(1, part(5, attribute))))) == 2


def test_an_unknown_field_hides_nothing_and_holds_nothing() -> None:
    model = hidden('branch')
    assert len(found(part(99, b'\xff\xff') + model + part(99, model))) == 1
    assert found(part(99, model)) == []


@pytest.mark.parametrize('place', ['initializer', 'constant', 'branch', 'function', 'sparse'])
def test_a_model_with_a_byte_missing_is_none(place: str) -> None:
    model = hidden(place)
    for cut in range(1, len(model)):
        try:
            assert len(found(model[:cut])) <= 1
        except ValueError:
            continue
    with pytest.raises(ValueError, match='ends at'):
        found(model[:-1])


def test_a_node_that_a_provider_has_compiled_is_found() -> None:
    node = helper.make_node('EPContext', ['x'], ['y'], domain='com.microsoft', embed_mode=0)
    graph = helper.make_graph([node], 'g', [], [])
    assert found(helper.make_model(graph).SerializeToString()) == [CompiledPart()]


def test_depth_and_size_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = b''
    for _ in range(40):
        graph = part(1, part(5, part(6, graph)))
    with pytest.raises(ValueError, match=re.escape('more than 100 messages deep')):
        found(part(7, graph))
    monkeypatch.setattr(onnx_weights, 'MOST_FIELDS', 10)
    with pytest.raises(ValueError, match='more than 10 parts'):
        found(part(8, b'') * 20)
