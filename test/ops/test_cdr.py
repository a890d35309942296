"""Serialized messages, byte by byte."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_integration.errors import MessageError
from ml_integration.ops.cdr import CdrReader

LITTLE = b'\x00\x01\x00\x00'
BIG = b'\x00\x00\x00\x00'


def reader(text: str, head: bytes = LITTLE) -> CdrReader:
    """A reader of the bytes that `text` gives in hexadecimal."""
    return CdrReader(head + bytes.fromhex(text))


@pytest.mark.parametrize(
    ('head', 'text'),
    [
        (LITTLE, '07 aaaaaa feffffff ffffffff 0000c03f 01'),
        (BIG, '07 aaaaaa fffffffe ffffffff 3fc00000 01'),
    ],
)
def test_numbers_are_aligned_to_their_size_in_either_byte_order(head: bytes, text: str) -> None:
    cdr = reader(text, head)
    assert cdr.uint8('a') == 7
    assert cdr.int32('b') == -2
    assert cdr.uint32('c') == 2**32 - 1
    assert cdr.float32('d') == 1.5
    assert cdr.boolean('e') is True
    cdr.finish()


@pytest.mark.parametrize(
    ('head', 'text'),
    [
        (LITTLE, '03000000 c3a9 00 aa 01000000 00'),
        (BIG, '00000003 c3a9 00 aa 00000001 00'),
    ],
)
def test_strings_count_their_bytes_and_their_terminator(head: bytes, text: str) -> None:
    cdr = reader(text, head)
    assert cdr.string('a') == 'é'
    assert cdr.string('b') == ''
    cdr.finish()


@pytest.mark.parametrize(
    ('head', 'text'),
    [
        (LITTLE, '02000000 0000803f 00000040'),
        (BIG, '00000002 3f800000 40000000'),
    ],
)
def test_a_sequence_is_a_view_in_the_message_s_byte_order(head: bytes, text: str) -> None:
    buffer = head + bytes.fromhex(text)
    values = CdrReader(buffer).sequence('a', 'f4')
    assert values.tolist() == [1.0, 2.0]
    assert values.dtype == np.dtype('<f4' if head == LITTLE else '>f4')
    assert np.shares_memory(values, np.frombuffer(buffer, np.uint8))


@pytest.mark.parametrize('kind', [bytes, bytearray, memoryview])
def test_a_view_is_read_only_whatever_the_buffer_is(kind: Callable[[bytes], bytes]) -> None:
    values = CdrReader(kind(LITTLE + bytes.fromhex('01000000 07'))).sequence('a', 'u1')
    with pytest.raises(ValueError, match='read-only'):
        values[0] = 8


@pytest.mark.parametrize(
    ('text', 'size'),
    [
        ('00000000 05000000', 0),  # nothing to align
        ('01000000 aaaaaaaa 000000000000f03f 05000000', 1),
    ],
)
def test_only_a_sequence_with_elements_aligns_them(text: str, size: int) -> None:
    cdr = reader(text)
    assert cdr.sequence('a', 'f8').tolist() == [1.0] * size
    assert cdr.uint32('b') == 5


@pytest.mark.parametrize(
    ('head', 'got'),
    [
        ('', '0 bytes'),
        ('000100', '3 bytes'),
        ('00020000', 'PL_CDR_BE'),
        ('00030000', 'PL_CDR_LE'),
        ('00070000', 'CDR2_LE'),  # aligns and counts otherwise
        ('01000000', 'an unknown one (0x0100)'),
    ],
)
def test_another_encapsulation_is_refused_by_name(head: str, got: str) -> None:
    with pytest.raises(MessageError) as caught:
        CdrReader(bytes.fromhex(head))
    assert caught.value.field == '(encapsulation)'
    assert got in str(caught.value)


@pytest.mark.parametrize(
    ('text', 'read'),
    [
        ('', lambda cdr: cdr.uint8('x')),
        ('', lambda cdr: cdr.boolean('x')),
        ('010000', lambda cdr: cdr.int32('x')),
        ('010000', lambda cdr: cdr.uint32('x')),
        ('010000', lambda cdr: cdr.float32('x')),
        ('010000', lambda cdr: cdr.string('x')),  # the length is cut off
        ('03000000 6100', lambda cdr: cdr.string('x')),  # the text is
        ('ffffffff 6100', lambda cdr: cdr.string('x')),  # more than memory holds
        ('010000', lambda cdr: cdr.sequence('x', 'u1')),  # the length is cut off
        ('03000000 6100', lambda cdr: cdr.sequence('x', 'u1')),  # the elements are
        ('ffffffff 6100', lambda cdr: cdr.sequence('x', 'f8')),  # more than memory holds
        ('01000000', lambda cdr: cdr.sequence('x', 'f8')),  # the padding is cut off
    ],
)
def test_too_few_bytes_are_an_error_that_names_the_field(
    text: str, read: Callable[[CdrReader], object]
) -> None:
    with pytest.raises(MessageError, match=r"'x' .* bytes up to the end .* from byte \d+ on"):
        read(reader(text))


@pytest.mark.parametrize(
    ('text', 'got'),
    [
        ('00000000', 'a length of 0'),
        ('03000000 616263', 'none'),  # no terminator
        ('04000000 61006200', 'one at character 1'),  # an early one
        ('03000000 ff6100', 'invalid start byte at byte 0'),  # Latin-1
        ('04000000 eda08000', 'invalid continuation byte'),  # half a character of UTF-16
    ],
)
def test_text_that_is_no_terminated_utf_8_is_refused(text: str, got: str) -> None:
    with pytest.raises(MessageError) as caught:
        reader(text).string('frame_id')
    assert caught.value.field == 'frame_id'
    assert got in str(caught.value)


def test_a_boolean_is_0_or_1() -> None:
    assert reader('00').boolean('is_dense') is False
    with pytest.raises(MessageError, match='got 2; expected 0 or 1'):
        reader('02').boolean('is_dense')


@pytest.mark.parametrize('padding', range(4))
def test_up_to_three_bytes_may_follow(padding: int) -> None:
    cdr = reader('07' + 'aa' * padding)
    cdr.uint8('a')
    cdr.finish()


def test_more_bytes_are_a_message_of_another_definition() -> None:
    cdr = reader('07 aaaaaaaa')
    cdr.uint8('a')
    with pytest.raises(MessageError, match='4 bytes after the last field'):
        cdr.finish()


@settings(deadline=None)
@given(st.sampled_from([LITTLE, BIG]), st.binary(max_size=24), st.text('uisbU18', max_size=8))
def test_no_bytes_raise_anything_else(head: bytes, body: bytes, fields: str) -> None:
    try:
        cdr = CdrReader(head + body)
        for field in fields:
            {'u': cdr.uint8, 'i': cdr.int32, 's': cdr.string, 'b': cdr.boolean}.get(
                field, lambda name: cdr.sequence(name, {'1': 'u1', '8': 'f8'}.get(name, 'u4'))
            )(field)
        cdr.finish()
    except MessageError:
        pass
