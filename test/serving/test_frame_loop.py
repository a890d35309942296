"""What an observation costs when it goes wrong, whose its result is, and what ends no loop."""

from __future__ import annotations

import os
from time import monotonic_ns
from typing import Any

import pytest
from frame_lines import MS, NOW_NS, WAIT_S, Gate, Line
from number_pipelines import Listener, number_input, number_pipeline
from ros_processes import wait_until

from ml_integration.core.cpus import process_cpus
from ml_integration.core.inputs import KeepRule
from ml_integration.errors import MessageError
from ml_integration.serving.loop_settings import LoopSettings


@pytest.fixture(params=[1, 2, 3])
def line(request: pytest.FixtureRequest) -> Line:
    return Line(request.param)


def test_results_go_to_their_stream_with_what_triggered_them(line: Line) -> None:
    line.serve(10, 20, 30)
    assert line.results.got == [('a', 10), ('b', 20), ('c', 30)]
    assert line.router.outcomes == [(1, True)] * 3
    assert [(p.stamp_ns, p.frame_id) for p in line.results.predictions] == [(NOW_NS, 'frame')] * 3
    streams = line.monitor.stats(monotonic_ns()).streams
    assert [one.age is not None for one in streams] == [True] * 3


def test_as_many_as_possible_run_together() -> None:
    for together, runs in ((1, [[10], [20], [30]]), (2, [[10, 20], [30]]), (3, [[10, 20, 30]])):
        line = Line(together)
        line.serve(10, 20, 30)
        assert line.runs == runs


@pytest.mark.parametrize(
    ('bad', 'reason'),
    [
        (1, 'cannot be read'),  # in the sensor
        (2, 'ZeroDivisionError: a mistake in an encoder'),  # not even an error of ours
        (4, 'cannot be decoded'),  # after the run
    ],
)
def test_an_observation_that_fails_costs_only_itself(line: Line, bad: int, reason: str) -> None:
    line.serve(10, bad, 30)
    assert line.results.got == [('a', 10), ('c', 30)]
    (sentence,) = [sentence.partition('\n')[0] for sentence in line.log]
    assert sentence == f'b: frame dropped: {reason}'
    assert line.monitor.stats(monotonic_ns()).last_error == 'b: ' + reason.rpartition(': ')[2]
    assert [one.total.failed for one in line.monitor.stats(monotonic_ns()).streams] == [0, 1, 0]
    assert sorted(line.router.outcomes) == [(1, False), (1, True), (1, True)]
    assert line.total().failed == 1


@pytest.mark.parametrize(('together', 'lost'), [(1, 1), (2, 2), (3, 3)])
def test_a_run_that_fails_costs_each_observation_in_it(together: int, lost: int) -> None:
    line = Line(together)
    line.serve(10, 3, 30)
    streams = {1: 'b', 2: 'a, b', 3: 'a, b, c'}[together]
    assert line.log == [f'{streams}: frame dropped: m@1: inference failed: out of memory']
    assert line.router.outcomes.count((1, False)) == line.total().failed == lost
    assert len(line.results.got) == 3 - lost


def test_what_is_too_old_is_left_out(line: Line) -> None:
    line.serve(10, 20, 30, old=(20,))
    assert line.results.got == [('a', 10), ('c', 30)]
    assert line.log == []
    assert line.total().stale == 1


def test_an_invalid_result_is_held_back_and_the_others_are_published(line: Line) -> None:
    line.serve(10, 5, 30)
    assert line.results.got == [('a', 10), ('c', 30)]
    assert line.router.outcomes == [(1, True), (1, False), (1, True)]
    assert line.monitor.stats(monotonic_ns()).invalid_kinds == {'odd': 1}


def test_nothing_runs_when_nothing_is_worth_it(line: Line) -> None:
    line.serve(1, 20, old=(20,))
    assert line.runs == []


def test_a_spectator_that_fails_costs_neither_the_model_nor_the_result() -> None:
    broken, other = Listener('overlay', ValueError('draws nothing')), Listener('recorder')
    line = Line(1, broken, other)
    for number in (10, 20):
        line.serve(number)
    assert line.results.got == other.got == [('a', 10), ('a', 20)]
    assert line.router.outcomes == [(1, True)] * 2
    assert (line.total().published, line.total().failed) == (2, 0)
    assert line.monitor.stats(monotonic_ns()).spectators_failed == {'overlay': 2}
    assert len(line.log) == 1 and line.log[0].startswith('a: overlay failed: ValueError')


def test_a_result_that_cannot_be_published_is_no_good_one() -> None:
    line = Line()
    line.results.error = ValueError('no such field')
    line.serve(10)
    assert line.router.outcomes == [(1, False)]
    assert (line.total().published, line.total().failed) == (0, 1)


def test_frames_that_were_passed_over_are_counted() -> None:
    line = Line()
    for number in (10, 11, 12):
        line.loop.receive(line.streams[0], 'x', number, NOW_NS)
    line.loop.serve()
    assert line.results.got == [('a', 12)]
    assert line.total().displaced == 2


def test_a_failing_frame_is_told_with_its_traceback_unless_it_explains_itself() -> None:
    line = Line()
    line.results.error = MessageError('step', 3, 'at least 6')
    line.serve(10)
    other = Line()
    other.results.error = ZeroDivisionError('oops')
    other.serve(10)
    assert "message field 'step'" in line.log[0] and 'Traceback' not in line.log[0]
    assert 'ZeroDivisionError: oops' in other.log[0] and 'Traceback' in other.log[0]


@pytest.fixture
def gated() -> tuple[Line, Gate]:
    line, gate = Line(), Gate()
    line.streams[0].results = gate
    return line, gate


