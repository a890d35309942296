"""Letters of several cameras: who is waited for, who is next, and who never blocks the others."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest

from ml_integration.ros.inference.mailbox import Letter, Mailbox

MS = 1_000_000
PERIOD_NS = 33 * MS
WAIT_S = 10.0


class Time:
    """A steady clock that stands still until it is told."""

    def __init__(self) -> None:
        self.now_ns = 0

    def __call__(self) -> int:
        return self.now_ns


def warmed_up(cameras: int, *, timeout_ms: float, periods: int = 3) -> tuple[Mailbox, Time]:
    """A mailbox whose cameras have all delivered in step, and nothing is left of it.

    The next letter of each is due at the time that the clock shows.
    """
    time = Time()
    mailbox = Mailbox(cameras, timeout_ms, time)
    for _ in range(periods):
        put(mailbox, time, range(cameras))
        assert len(mailbox.take(cameras)) == cameras
        time.now_ns += PERIOD_NS
    return mailbox, time


def put(mailbox: Mailbox, time: Time, cameras: Sequence[int]) -> None:
    for camera in cameras:
        mailbox.put(f'of {camera}', time.now_ns, camera)


def cameras_of(letters: Sequence[Letter]) -> list[int]:
    return [letter.camera for letter in letters]


@contextmanager
def taking(mailbox: Mailbox, most: int) -> Iterator[Callable[[], list[Letter]]]:
    """Takes on another thread, as the worker does; gives what it took."""
    taken: list[list[Letter]] = []
    thread = threading.Thread(target=lambda: taken.append(mailbox.take(most)), daemon=True)
    thread.start()

    def result() -> list[Letter]:
        thread.join(WAIT_S)
        assert taken, 'still waiting'
        return taken[0]

    yield result
    mailbox.close()
    thread.join(WAIT_S)


def test_the_newest_of_each_camera_wins_and_numbers_count_per_camera() -> None:
    mailbox = Mailbox(2)
    assert mailbox.put('old', 1, 0) is False
    assert mailbox.put('other', 2, 1) is False
    assert mailbox.put('new', 3, 0) is True
    letters = mailbox.take(2)
    assert [(x.message, x.sequence, x.camera) for x in letters] == [('new', 1, 0), ('other', 0, 1)]


def test_a_letter_waits_for_those_that_are_due() -> None:
    mailbox, time = warmed_up(3, timeout_ms=60_000)
    put(mailbox, time, [1])
    with taking(mailbox, 3) as taken:
        put(mailbox, time, [2])
        put(mailbox, time, [0])
        assert cameras_of(taken()) == [0, 1, 2]


def test_a_full_batch_waits_for_nobody() -> None:
    mailbox, time = warmed_up(3, timeout_ms=60_000)
    put(mailbox, time, [2, 0])
    assert cameras_of(mailbox.take(2)) == [0, 2]


def test_a_letter_that_has_waited_its_time_waits_no_longer() -> None:
    mailbox, time = warmed_up(2, timeout_ms=5)
    put(mailbox, time, [0])
    time.now_ns += 5 * MS  # the worker was busy meanwhile
    assert cameras_of(mailbox.take(2)) == [0]


def test_nobody_waits_when_the_others_are_due_too_late() -> None:
    mailbox, time = warmed_up(2, timeout_ms=5)
    time.now_ns -= 10 * MS
    put(mailbox, time, [0])
    assert cameras_of(mailbox.take(2)) == [0]


@pytest.mark.parametrize('silent_from_the_start', [True, False])
def test_a_silent_camera_is_not_waited_for(silent_from_the_start: bool) -> None:
    if silent_from_the_start:
        time = Time()
        mailbox = Mailbox(2, 60_000, time)
    else:
        mailbox, time = warmed_up(2, timeout_ms=60_000)
        time.now_ns += 2 * PERIOD_NS
    for _ in range(5):
        time.now_ns += PERIOD_NS
        put(mailbox, time, [0])
        assert cameras_of(mailbox.take(2)) == [0]  # at once, for the clock stands still


def test_one_after_another_each_camera_has_its_turn_whatever_the_others_send() -> None:
    mailbox = Mailbox(3)
    turns: list[int] = []
    for _ in range(30):
        for camera, share in enumerate((1, 2, 5)):
            for _ in range(share):
                mailbox.put('frame', 0, camera)
        turns += cameras_of(mailbox.take(1))
    assert Counter(turns) == {0: 10, 1: 10, 2: 10}
    assert turns[:3] == [0, 1, 2]


def test_a_camera_that_seldom_sends_is_next_when_it_does() -> None:
    mailbox = Mailbox(3)
    turns: list[int] = []
    for number in range(9):
        put(mailbox, Time(), [0, 1] if number != 6 else [0, 1, 2])
        turns += cameras_of(mailbox.take(1))
    assert turns == [0, 1, 0, 1, 0, 1, 2, 0, 1]


def test_batches_smaller_than_the_number_of_cameras_go_round() -> None:
    mailbox = Mailbox(3)
    turns = Counter[int]()
    for _ in range(30):
        put(mailbox, Time(), range(3))
        turns.update(cameras_of(mailbox.take(2)))
    assert turns == {0: 20, 1: 20, 2: 20}


def test_closing_ends_the_wait_for_more() -> None:
    mailbox, time = warmed_up(2, timeout_ms=60_000)
    put(mailbox, time, [0])
    with taking(mailbox, 2) as taken:
        mailbox.close()
        assert taken() == []
