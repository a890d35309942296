"""A candidate that serves a share: what it cannot do the other model does, and its turns end."""

from __future__ import annotations

import math
from pathlib import Path
from time import monotonic_ns
from typing import Any

import pytest
from frame_lines import MS, NOW_NS, Line
from number_pipelines import Listener, NumberStage, number_pipeline

from benchmarks.rollout_models import Kind, make_store, white_picture
from ml_integration.core.execution import ExecutionSettings
from ml_integration.core.pipeline import Pipeline
from ml_integration.core.rollout.pair import Pair
from ml_integration.deploy.loading import Loader
from ml_integration.deploy.router import Router
from ml_integration.deploy.turns import Share
from ml_integration.errors import DeadlineError, InferenceError
from ml_integration.recordings.pictures import picture_message
from ml_integration.serving.frame_loop import FrameLoop
from ml_integration.serving.loop_settings import LoopSettings
from ml_integration.serving.streams import Stream
from ml_integration.store.package.package import read_package

S = 1_000_000_000


class Canary(Line):
    """A line whose candidate gets every second frame, and multiplies by `factor`."""

    def __init__(self, factor: Any = 100, together: int = 1, stages: bool = False) -> None:
        def staged() -> Any:
            return {'count': NumberStage()} if stages else None

        super().__init__(pipeline=number_pipeline(together, stages=staged()))
        self.pairs: list[Pair] = []
        self.stable = self.router.pipeline
        self.candidate = number_pipeline(together, version=2, factor=factor, stages=staged())
        self.loop._judge = self.pairs.append
        self.loop.prepare(self.candidate)
        self.router.try_out(self.candidate, Share(0.5))

    def breaks_with(self, error: BaseException) -> None:
        """Makes each run of the candidate end with an error."""

        def fail(tensors: Any, deadline_ns: int | None = None) -> Any:
            raise error

        session: Any = self.candidate.session
        session.run = fail

    def models(self) -> list[int]:
        """Versions that made the results."""
        return [one.model.version for one in self.results.predictions]


def test_each_result_says_which_model_made_it() -> None:
    line = Canary()
    for number in (10, 11, 12, 13):
        line.serve(number)
    assert line.results.got == [('a', 10), ('a', 1100), ('a', 12), ('a', 1300)]
    assert line.models() == [1, 2, 1, 2]
    assert line.pairs == []


@pytest.mark.parametrize('together', [1, 3])
def test_a_frame_that_the_candidate_cannot_do_is_served_by_the_other_one(together: int) -> None:
    line = Canary(together=together)
    line.breaks_with(InferenceError('m@2', 'no memory'))
    for number in (10, 11):
        line.serve(number)
    assert line.results.got == [('a', 10), ('a', 11)]
    assert line.models() == [1, 1]
    assert line.router.outcomes == [(1, True), (2, False), (1, True)]
    assert (line.total().published, line.total().failed) == (2, 0)
    (pair,) = line.pairs
    assert pair.candidate is not None and pair.stable is not None
    assert (pair.stream, pair.stamp_ns, pair.disagreement) == ('a', NOW_NS, None)
    assert (pair.candidate.valid, pair.candidate.error) == (False, 'InferenceError')
    assert math.isnan(pair.candidate.latency_ms)
    assert pair.stable.valid and pair.stable.latency_ms > 0
    assert line.log[0].startswith('a: candidate failed: m@2')


def test_a_judge_that_fails_costs_no_result() -> None:
    line = Canary()
    line.breaks_with(InferenceError('m@2', 'no memory'))

    def judge(pair: Pair) -> None:
        raise ValueError('a mistake in a judge')

    line.loop._judge = judge
    for number in (10, 11):
        line.serve(number)
    assert line.results.got == [('a', 10), ('a', 11)]
    assert line.total().failed == 0
    assert line.monitor.stats(monotonic_ns()).spectators_failed == {'rollout': 1}


def test_every_stream_of_a_batch_gets_the_other_models_result() -> None:
    line = Canary(together=3)
    line.breaks_with(InferenceError('m@2', 'no memory'))
    line.serve(10, 20, 30)  # the first model's turn
    line.serve(11, 21, 31)
    assert sorted(line.results.got[3:]) == [('a', 11), ('b', 21), ('c', 31)]
    assert sorted(pair.stream for pair in line.pairs) == ['a', 'b', 'c']


def test_an_invalid_result_of_the_candidate_is_replaced_and_told() -> None:
    line = Canary(factor=0.5)  # ten becomes five, which is invalid
    for number in (10, 10):
        line.serve(number)
    assert line.results.got == [('a', 10), ('a', 10)]
    assert line.models() == [1, 1]
    assert line.monitor.stats(0).invalid_kinds == {}
    (pair,) = line.pairs
    assert pair.candidate is not None
    assert (pair.candidate.valid, pair.candidate.error) == (False, '')
    assert line.log == ['a: candidate invalid: five']


