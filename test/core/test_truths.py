"""Results and ground truths find each other by their stamps."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from ml_integration.core.truths import MOST_TRUTHS, Kept, Truths
from ml_integration.ops.class_maps import ClassMap

MS = 1_000_000
PLENTY = 10**9


def result_at(truths: Truths, *stamps_ms: int, tolerance_ms: int = 0, most: int = PLENTY) -> None:
    for stamp_ms in stamps_ms:
        kept = Kept(stamp_ms * MS, SimpleNamespace(at=stamp_ms), None)
        truths.add_result(kept, tolerance_ms * MS, most)


def truth_at(truths: Truths, stamp_ms: int, topic: str = 'a', tolerance_ms: int = 0) -> None:
    truths.add_truth(stamp_ms * MS, topic, f'{topic}{stamp_ms}', 100, tolerance_ms * MS, PLENTY)


def pairs(truths: Truths) -> list[tuple[int, list[str]]]:
    return [(pair.kept.stamp_ns // MS, list(pair.messages.values())) for pair in truths.take()]


def test_a_truth_may_come_long_after_its_result_and_before_it() -> None:
    truths = Truths(('a',))
    result_at(truths, 10, 20, 30)
    truth_at(truths, 10)
    truth_at(truths, 40)
    assert pairs(truths) == [(10, ['a10'])]
    result_at(truths, 40)
    assert pairs(truths) == [(40, ['a40'])]
    assert truths.unmatched == 0


def test_a_result_has_one_truth_and_a_truth_without_result_is_counted() -> None:
    truths = Truths(('a',))
    result_at(truths, 10, 30)
    for stamp_ms in (10, 10, 20):
        truth_at(truths, stamp_ms)
    assert pairs(truths) == [(10, ['a10'])]
    assert truths.unmatched == 2


@pytest.mark.parametrize(('truth', 'expected'), [(14, 10), (16, 20), (9, 10), (26, None)])
def test_the_nearest_result_is_taken_once_no_nearer_one_can_come(
    truth: int, expected: int | None
) -> None:
    truths = Truths(('a',))
    result_at(truths, 10, tolerance_ms=5)
    truth_at(truths, truth, tolerance_ms=5)
    early = pairs(truths)
    assert early == ([(10, [f'a{truth}'])] if truth <= 10 else [])
    result_at(truths, 20, 32, tolerance_ms=5)
    assert [at for at, _ in early + pairs(truths)] == ([] if expected is None else [expected])
    assert truths.unmatched == (expected is None)


def test_a_truth_of_several_topics_waits_for_all_of_them() -> None:
    truths = Truths(('a', 'b'))
    result_at(truths, 10)
    truth_at(truths, 10, 'b')
    assert not pairs(truths)
    truth_at(truths, 10, 'a')
    assert pairs(truths) == [(10, ['b10', 'a10'])]


def test_memory_is_bounded_by_bytes_and_by_count() -> None:
    truths, megabyte = Truths(('a',)), 1_000_000
    for number in range(20):
        kept = Kept(number, ClassMap(np.zeros((1000, 1000), np.uint8)), None)
        truths.add_result(kept, 0, 5 * megabyte)
    for number in range(20):
        truths.add_truth(number, 'a', b'', 1, 0, megabyte)
    assert [pair.kept.stamp_ns for pair in truths.take()] == [16, 17, 18, 19]
    for number in range(MOST_TRUTHS + 7):
        truths.add_truth(100 + number, 'a', b'', 1, 0, megabyte)
    assert truths.unmatched == 16 + 7
    truths.add_truth(10**6, 'a', b'', 2 * megabyte, 0, megabyte)
    assert truths.unmatched == 16 + 7 + MOST_TRUTHS + 1


def test_time_that_begins_again_pairs_nothing_of_before() -> None:
    truths = Truths(('a',))
    result_at(truths, 1000, 1010)
    truth_at(truths, 1020)
    result_at(truths, 10)
    truth_at(truths, 10)
    assert pairs(truths) == [(10, ['a10'])]
    result_at(truths, 1000, 1010, 1020)
    truth_at(truths, 1010)
    assert pairs(truths) == [(1010, ['a1010'])]
    assert truths.unmatched == 1
