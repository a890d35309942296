"""Models that take over from one another in a running frame loop, without a gap."""

from __future__ import annotations

import gc
import threading
import weakref
from typing import Any

from frame_lines import MS, NOW_NS, WAIT_S, Line
from number_pipelines import NumberStage, number_input, number_pipeline
from ros_processes import wait_until

from ml_integration.core.inputs import KeepRule
from ml_integration.deploy.turns import Share

WINDOW = number_input('w', KeepRule.WINDOW, 30)


def test_an_outcome_belongs_to_the_model_that_made_it() -> None:
    line = Line()
    other = number_pipeline(version=2)
    line.loop.prepare(other)

    def swap(*arguments: Any) -> None:
        line.router.swap(other)

    line.results.take = swap  # type: ignore[method-assign]
    line.serve(10)
    assert line.router.outcomes == [(1, True)]


def test_a_swap_loses_nothing_and_runs_nothing_twice() -> None:
    line = Line()
    line.serve(10)
    other = number_pipeline(version=2, factor=100)
    line.loop.prepare(other)
    line.loop.receive(line.streams[0], 'x', 20, NOW_NS)
    line.router.swap(other)
    line.loop.forget(line.router.pipeline)  # what is forgotten is another one, see below
    line.loop.prepare(other)
    line.loop.receive(line.streams[0], 'x', 21, NOW_NS)
    line.loop.serve()
    line.loop.serve()
    assert line.results.got == [('a', 10), ('a', 2100)]


def test_a_model_with_a_longer_window_takes_over_when_it_is_filled() -> None:
    short = number_pipeline(1, WINDOW)
    long = number_pipeline(1, number_input('w', KeepRule.WINDOW, 100), version=2)
    line = Line(pipeline=short)
    stream, sizes, warm = line.streams[0], [], threading.Event()
    thread = threading.Thread(target=lambda: (line.loop.prepare(long), warm.set()), daemon=True)
    for number in range(40):
        stamp_ns = NOW_NS + number * 10 * MS
        for tensor in ('w', 'x'):
            line.loop.receive(stream, tensor, 10, stamp_ns)
        line.loop.serve()
        if number == 10:
            thread.start()
            wait_until(lambda: long in stream._inboxes, 'the new model is fed')
        if number == 14 and not warm.is_set():
            wait_until(warm.is_set, 'the longer window is filled')  # from what was held
        if number == 25:
            line.router.swap(long)
            line.loop.forget(short)
    thread.join(WAIT_S)
    sizes = [len(p.frames['w']) for p in line.results.predictions]
    stamps = [p.stamp_ns for p in line.results.predictions]
    assert stamps == [NOW_NS + number * 10 * MS for number in range(3, 40)]
    assert sizes == [4] * 23 + [11] * 14


def test_a_model_that_nobody_announced_is_fed_on_sight_with_what_is_there() -> None:
    line = Line()
    line.loop.receive(line.streams[0], 'x', 10, NOW_NS)
    line.router.swap(number_pipeline(version=2))
    line.loop.serve()
    assert line.results.got == [('a', 10)]
    assert line.router.outcomes == [(2, True)]


def test_the_kept_model_is_fed_too_so_that_it_can_take_over_again() -> None:
    kept, serving = (number_pipeline(1, WINDOW, version=version) for version in (1, 2))
    line = Line(pipeline=kept)
    line.router.swap(serving, keep=kept)
    line.loop.start()
    for number in range(5):
        for topic in ('w', 'x'):
            line.loop.receive(line.streams[0], topic, 10, NOW_NS + number * 10 * MS)
    wait_until(lambda: line.results.got, 'a result')
    line.router.swap(kept, keep=serving)
    known = len(line.results.got)
    line.loop.receive(line.streams[0], 'x', 10, NOW_NS + 41 * MS)
    wait_until(lambda: len(line.results.got) > known, 'a result with a window from before')
    line.loop.stop()
    assert line.router.outcomes[-1] == (1, True)


