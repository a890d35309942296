"""Serialized messages, byte by byte."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_integration.errors import MessageError
from ml_integration.ops import cdr

LITTLE = b'\x00\x01\x00\x00'
BIG = b'\x00\x00\x00\x00'

Kind = Callable[[str, str], list[cdr.Step]]
"""The steps of one field, from a byte order and its name."""


def number(code: str) -> Kind:
    return lambda order, field: [cdr.numbers(order, [(field, code)])]


def boolean(order: str, field: str) -> list[cdr.Step]:
    return [cdr.numbers(order, [(field, 'B')]), cdr.boolean(field)]


def text(order: str, field: str) -> list[cdr.Step]:
    return [cdr.numbers(order, [(field, 'I')]), cdr.text(field, 5)]


def array(dtype: str, count: int | None = None) -> Kind:
    def steps(order: str, field: str) -> list[cdr.Step]:
        length = [cdr.numbers(order, [(field, 'I')])] if count is None else []
        return [*length, cdr.view(field, np.dtype(order + dtype), count, 4)]

    return steps


def texts(order: str, field: str) -> list[cdr.Step]:
    element = cdr.Plan(text(order, ''), (), exact=False)
    return [cdr.numbers(order, [(field, 'I')]), cdr.repeat(field, element, None, 4)]


KINDS = {
    'boolean': boolean,
    'text': text,
    'texts': texts,
    **{code: number(code) for code in 'BiIfdq'},
    **{dtype: array(dtype) for dtype in ('u1', 'f4', 'f8', '?')},
    'f8[2]': array('f8', 2),
}


def read(hexadecimal: str, *kinds: str, head: bytes = LITTLE) -> list[Any]:
    """Reads fields 'a', 'b', ... of these kinds from the bytes behind `head`."""
    buffer = head + bytes.fromhex(hexadecimal)
    order = cdr.byte_order(buffer)
    steps = [
        step
        for field, kind in zip('abcdefgh', kinds, strict=False)
        for step in KINDS[kind](order, field)
    ]
    fold = (0, len(kinds), list)
    values: list[Any] = cdr.Plan(steps, [fold], exact=True).read(buffer)
    return values


@pytest.mark.parametrize(
    ('head', 'hexadecimal'),
    [
        (LITTLE, '07 aaaaaa feffffff ffffffff 0000c03f 01'),
        (BIG, '07 aaaaaa fffffffe ffffffff 3fc00000 01'),
    ],
)
def test_numbers_are_aligned_to_their_size_in_either_byte_order(
    head: bytes, hexadecimal: str
) -> None:
    values = read(hexadecimal, 'B', 'i', 'I', 'f', 'boolean', head=head)
    assert values == [7, -2, 2**32 - 1, 1.5, True]
    assert values[-1] is True


@pytest.mark.parametrize('start', range(8))
def test_a_run_of_numbers_is_the_numbers_one_by_one_wherever_it_begins(start: int) -> None:
    codes = [('a', 'B'), ('b', 'd'), ('c', 'H'), ('d', 'I'), ('e', 'q')]
    buffer = bytes(range(64))
    singly: list[Any] = []
    position = start + cdr.HEADER_BYTES
    for item in codes:
        position = cdr.numbers('<', [item])(buffer, position, singly)
    together: list[Any] = []
    end = cdr.numbers('<', codes)(buffer, start + cdr.HEADER_BYTES, together)
    assert (together, end) == (singly, position)


@pytest.mark.parametrize(
    ('head', 'hexadecimal'),
    [
        (LITTLE, '03000000 c3a9 00 aa 01000000 00'),
        (BIG, '00000003 c3a9 00 aa 00000001 00'),
    ],
)
def test_strings_count_their_bytes_and_their_terminator(head: bytes, hexadecimal: str) -> None:
    assert read(hexadecimal, 'text', 'text', head=head) == ['é', '']


@pytest.mark.parametrize(
    ('head', 'hexadecimal'),
    [
        (LITTLE, '02000000 0000803f 00000040'),
        (BIG, '00000002 3f800000 40000000'),
    ],
)
def test_a_sequence_is_a_read_only_view_in_the_message_s_byte_order(
    head: bytes, hexadecimal: str
) -> None:
    order = '<' if head == LITTLE else '>'
    buffer = head + bytes.fromhex(hexadecimal)
    values = cdr.Plan(array('f4')(order, 'a'), (), exact=True).read(buffer)
    assert values.tolist() == [1.0, 2.0]
    assert values.dtype == np.dtype(order + 'f4')
    assert np.shares_memory(values, np.frombuffer(buffer, np.uint8))
    with pytest.raises(ValueError, match='read-only'):
        values[0] = 8


@pytest.mark.parametrize(
    ('hexadecimal', 'size'),
    [
        ('00000000 05000000', 0),  # nothing to align
        ('01000000 aaaaaaaa 000000000000f03f 05000000', 1),
    ],
)
def test_only_a_sequence_with_elements_aligns_them(hexadecimal: str, size: int) -> None:
    values, number = read(hexadecimal, 'f8', 'I')
    assert values.tolist() == [1.0] * size
    assert number == 5


def test_an_array_of_fixed_size_has_no_length_in_front() -> None:
    number, values = read('05' + 'aa' * 7 + '000000000000f03f' * 2, 'B', 'f8[2]')
    assert (number, values.tolist()) == (5, [1.0, 1.0])


def test_an_array_of_texts_is_a_tuple() -> None:
    assert read('02000000 02000000 6100 aaaa 01000000 00', 'texts') == [('a', '')]


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
        cdr.byte_order(bytes.fromhex(head))
    assert caught.value.field == '(encapsulation)'
    assert got in str(caught.value)


@pytest.mark.parametrize(
    ('hexadecimal', 'kind'),
    [
        ('', 'B'),
        ('', 'boolean'),
        ('010000', 'i'),
        ('010000', 'I'),
        ('010000', 'f'),
        ('01000000 00', 'd'),
        ('010000', 'text'),  # the length is cut off
        ('03000000 6100', 'text'),  # the text is
        ('ffffffff 6100', 'text'),  # more than memory holds
        ('010000', 'u1'),  # the length is cut off
        ('03000000 6100', 'u1'),  # the elements are
        ('04000000 6100', 'f8'),
        ('01000000', 'f8'),  # the padding is cut off
        ('01000000 00', 'f8[2]'),
    ],
)
def test_too_few_bytes_are_an_error_that_names_the_field(hexadecimal: str, kind: str) -> None:
    with pytest.raises(MessageError, match=r"'a' .* bytes up to the end .* from byte \d+ on"):
        read(hexadecimal, kind)


def test_of_a_run_the_first_number_that_is_cut_off_is_named() -> None:
    run = cdr.numbers('<', [('a', 'B'), ('b', 'I'), ('c', 'I')])
    with pytest.raises(MessageError, match=r"'b' .*2 bytes up .*4 from byte 8 on"):
        cdr.Plan([run], (), exact=True).read(LITTLE + bytes(6))


@pytest.mark.parametrize(
    ('hexadecimal', 'field'),
    [
        ('01000000 0300', 'a[0]'),
        ('02000000 02000000 6100 aaaa 03000000 6100', 'a[1]'),
        ('04000000 02000000 6100 aaaa', 'a[1]'),
    ],
)
def test_of_an_array_the_element_is_named(hexadecimal: str, field: str) -> None:
    with pytest.raises(MessageError) as caught:
        read(hexadecimal, 'texts')
    assert caught.value.field == field


@pytest.mark.parametrize(
    ('hexadecimal', 'kind'),
    [('05000000' + '00' * 5, 'u1'), ('05000000', 'texts'), ('07000000 61616161616100', 'text')],
)
def test_more_than_the_definition_allows_is_refused(hexadecimal: str, kind: str) -> None:
    with pytest.raises(MessageError, match=r"'a' .*expected at most \d"):
        read(hexadecimal, kind)


@pytest.mark.parametrize(
    ('hexadecimal', 'got'),
    [
        ('00000000', 'a length of 0'),
        ('03000000 616263', 'none'),  # no terminator
        ('04000000 61006200', 'one at character 1'),  # an early one
        ('03000000 ff6100', 'invalid start byte at byte 0'),  # Latin-1
        ('04000000 eda08000', 'invalid continuation byte'),  # half a character of UTF-16
    ],
)
def test_text_that_is_no_terminated_utf_8_is_refused(hexadecimal: str, got: str) -> None:
    with pytest.raises(MessageError) as caught:
        read(hexadecimal, 'text')
    assert caught.value.field == 'a'
    assert got in str(caught.value)


@pytest.mark.parametrize(('hexadecimal', 'kind'), [('02', 'boolean'), ('02000000 0102', '?')])
def test_a_boolean_is_0_or_1(hexadecimal: str, kind: str) -> None:
    assert read('00', 'boolean') == [False]
    with pytest.raises(MessageError, match='got 2; expected 0 or 1'):
        read(hexadecimal, kind)


@pytest.mark.parametrize('padding', range(4))
def test_up_to_three_bytes_may_follow(padding: int) -> None:
    assert read('07' + 'aa' * padding, 'B') == [7]


def test_more_bytes_are_a_message_of_another_definition() -> None:
    with pytest.raises(MessageError, match='4 bytes after the last field'):
        read('07 aaaaaaaa', 'B')


@settings(deadline=None)
@given(
    st.sampled_from([LITTLE, BIG]),
    st.binary(max_size=24),
    st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=8),
)
def test_no_bytes_raise_anything_else(head: bytes, body: bytes, kinds: list[str]) -> None:
    with contextlib.suppress(MessageError):
        read(body.hex(), *kinds, head=head)