def test_latency_does_not_grow_when_frames_queue(gated: tuple[Line, Gate]) -> None:
    line, gate = gated
    line.loop.start()
    line.loop.receive(line.streams[0], 'x', 10, NOW_NS)
    assert gate.entered.wait(WAIT_S)
    for number in range(11, 110):
        line.loop.receive(line.streams[0], 'x', number, NOW_NS)
    gate.open.set()
    wait_until(lambda: len(gate.got) == 2, 'the newest one')
    line.loop.stop()
    assert gate.got == [('a', 10), ('a', 109)]
    assert line.total().displaced == 98


def test_a_frozen_engine_shows_and_stopping_finishes_what_is_under_way(
    gated: tuple[Line, Gate],
) -> None:
    line, gate = gated
    line.loop.start()
    assert line.loop.busy_s() == 0.0
    line.loop.receive(line.streams[0], 'x', 10, NOW_NS)
    assert gate.entered.wait(WAIT_S)
    assert line.loop.busy_s() > 0.0
    gate.open.set()
    line.loop.stop()
    assert gate.got == [('a', 10)] and line.loop.busy_s() == 0.0


class CpusOfItsThread(Listener):
    """Looks where it is called."""

    def __init__(self) -> None:
        super().__init__()
        self.cpus: list[set[int]] = []

    def take(self, *arguments: Any) -> None:
        self.cpus.append(os.sched_getaffinity(0))
        super().take(*arguments)


def test_the_loop_keeps_to_the_cpus_of_the_session_that_it_runs() -> None:
    line, looking = Line(), CpusOfItsThread()
    line.streams[0].results = looking
    one = frozenset({max(process_cpus())})
    line.loop.start()
    for count, cpus in enumerate((frozenset[int](), one, frozenset[int]()), 1):
        session: Any = line.router.pipeline.session
        session.cpus = cpus
        line.loop.receive(line.streams[0], 'x', 10, NOW_NS)
        wait_until(lambda count=count: len(looking.got) == count, 'a result')
    line.loop.stop()
    assert looking.cpus == [process_cpus(), one, process_cpus()]


def test_missing_inputs_are_named() -> None:
    line = Line(pipeline=number_pipeline(1, number_input('joints', KeepRule.LATEST, 100)))
    line.loop.receive(line.streams[0], 'x', 10, NOW_NS)
    assert line.loop.missing()['a'] == ('joints',)
    line.loop.receive(line.streams[0], 'joints', 10, NOW_NS)
    assert line.loop.missing()['a'] == ()


def test_a_frame_from_the_future_ages_from_its_arrival() -> None:
    line = Line()
    line.loop.receive(line.streams[0], 'x', 10, NOW_NS + 3600 * 1000 * MS)
    line.loop.serve()
    (age,) = [one.age for one in line.monitor.stats(monotonic_ns()).streams if one.age]
    assert 0 <= age.p50 < 10_000
    line.loop.settings = LoopSettings(1e-6)  # no frame is served that fast
    line.loop.receive(line.streams[0], 'x', 11, NOW_NS + 3601 * 1000 * MS)
    line.loop.serve()
    assert line.results.got == [('a', 10)]
    assert line.total().stale == 1


def test_a_message_that_no_model_could_use_counts_against_none() -> None:
    line = Line()
    line.loop.refuse(line.streams[1], 'x', MessageError('header.stamp.sec', -1, 'at least 0'))
    assert line.router.outcomes == []
    (sentence,) = line.log
    assert sentence.startswith("b: message on 'x' refused: message field 'header.stamp.sec'")
    assert [one.total.failed for one in line.monitor.stats(monotonic_ns()).streams] == [0, 1, 0]


def test_a_jump_back_in_time_is_told() -> None:
    line = Line()
    line.serve(10)
    line.loop.receive(line.streams[0], 'x', 11, NOW_NS - 500 * MS)
    line.loop.serve()
    assert line.results.got == [('a', 10), ('a', 11)]
    assert line.log == ['a: time has jumped back; states and windows start anew']


def test_a_jump_back_in_time_counts_also_when_its_first_frame_is_too_old() -> None:
    line = Line()
    line.serve(10)
    memory = line.router.pipeline._memories['a']
    line.loop.receive(line.streams[0], 'x', 11, NOW_NS - 5000 * MS)
    line.loop.serve()
    line.loop.receive(line.streams[0], 'x', 12, NOW_NS)
    line.loop.serve()
    assert line.results.got == [('a', 10), ('a', 12)]
    assert line.router.pipeline._memories['a'] is not memory


@pytest.mark.parametrize('error', [SystemExit(1), KeyboardInterrupt(), ZeroDivisionError()])
def test_nothing_that_is_raised_ends_the_loop(error: Any) -> None:
    line = Line()
    line.results.error = error
    line.loop.start()
    line.loop.receive(line.streams[0], 'x', 10, NOW_NS)
    wait_until(lambda: line.total().failed, 'the failure')
    line.results.error = None
    line.loop.receive(line.streams[0], 'x', 11, NOW_NS)
    wait_until(lambda: line.results.got == [('a', 11)], 'the next result')
    line.loop.stop()
    assert line.router.outcomes == [(1, False), (1, True)]


def test_an_error_that_cannot_be_told_does_not_end_the_loop() -> None:
    line = Line()

    class BrokenError(Exception):
        def __str__(self) -> str:
            raise ValueError('no words')

    line.results.error = BrokenError()
    line.loop.start()
    line.loop.receive(line.streams[0], 'x', 10, NOW_NS)
    wait_until(lambda: line.router.outcomes, 'the failure')
    line.results.error = None
    line.loop.receive(line.streams[0], 'x', 11, NOW_NS)
    wait_until(lambda: line.results.got == [('a', 11)], 'the next result')
    line.loop.stop()