def test_stages_begin_anew_with_each_model_that_takes_over_also_with_the_kept_one() -> None:
    kept, other = (number_pipeline(version=v, stages={'s': NumberStage()}) for v in (1, 2))
    line = Line(pipeline=kept)
    line.serve(10)
    line.serve(10)
    for serving, before in ((other, kept), (kept, other)):
        line.loop.prepare(serving)
        line.router.swap(serving, keep=before)
        line.serve(10)
        line.serve(10)
    assert [result for _, result in line.results.got] == [11, 12] * 3


def test_a_result_that_a_stage_cannot_work_on_is_a_failure_that_costs_only_itself() -> None:
    line = Line(pipeline=number_pipeline(stages={'s': NumberStage()}))
    for _ in range(7):
        line.serve(10)
    assert [result for _, result in line.results.got] == [11, 12, 13, 14, 15, 17]
    assert line.log == ['a: frame dropped: the stage has seen too much']


def test_the_loop_outlives_a_time_without_a_model() -> None:
    line = Line()
    serving = line.router.pipeline
    line.router.close()
    line.loop.start()
    line.loop.receive(line.streams[0], 'x', 10, NOW_NS)
    wait_until(lambda: line.log, 'the fault is told')
    line.router.swap(serving)
    line.loop.prepare(serving)
    line.loop.receive(line.streams[0], 'x', 11, NOW_NS)
    wait_until(lambda: line.results.got == [('a', 11)], 'the result')
    line.loop.stop()
    assert line.log == ['frame dropped: no model is loaded']


def test_a_swap_waits_for_windows_and_not_for_how_long_a_value_may_be_held() -> None:
    held = number_input('map', KeepRule.LATEST, 3_600_000)
    line = Line(pipeline=number_pipeline(1, held))
    for topic in ('map', 'x'):
        line.loop.receive(line.streams[0], topic, 10, NOW_NS)
    line.loop.serve()  # from now on nothing comes, and the other model cannot be warm
    other = number_pipeline(1, held, version=2)
    thread = threading.Thread(target=line.loop.prepare, args=(other,), daemon=True)
    thread.start()
    thread.join(WAIT_S)
    assert not thread.is_alive()


def test_a_loop_that_has_stopped_holds_no_model() -> None:
    line = Line()
    line.loop.start()
    line.loop.stop()
    line.loop.prepare(number_pipeline(version=2))  # by a swap that was under way
    assert not any(stream._inboxes for stream in line.streams)


def test_a_candidate_that_cannot_run_yet_leaves_its_frames_to_the_serving_model() -> None:
    serving, candidate = (
        number_pipeline(1, number_input('joints', KeepRule.LATEST, limit_ms), version=version)
        for version, limit_ms in ((1, 1000), (2, 10))
    )
    line = Line(pipeline=serving)
    line.loop.prepare(candidate)
    line.router.try_out(candidate, Share(1.0))
    line.loop.receive(line.streams[0], 'joints', 10, NOW_NS - 500 * MS)
    line.serve(10)
    line.loop.receive(line.streams[0], 'joints', 10, NOW_NS)
    line.serve(20)
    assert line.results.got == [('a', 10), ('a', 20)]
    assert line.router.outcomes == [(1, True), (2, True)]


def test_a_replaced_model_is_released_also_while_nothing_comes() -> None:
    line = Line()
    old = weakref.ref(line.router.pipeline)
    line.loop.start()
    line.loop.receive(line.streams[0], 'x', 10, NOW_NS)
    wait_until(lambda: line.results.got and not line.loop.busy_s(), 'the loop waits')
    other = number_pipeline(version=2)
    line.loop.prepare(other)
    line.router.swap(other)
    line.loop.forget(old())  # type: ignore[arg-type]
    line.results.predictions.clear()

    def released() -> bool:
        gc.collect()
        return old() is None

    wait_until(released, 'the old model is released')
    line.loop.stop()
