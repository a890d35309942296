"""Several streams: who is waited for, who is next, and who never blocks the others."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest
from number_pipelines import Listener, number_input, number_pipeline

from ml_integration.core.inputs import KeepRule
from ml_integration.core.pipeline import Pipeline
from ml_integration.serving.streams import Mailbox, Stream

MS = 1_000_000
PERIOD_NS = 33 * MS
WAIT_S = 10.0


class Time:
    """A steady clock that stands still until it is told."""

    def __init__(self) -> None:
        self.now_ns = 0

    def __call__(self) -> int:
        return self.now_ns


class Box:
    """A mailbox of so many streams that are named by numbers, and what it is asked for."""

    def __init__(
        self,
        streams: int = 1,
        together: int = 1,
        timeout_ms: float = 0.0,
        pipeline: Pipeline | None = None,
    ) -> None:
        self.time = Time()
        self.streams = [Stream(str(n), 'x', Listener()) for n in range(streams)]
        self.mailbox = Mailbox(self.streams, timeout_ms, self.time)
        self.pipelines = {n: pipeline or number_pipeline(n) for n in range(1, together + 1)}
        for pipeline in self.pipelines.values():
            self.mailbox.feed(pipeline)
        self.pipeline: Pipeline = self.pipelines[together]

    def put(self, *streams: int, message: object = 'frame') -> int:
        """Returns how many were displaced."""
        now_ns = self.time.now_ns
        return sum(
            self.mailbox.put(self.streams[number], 'x', message, now_ns, now_ns)
            for number in streams
        )

    def take(self) -> list[int]:
        if not self.mailbox.wait(lambda: self.pipeline):
            return []
        return [int(turn.stream.name) for turn in self.mailbox.take(self.pipeline)]


def warmed_up(streams: int, *, timeout_ms: float, periods: int = 3) -> Box:
    """A box whose streams have all delivered in step, and nothing is left of it.

    The next message of each is due at the time that the clock shows.
    """
    box = Box(streams, streams, timeout_ms)
    for _ in range(periods):
        box.put(*range(streams))
        assert len(box.take()) == streams
        box.time.now_ns += PERIOD_NS
    return box


@contextmanager
def taking(box: Box) -> Iterator[Callable[[], list[int]]]:
    """Takes on another thread, as the frame loop does; gives what it took."""
    taken: list[list[int]] = []
    thread = threading.Thread(target=lambda: taken.append(box.take()), daemon=True)
    thread.start()

    def result() -> list[int]:
        thread.join(WAIT_S)
        assert taken, 'still waiting'
        return taken[0]

    yield result
    box.mailbox.close()
    thread.join(WAIT_S)


def test_the_newest_of_each_stream_wins_and_the_others_are_counted() -> None:
    box = Box(2, together=2)
    messages = ((0, 'old'), (1, 'other'), (0, 'older'), (0, 'new'))
    assert [box.put(stream, message=message) for stream, message in messages] == [0, 0, 1, 1]
    turns = box.mailbox.take(box.pipeline)
    seen = [(t.observation.trigger.message, t.observation.trigger.number) for t in turns]
    assert seen == [('new', 2), ('other', 0)]
    assert [turn.displaced for turn in turns] == [0, 0]


def test_what_is_taken_is_not_displaced_and_what_waits_for_a_companion_may_be_later() -> None:
    lidar = number_input('points', KeepRule.NEAREST, 5)
    box = Box(pipeline=number_pipeline(1, lidar))
    assert [box.put(0) for _ in range(8)] == [0] * 8  # as many can wait
    assert box.put(0) == 1
    box.time.now_ns += 33 * MS
    box.put(0)
    box.mailbox.put(box.streams[0], 'points', 'points', box.time.now_ns, box.time.now_ns)
    (turn,) = box.mailbox.take(box.pipeline)
    assert (turn.observation.trigger.number, turn.displaced) == (9, 7)
    assert [box.put(0) for _ in range(8)] == [0] * 8


def test_taking_waits_for_a_message() -> None:
    box = Box()
    with taking(box) as taken:
        box.put(0)
        assert taken() == [0]


def test_closing_releases_who_waits_and_hands_out_nothing() -> None:
    box = Box()
    with taking(box) as taken:
        box.mailbox.close()
        assert taken() == []
    box.put(0)
    assert box.take() == []


def test_a_message_waits_for_those_that_are_due() -> None:
    box = warmed_up(3, timeout_ms=60_000)
    box.put(1)
    with taking(box) as taken:
        box.put(2)
        box.put(0)
        assert taken() == [0, 1, 2]


def test_a_full_batch_waits_for_nobody() -> None:
    box = warmed_up(3, timeout_ms=60_000)
    box.pipeline = box.pipelines[2]
    box.put(2, 0)
    assert box.take() == [0, 2]


def test_a_message_that_has_waited_its_time_waits_no_longer() -> None:
    box = warmed_up(2, timeout_ms=5)
    box.put(0)
    box.time.now_ns += 5 * MS  # the frame loop was busy meanwhile
    assert box.take() == [0]


def test_nobody_waits_when_the_others_are_due_too_late() -> None:
    box = warmed_up(2, timeout_ms=5)
    box.time.now_ns -= 10 * MS
    box.put(0)
    assert box.take() == [0]


@pytest.mark.parametrize('silent_from_the_start', [True, False])
def test_a_silent_stream_is_not_waited_for(silent_from_the_start: bool) -> None:
    if silent_from_the_start:
        box = Box(2, 2, 60_000)
    else:
        box = warmed_up(2, timeout_ms=60_000)
        box.time.now_ns += 2 * PERIOD_NS
    for _ in range(5):
        box.time.now_ns += PERIOD_NS
        box.put(0)
        assert box.take() == [0]  # at once, for the clock stands still


def test_one_after_another_each_stream_has_its_turn_whatever_the_others_send() -> None:
    box = Box(3)
    turns: list[int] = []
    for _ in range(30):
        for stream, share in enumerate((1, 2, 5)):
            box.put(*[stream] * share)
        turns += box.take()
    assert Counter(turns) == {0: 10, 1: 10, 2: 10}
    assert turns[:3] == [0, 1, 2]


def test_a_stream_that_seldom_sends_is_next_when_it_does() -> None:
    box = Box(3)
    turns: list[int] = []
    for number in range(9):
        box.put(*([0, 1] if number != 6 else [0, 1, 2]))
        turns += box.take()
    assert turns == [0, 1, 0, 1, 0, 1, 2, 0, 1]


def test_batches_smaller_than_the_number_of_streams_go_round() -> None:
    box = Box(3, together=2)
    turns = Counter[int]()
    for _ in range(30):
        box.put(*range(3))
        turns.update(box.take())
    assert turns == {0: 20, 1: 20, 2: 20}


def test_closing_ends_the_wait_for_more() -> None:
    box = warmed_up(2, timeout_ms=60_000)
    box.put(0)
    with taking(box) as taken:
        box.mailbox.close()
        assert taken() == []


def stream_with(arrivals_ms: Sequence[int]) -> Stream:
    stream = Stream('', 'x', Listener())
    for at_ms in arrivals_ms:
        stream.put('x', 'frame', at_ms * MS, at_ms * MS)
    return stream


@pytest.mark.parametrize(
    ('now_ms', 'deadline_ms', 'due'),
    [
        (10, 15, False),  # the next one comes later
        (30, 35, True),  # the next one comes just in time
        (36, 41, True),  # it is a little late
        (66, 71, True),  # it is one period late
        (67, 72, False),  # it will not come any more
        (9000, 9005, False),  # it has been silent for long
    ],
)
def test_a_message_is_due_one_period_after_the_last_one(
    now_ms: int, deadline_ms: int, due: bool
) -> None:
    assert stream_with((-66, -33, 0)).is_due(now_ms * MS, deadline_ms * MS) is due


@pytest.mark.parametrize('arrivals_ms', [(), (0,)])
def test_nothing_is_due_before_there_is_a_rhythm(arrivals_ms: tuple[int, ...]) -> None:
    assert not stream_with(arrivals_ms).is_due(1 * MS, 1000 * MS)


def test_a_pause_is_soon_forgotten() -> None:
    back = 60_000
    made = stream_with((0, 33, 66, 99, back, *(back + 33 * n for n in range(1, 5))))
    last_ms = back + 33 * 4
    assert made.is_due((last_ms + 33) * MS, (last_ms + 38) * MS)


def test_a_slower_rate_is_learned() -> None:
    made = stream_with((*range(0, 330, 33), *range(330, 6330, 200)))
    last_ms = 6330 - 200
    assert not made.is_due((last_ms + 100) * MS, (last_ms + 105) * MS)
    assert made.is_due((last_ms + 198) * MS, (last_ms + 203) * MS)
