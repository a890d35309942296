from __future__ import annotations

import io

import pytest

from ml_integration.store.install.bounded_reader import BoundedReader


def test_what_is_within_the_limit_can_be_read() -> None:
    reader = BoundedReader(io.BytesIO(b'0123456789'), 10)
    assert reader.read(4) == b'0123'
    assert reader.seek(8) == 8
    assert reader.read(2) == b'89'


@pytest.mark.parametrize(
    ('limit', 'position', 'size'),
    [
        (9, 0, 10),
        (9, 9, 1),
        (2**40, 0, 2**24 + 1),  # a header that is to be read into memory
        (2**40, 0, -1),  # all of it
    ],
)
def test_what_is_beyond_the_limit_is_refused_before_it_is_read(
    limit: int, position: int, size: int
) -> None:
    stream = io.BytesIO(bytes(100))
    reader = BoundedReader(stream, limit)
    reader.seek(position)
    with pytest.raises(ValueError, match='larger than it may be'):
        reader.read(size)
    assert stream.tell() == position


def test_seeking_beyond_the_limit_is_refused() -> None:
    with pytest.raises(ValueError, match='larger than it may be'):
        BoundedReader(io.BytesIO(bytes(100)), 50).seek(51)
