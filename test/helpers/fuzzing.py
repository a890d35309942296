"""Feeds a reader with damaged inputs, for a time, and reports the first that breaks a promise.

ML_INTEGRATION_FUZZ_SECONDS says how long each reader is fed, ML_INTEGRATION_FUZZ_SEED with what.
The same seed gives the same inputs in the same order.
"""

from __future__ import annotations

import os
import random
import resource
from collections.abc import Callable, Sequence
from pathlib import Path
from time import monotonic, process_time

SECONDS = float(os.environ.get('ML_INTEGRATION_FUZZ_SECONDS', '2'))
SEED = int(os.environ.get('ML_INTEGRATION_FUZZ_SEED', '0'))
MOST_CPU_S = 20.0
"""Time of the CPU for one input, beyond which a reader counts as hanging [s]."""
MOST_MEMORY = 2**30
"""Growth of the process, beyond which an input counts as a bomb [bytes]."""
LARGEST = 2**18
NUMBERS = (
    b'0', b'-1', b'1e999', b'.nan', b'1' * 5000, b'0x' + b'f' * 3000, b'2147483648',
    b'18446744073709551616', b'99999999999999999999999999', b'1:1:1:1', b'1_0', b'0o777',
)  # fmt: skip
BYTES = (0, 1, 9, 10, 13, 32, 34, 39, 0x7F, 0x80, 0xFE, 0xFF)

Damage = Callable[[bytes, random.Random], bytes]


def fuzz(
    read: Callable[[bytes], object],
    seeds: Sequence[bytes],
    allowed: type[Exception] | tuple[type[Exception], ...],
    *,
    corpus: Sequence[bytes] = (),
    words: Sequence[bytes] = (),
    damage: Damage | None = None,
    seconds: float = SECONDS,
    keep: Path | None = None,
) -> None:
    """Reads good inputs, those that failed once, and damaged ones until the time is over.

    Args:
        read: raises one of `allowed`, or AssertionError for a broken promise.
        seeds: good inputs, which are damaged.
        allowed: errors that a bad input may raise; its sentence has to be printable.
        corpus: inputs that failed once.
        words: parts that mean something to the reader.
        damage: damages an input in a way of its own, every second time.
        seconds: time for all of it [s].
        keep: folder for the input that fails.
    """
    dice = random.Random(SEED)
    until = monotonic() + seconds
    known = [*seeds, *corpus]
    before = _memory()
    for data in known:
        _one(read, data, allowed, keep)
    count = 0
    while monotonic() < until:
        data = dice.choice(known)
        if damage is not None and dice.random() < 0.5:
            data = damage(data, dice)
        for _ in range(dice.choice((0, 1, 1, 1, 2, 4)) if damage else dice.choice((1, 1, 2, 4))):
            data = damaged(data, dice, words, known)
        _one(read, data, allowed, keep)
        count += 1
    grown = _memory() - before
    assert grown < MOST_MEMORY, f'{grown} bytes more after {count} inputs'


def damaged(
    data: bytes, dice: random.Random, words: Sequence[bytes], known: Sequence[bytes]
) -> bytes:
    """The data with one thing changed."""
    where = dice.randrange(len(data) + 1)
    span = dice.choice((1, 2, 4, 8, 16, 64, 256))
    before, piece, after = data[:where], data[where : where + span], data[where + span :]
    match dice.randrange(9):
        case 0:
            changed = bytearray(data or b'\0')
            changed[where % len(changed)] ^= 1 << dice.randrange(8)
            return bytes(changed)
        case 1:
            return before + bytes([dice.choice(BYTES)]) + data[where + 1 :]
        case 2:
            return before + after
        case 3:
            return before + piece * dice.choice((2, 3, 100)) + after
        case 4:
            return before
        case 5:
            return before + dice.choice((*words, *NUMBERS)) + data[where:]
        case 6:
            return before + dice.choice((*words, *NUMBERS)) + after
        case 7:
            other = dice.choice(known)
            return before + other[dice.randrange(len(other) + 1) :]
        case _:
            size = min(span, 8)
            number = dice.choice((0, 1, 2**15, 2**31 - 1, 2**31, 2**32 - 1, 2**63, 2**64 - 1))
            order = dice.choice(('little', 'big'))
            encoded = (number % 256**size).to_bytes(size, order)
            return before + encoded + data[where + size :]


def _one(
    read: Callable[[bytes], object],
    data: bytes,
    allowed: type[Exception] | tuple[type[Exception], ...],
    keep: Path | None,
) -> None:
    data = data[:LARGEST]
    start_s = process_time()
    try:
        read(data)
    except allowed as error:
        str(error).encode()
    except BaseException as error:
        place = None
        if keep is not None:
            place = keep / 'failed.bin'
            place.write_bytes(data)
        shown = data if len(data) <= 500 else data[:500] + b'...'
        raise AssertionError(f'{error!r} for {len(data)} bytes, {place}: {shown!r}') from error
    spent_s = process_time() - start_s
    assert spent_s < MOST_CPU_S, f'{spent_s:.0f} s for {data[:500]!r}'


def _memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