def test_what_both_models_cannot_do_has_failed_once() -> None:
    line = Canary()
    for number in (10, 3):
        line.serve(number)
    assert line.results.got == [('a', 10)]
    assert line.total().failed == 1
    (pair,) = line.pairs
    assert pair.stable is not None and pair.candidate is not None
    assert pair.stable.error == pair.candidate.error == 'InferenceError'


def test_what_has_become_too_old_is_not_served_again() -> None:
    line = Canary()

    def late(tensors: Any, deadline_ns: int | None = None) -> Any:
        line.loop._record.clock_ns = lambda: NOW_NS + 2000 * MS
        raise DeadlineError('m@2', 2000)

    session: Any = line.candidate.session
    session.run = late
    for number in (10, 11):
        line.serve(number)
    assert line.results.got == [('a', 10)]
    assert line.total().stale == 1
    assert [(pair.stable, pair.candidate.error) for pair in line.pairs if pair.candidate] == [
        (None, 'DeadlineError')
    ]
    assert [version for version, _ in line.unfit] == [2]


def test_a_candidate_gets_no_frame_after_it_was_withdrawn() -> None:
    line = Canary()
    line.breaks_with(InferenceError('m@2', 'no memory'))
    line.router.try_out(line.candidate, Share(1.0))
    line.loop._judge = lambda pair: line.router.withdraw()
    for number in (10, 11, 12):
        line.serve(number)
    assert line.results.got == [('a', 10), ('a', 11), ('a', 12)]
    assert line.router.outcomes.count((2, False)) == 1


def test_a_candidate_that_hangs_gets_no_further_frames() -> None:
    line = Canary()
    line.candidate.stuck = True
    for number in (10, 11, 12, 13):
        line.serve(number)
    assert line.models() == [1, 1, 1, 1]


def test_the_other_model_sees_a_jump_of_time_in_the_frame_that_it_takes_over() -> None:
    line = Canary()
    line.breaks_with(InferenceError('m@2', 'no memory'))
    line.serve(10)
    line.loop.receive(line.streams[0], 'x', 11, NOW_NS - 500 * MS)
    line.loop.serve()
    assert any('time has jumped back' in sentence for sentence in line.log)
    assert line.results.got == [('a', 10), ('a', 11)]


def slices(pipelines: tuple[Pipeline, Pipeline], seconds: list[float]) -> list[tuple[str, int]]:
    """Serves the number 10 at these times by two models that share slices of 10 s half by half."""
    clock = [0.0]
    router = Router(lambda pipeline: None, now_ns=lambda: int(clock[0] * S))
    router.swap(pipelines[0])
    line = Line()
    loop = FrameLoop(
        router, line.streams, line.monitor, lambda: NOW_NS, print, LoopSettings(1000.0)
    )
    for pipeline in pipelines:
        loop.prepare(pipeline)
    router.try_out(pipelines[1], Share(0.5, 10.0))
    for clock[0] in seconds:
        loop.receive(line.streams[0], 'x', 10, NOW_NS)
        loop.serve()
    return line.results.got


def test_models_that_remember_change_by_the_slice_and_forget_what_is_old() -> None:
    first, second = (
        number_pipeline(version=version, factor=factor, stages={'count': NumberStage()})
        for version, factor in ((1, 1), (2, 100))
    )
    got = slices((first, second), [0, 5, 9, 10, 15, 20, 21])
    # The stage adds how many results it remembers, this one included.
    assert [number for _, number in got] == [11, 12, 13, 1001, 1002, 11, 12]


def test_a_picture_that_a_real_candidate_fails_on_has_the_result_of_the_released_one(
    tmp_path: Path,
) -> None:
    store = make_store(tmp_path / 'store', Kind.RAISING)
    loader = Loader(ExecutionSettings(intra_op_threads=1))
    stable, candidate = (
        loader.load(read_package(store / f'shapes/{version}'))
        for version in (2, Kind.RAISING.value)
    )
    router, results, pairs = Router(), Listener(), list[Pair]()
    router.swap(stable)
    streams = [Stream('', 'image', results)]
    loop = FrameLoop(
        router, streams, Line().monitor, monotonic_ns, print, LoopSettings(), judge=pairs.append
    )
    loop.begin()
    loop.prepare(candidate)
    router.try_out(candidate, Share(1.0))
    for picture in (white_picture() // 2, white_picture(), white_picture() // 2):
        loop.receive(streams[0], 'image', picture_message(picture), monotonic_ns())
        loop.serve()
    router.close()
    made = [one.model for one in results.predictions]
    assert [one.version for one in made] == [Kind.RAISING.value, 2, Kind.RAISING.value]
    assert made[1].sha256 == stable.model.identity.sha256 != made[0].sha256
    (pair,) = pairs
    assert pair.stable is not None and pair.candidate is not None
    assert (pair.stable.valid, pair.candidate.error) == (True, 'InferenceError')
