"""The judge of a rollout is told of each frame once, with what became of it in each model."""

from __future__ import annotations

from typing import Any

import pytest
from frame_lines import Line
from number_pipelines import number_pipeline

from ml_integration.core.rollout.judge import RolloutJudge
from ml_integration.core.rollout.judgment import Stage
from ml_integration.core.rollout.pair import Pair
from ml_integration.core.rollout.settings import RolloutSettings
from ml_integration.deploy.turns import Share
from ml_integration.errors import InferenceError
from ml_integration.serving.judging import Judging
from ml_integration.serving.witness import Trial, Witness


class Told(Judging):
    """Notes the pairs."""

    def __init__(self) -> None:
        super().__init__(RolloutSettings, lambda judgment: None)
        self.pairs: list[Pair] = []

    def add(self, pair: Pair) -> None:
        self.pairs.append(pair)


class Witnessed(Line):
    """A line whose candidate, m@2, gets every second frame, before a witness."""

    def __init__(self, stage: Stage, factor: Any = 100) -> None:
        self.witness, self.told = Witness(), Told()
        super().__init__(1, self.witness)  # type: ignore[arg-type]
        for stream in self.streams:
            stream.failed = self.witness.failed
        self.loop._judge = self.witness.lent
        self.candidate = number_pipeline(1, version=2, factor=factor)
        self.witness.trial = Trial('m@2', 'm@1', stage, self.told, lambda: 0.0)
        self.loop.prepare(self.candidate)
        if stage is Stage.CANARY:
            self.router.try_out(self.candidate, Share(0.5))
        elif stage is Stage.WATCH:
            self.router.swap(self.candidate)

    def sides(self) -> list[tuple[bool | None, bool | None]]:
        """Of each pair, whether each model's result is valid; None: it is not about that one."""
        return [
            (one.stable and one.stable.valid, one.candidate and one.candidate.valid)
            for one in self.told.pairs
        ]  # type: ignore[misc]


def test_in_a_canary_each_frame_is_told_of_the_model_that_served_it() -> None:
    line = Witnessed(Stage.CANARY)
    for number in (10, 11, 12, 13):
        line.serve(number)
    assert line.sides() == [(True, None), (None, True), (True, None), (None, True)]
    assert not any(one.stable and one.stable.spare for one in line.told.pairs)


@pytest.mark.parametrize('bad', ['invalid', 'failing'])
def test_what_the_candidate_could_not_do_is_told_once_of_both(bad: str) -> None:
    line = Witnessed(Stage.CANARY, factor=0.5 if bad == 'invalid' else 100)
    if bad == 'failing':
        session: Any = line.candidate.session

        def fail(tensors: Any, deadline_ns: int | None = None) -> Any:
            raise InferenceError('m@2', 'no memory')

        session.run = fail
    for number in (10, 10, 12, 10, 14):
        line.serve(number)
    assert line.sides() == [(True, None), (True, False), (True, None), (True, False)]
    assert line.results.got == [('a', n) for n in (10, 10, 12, 10, 14)]  # the last one is held


def test_what_the_stable_model_cannot_do_is_told_of_it() -> None:
    line = Witnessed(Stage.CANARY)
    for number in (3, 11, 12):  # three fails
        line.serve(number)
    assert line.sides() == [(False, None), (None, True)]


def test_a_promoted_candidate_is_told_of_at_once() -> None:
    line = Witnessed(Stage.WATCH)
    line.serve(10)
    line.serve(3)
    assert line.sides() == [(None, True), (None, False)]


def test_in_shadow_only_pairs_are_told_and_the_latency_is_remembered() -> None:
    line = Witnessed(Stage.SHADOW)
    line.serve(10)
    assert line.told.pairs == []
    assert line.witness.stable_p99_ms > 0.0


def test_without_a_trial_nothing_is_told() -> None:
    line = Witnessed(Stage.SHADOW)
    line.witness.trial = None
    line.serve(10)
    line.serve(3)
    assert line.told.pairs == []


def test_a_candidate_that_is_lent_frames_has_a_time_limit_of_its_own() -> None:
    line = Witnessed(Stage.CANARY)
    deadlines: list[tuple[int, int]] = []
    for pipeline in (line.router.pipeline, line.candidate):
        session: Any = pipeline.session
        run, version = session.run, pipeline.model.identity.version

        def timed(
            tensors: Any, deadline_ns: int = 0, run: Any = run, version: int = version
        ) -> Any:
            deadlines.append((version, deadline_ns))
            return run(tensors, deadline_ns)

        session.run = timed
    line.loop.candidate_timeout_ms = 100.0
    for number in (10, 11):
        line.serve(number)
    (first, stable_ns), (second, candidate_ns) = deadlines
    assert (first, second) == (1, 2)
    assert candidate_ns - stable_ns < -5e8  # 100 ms instead of 1 s


def told_of(judge: RolloutJudge, what: list[str], name: str) -> None:
    what.append(name)


def test_nobody_who_tells_waits_for_a_judge_who_looks() -> None:
    """What is told meanwhile is taken in order when the look is over."""
    judging, what = Judging(RolloutSettings, lambda judgment: None), list[str]()
    judging.begin(Stage.SHADOW)

    def look(judge: RolloutJudge) -> None:
        judging.tell(lambda judge: told_of(judge, what, 'second'))
        what.append('first')

    judging.tell(look)
    assert what == ['first', 'second']


def test_what_is_certain_is_acted_on_once_and_at_once() -> None:
    certain: list[str] = []
    judging = Judging(RolloutSettings, lambda judgment: certain.append(judgment.reason))
    judging.begin(Stage.CANARY)
    judging.fault('a run did not come back')
    judging.fault('another one')
    assert certain == ['a run did not come back']
    judging.begin(Stage.SHADOW)
    judging.fault('anew')
    assert certain[1:] == ['anew']
