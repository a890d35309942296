from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_integration.core.datatypes import TensorSpec
from ml_integration.errors import GoldenError, ManifestError, ModelMismatchError
from ml_integration.store.package.golden import parse_golden

FILE = Path('golden.npz')
INDICES = 'golden.output_indices.scores'
SPEC = TensorSpec('images', 'float32', (1, 2))
EXPECTED = np.array([[1.0, 2.0, 4.0]], np.float32)
WHOLE: dict[str, Any] = {
    'input.images': np.array([[51, 255]], np.uint8),
    'input_divisor': 255.0,
    'output.scores': EXPECTED,
    'rtol': 0.1,
    'atol': 0.01,
}


def packed(**changes: Any) -> bytes:
    stream = io.BytesIO()
    arrays = {**WHOLE, **{k.replace('__', '.'): v for k, v in changes.items()}}
    np.savez(stream, **{k: v for k, v in arrays.items() if v is not None})
    return stream.getvalue()


def test_stored_bytes_are_divided_and_become_the_type_the_model_takes() -> None:
    array = parse_golden(packed(), FILE).inputs([SPEC])['images']
    assert array.dtype == np.float32
    np.testing.assert_allclose(array, [[0.2, 1.0]], rtol=1e-7)


def test_without_a_divisor_integers_stay_exact() -> None:
    golden = parse_golden(packed(input__images=np.array([[2**60 + 1]]), input_divisor=None), FILE)
    array = golden.inputs([TensorSpec('images', 'int64', (1, 1))])['images']
    assert array[0, 0] == 2**60 + 1


def test_only_what_is_stored_as_bytes_is_divided() -> None:
    joints = np.array([[0.5, 2.0]], np.float32)
    golden = parse_golden(packed(input__joints=joints), FILE)
    inputs = golden.inputs([SPEC, TensorSpec('joints', 'float32', (1, 2))])
    np.testing.assert_array_equal(inputs['joints'], joints)
    np.testing.assert_allclose(inputs['images'], [[0.2, 1.0]], rtol=1e-7)


def test_inputs_that_no_message_fills_may_be_in_the_sample() -> None:
    state = TensorSpec('h_in', 'float32', (1, 1))
    assert list(parse_golden(packed(), FILE).inputs([SPEC], [state])) == ['images']
    golden = parse_golden(packed(input__h_in=np.array([[3.0]])), FILE)
    assert golden.inputs([SPEC], [state])['h_in'] == np.float32(3)
    with pytest.raises(ModelMismatchError, match='got images, h_in; expected images'):
        golden.inputs([SPEC])


@pytest.mark.parametrize(
    ('spec', 'cause'),
    [
        (TensorSpec('image', 'float32', (1, 2)), 'not the inputs of the model'),  # other name
        (TensorSpec('images', 'float32', (1, 3)), 'wrong size'),
        (TensorSpec('images', 'float32', (2,)), 'wrong size'),  # other rank
    ],
)
def test_sample_for_another_model_is_refused(spec: TensorSpec, cause: str) -> None:
    with pytest.raises(ModelMismatchError, match=cause):
        parse_golden(packed(), FILE).inputs([spec])


@pytest.mark.parametrize(
    ('error', 'accepted'),
    [
        ([0, 0, 0], True),  # exact
        ([0.1, 0.2, 0.4], True),  # within rtol + atol of each value
        ([0.12, 0, 0], False),  # too far for the 1, though not for the 4
        ([0, 0, -0.42], False),  # below
        ([np.nan, 0, 0], False),
        ([0, np.inf, 0], False),
    ],
)
def test_output_has_to_be_within_the_tolerance_of_each_value(
    error: list[float], accepted: bool
) -> None:
    outputs = {'scores': EXPECTED + np.array([error], np.float32), 'more': EXPECTED}
    golden = parse_golden(packed(), FILE)
    if accepted:
        golden.compare(outputs, 'm@1')
    else:
        with pytest.raises(GoldenError, match="m@1: output 'scores' differs") as caught:
            golden.compare(outputs, 'm@1')
        assert f'{np.abs(error).max():.3g}' in str(caught.value)


@pytest.mark.parametrize(
    ('values', 'accepted'),
    [
        ([[0, 7, 0], [9, 0, 0]], True),  # positions 1 and 3
        ([[0, 7, 0], [8, 0, 0]], False),
        ([[0, 7, 0]], False),  # too few values
    ],
)
def test_with_indices_only_these_values_count(values: list[list[float]], accepted: bool) -> None:
    content = packed(
        output__scores=np.array([7.0, 9.0]), output_indices__scores=np.array([1, 3]), rtol=0.0
    )
    golden = parse_golden(content, FILE)
    if accepted:
        golden.compare({'scores': np.array(values)}, 'm@1')
    else:
        with pytest.raises((GoldenError, ModelMismatchError), match="output 'scores'"):
            golden.compare({'scores': np.array(values)}, 'm@1')


@pytest.mark.parametrize(
    'outputs',
    [
        {},  # missing
        {'other': EXPECTED},
        {'scores': EXPECTED[0]},  # rank
        {'scores': EXPECTED[:, :2]},  # size
    ],
)
def test_output_of_another_shape_is_a_mismatch(outputs: Any) -> None:
    with pytest.raises(ModelMismatchError, match='scores'):
        parse_golden(packed(), FILE).compare(outputs, 'm@1')


