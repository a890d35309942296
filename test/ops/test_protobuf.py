"""The wire format is read as the engine reads it, or refused."""

from __future__ import annotations

import pytest

from ml_integration.ops.protobuf import fields, numbers_except, varint


@pytest.mark.parametrize(
    ('data', 'expected'),
    [
        (b'', []),
        (b'\x08\x96\x01', [(1, 0, 1, 3)]),
        (b'\x12\x02ab\x1d1234', [(2, 2, 2, 4), (3, 5, 5, 9)]),
        (b'\x2112345678', [(4, 1, 1, 9)]),
        (b'\xba\x80\x00\x81\x00a', [(7, 2, 5, 6)]),  # the same numbers in more bytes
    ],
)
def test_fields_are_found(data: bytes, expected: list[tuple[int, int, int, int]]) -> None:
    assert list(fields(data, 0, len(data))) == expected


@pytest.mark.parametrize(
    'data',
    [
        b'\x08',  # no number
        b'\x08\x80',
        b'\x08' + b'\xff' * 10 + b'\x01',  # one of 11 bytes
        b'\x12',  # no size
        b'\x12\x02a',  # too large a size
        b'\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01',
        b'\x1d123',
        b'\x211234567',
        b'\x00\x00',  # field 0
        b'\x0b\x0c',  # a group
        b'\x0e',  # no wire type at all
        b'\x0f',
        b'\xba\x80\x80\x80\x10\x00',  # field 7 in 32 bits, another one in more
    ],
)
def test_what_the_engine_refuses_or_reads_otherwise_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r'\d'):
        list(fields(data, 0, len(data)))


def test_nothing_is_read_behind_the_end_of_a_message() -> None:
    data = b'\x12\x02ab'
    with pytest.raises(ValueError, match='ends at 4 of 3'):
        list(fields(data, 0, 3))
    with pytest.raises(ValueError, match='without an end'):
        varint(b'\x80\x01', 0, 1)


def test_runs_of_numbers_are_passed_over_and_the_kept_ones_are_not() -> None:
    some = b'\x08\x96\x01\x1d1234\x2112345678'
    data = some * 700 + b'\x70\x01' + some + b'\x0a\x01a' + some * 2
    assert list(fields(data, 0, len(data), numbers_except(14))) == [
        (14, 0, 700 * len(some) + 1, 700 * len(some) + 2),
        (1, 2, 701 * len(some) + 4, 701 * len(some) + 5),
    ]
    for cut in (data[:-1], b'\x08' + b'\xff' * 10 + b'\x01'):
        with pytest.raises(ValueError, match=r'\d'):
            list(fields(cut, 0, len(cut), numbers_except(14)))