@pytest.mark.parametrize(
    ('content', 'key'),
    [
        (packed(input__images=None), 'golden'),  # no input
        (packed(output__scores=None), 'golden'),  # no output
        (packed(atol=-1.0), 'golden.atol'),
        (packed(rtol=np.nan), 'golden.rtol'),
        (packed(rtol='a'), 'golden.rtol'),
        (packed(rtol=[1.0, 2.0]), 'golden.rtol'),
        (packed(input_divisor=0.0), 'golden.input_divisor'),
        (packed(output__scores=np.array([np.nan])), 'golden.output.scores'),
        (packed(output__scores=np.array(['a'])), 'golden.output.scores'),
        (packed(output_indices__scores=np.array([1])), INDICES),
        (packed(output__scores=[1.0], output_indices__scores=[-1]), INDICES),
        (packed(output__scores=[1.0], output_indices__scores=[0.5]), INDICES),
    ],
)
def test_malformed_sample_is_a_manifest_error(content: bytes, key: str) -> None:
    with pytest.raises(ManifestError, match=f"'{key}' is not valid"):
        parse_golden(content, FILE)


@pytest.mark.parametrize(
    ('content', 'sentence'),
    [
        (b'', 'it is no .npz file of plain arrays: '),
        (b'PK\x03\x04 not really', 'it is no .npz file of plain arrays: '),
        (packed()[:-30], 'it is no .npz file of plain arrays: '),  # broken off
        (packed(input__images=np.array([{}], object)), 'it is no .npz file of plain arrays: '),
        (packed(rtol=None), "'golden.rtol' has no value; expected one finite number"),
        (packed(atol=None), "'golden.atol' has no value; expected one finite number"),
    ],
)
def test_what_is_no_sample_at_all_is_a_manifest_error(content: bytes, sentence: str) -> None:
    with pytest.raises(ManifestError) as caught:
        parse_golden(content, FILE)
    assert str(caught.value).startswith(f'{FILE}: {sentence}')


def test_plain_npy_file_is_no_sample() -> None:
    stream = io.BytesIO()
    np.save(stream, EXPECTED)
    with pytest.raises(ManifestError, match='npz'):
        parse_golden(stream.getvalue(), FILE)


@given(st.data())
def test_no_damage_to_a_sample_escapes_as_another_error(data: st.DataObject) -> None:
    content = bytearray(packed())
    start = data.draw(st.integers(0, len(content) - 1))
    content[start : start + data.draw(st.integers(0, 8))] = data.draw(st.binary(max_size=8))
    try:
        golden = parse_golden(bytes(content), FILE)
    except ManifestError:
        return
    assert golden.samples
    assert golden.outputs


def repacked(name: str, content: bytes, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """The sample with the content of one member replaced."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(packed())) as old, zipfile.ZipFile(stream, 'w') as new:
        for member in old.namelist():
            if member != name:
                new.writestr(member, old.read(member))
        new.writestr(name, content, method)
    return stream.getvalue()


def npy(shape: object, content: bytes = b'', descr: object = '<f8') -> bytes:
    """An array whose header claims anything."""
    header = f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape!r}, }}".encode()
    header += b' ' * (-(len(header) + 11) % 64) + b'\n'
    return b'\x93NUMPY\x01\x00' + struct.pack('<H', len(header)) + header + content


@pytest.mark.parametrize(
    ('content', 'reason'),
    [
        (npy((10**11,)), 'in 0 bytes'),  # 745 GiB
        (npy((2**62, 2**62)), 'in 0 bytes'),
        (npy((-1,), bytes(8)), 'golden'),
        (npy((2**31, 0, 2**33)), 'golden'),
        (npy((), bytes(7)), 'in 7 bytes'),
        (npy((), bytes(9)), 'in 9 bytes'),
        (npy('(' * 9000, bytes(8)), 'golden'),
        (npy((), bytes(8), [('a', '<f8')]), 'golden'),
        (npy((), bytes(8), '|O'), 'golden'),
        (npy((), bytes(16), '<c16'), 'golden.rtol'),
        (b'\x93NUMPY', 'EOF'),
        (b'\x93NUMPY\x02\x00\xff\xff\xff\xff', 'EOF'),
        (b'\x93NUMPY\x03\x00' + bytes(100), 'version'),
        (b"\x93NUMPY\x01\x00v\x00{'descr': '<f8', 'shape': (), }" + bytes(100), 'golden'),
        (b'', 'EOF'),
    ],
)
def test_an_array_that_lies_about_itself_is_refused(content: bytes, reason: str) -> None:
    with pytest.raises(ManifestError, match=reason):
        parse_golden(repacked('rtol.npy', content), FILE)


def test_what_unpacks_to_more_than_the_model_takes_is_refused_unpacked() -> None:
    bomb = repacked('input.images.npy', npy((1, 2**27), bytes(2**27), '|u1'))
    assert len(bomb) < 2**18
    with pytest.raises(ManifestError, match='134217856 bytes for 2 elements'):
        parse_golden(bomb, FILE, {'input.images': 2})


def test_what_unpacks_to_more_than_any_sample_has_is_refused_unpacked() -> None:
    bomb = bytearray(repacked('input.images.npy', npy((1, 2**20), bytes(2**20), '|u1')))
    at = bomb.rindex(b'input.images.npy') - 46 + 24  # the size in the directory
    bomb[at : at + 4] = struct.pack('<I', 2**32 - 2)
    with pytest.raises(ManifestError, match='bytes unpacked, more than'):
        parse_golden(bytes(bomb), FILE)


@pytest.mark.parametrize('method', [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_only_what_unpacks_in_bounds_is_unpacked(method: int) -> None:
    with pytest.raises(ManifestError, match='packed by method'):
        parse_golden(repacked('input.images.npy', npy((1, 2), bytes(2), '|u1'), method), FILE)


def test_an_index_beyond_any_array_is_refused() -> None:
    far = np.array([2**64 - 2], np.uint64)
    with pytest.raises(ManifestError, match='one index per output value'):
        parse_golden(packed(output__scores=[1.0], output_indices__scores=far), FILE)
