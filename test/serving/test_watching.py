"""Watches hear of each run and which one was lent; measuring takes no more than its share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from number_pipelines import number_pipeline

from ml_integration.core.arrivals import Observation, of_one
from ml_integration.core.findings import Finding, Level
from ml_integration.core.pipeline import Pipeline
from ml_integration.core.watches import Look, Seen
from ml_integration.deploy.loading import Loader
from ml_integration.recordings.pictures import picture_message
from ml_integration.serving.watching import LONGEST_PAUSE_NS, MOST_OF_TIME, Watching
from ml_integration.store.package.package import read_package

SHAPES = Path(__file__).parents[2] / 'models/shapes/1'
MS = 1_000_000


class Witness:
    """A watch that keeps what it saw."""

    concern = 'witness'
    of_frames = True

    def __init__(self) -> None:
        self.seen: list[Seen] = []

    def begin(self, now_ns: int) -> None:
        pass

    def take(self, seen: Seen) -> None:
        self.seen.append(seen)

    def look(self, now_ns: int) -> Look:
        return Look(Finding(self.concern, Level.OK, ''), ())

    def measured(self, stream: str) -> int:
        return sum(bool(one.measures) for one in self.seen if one.stream == stream)


class Clock:
    """A clock in whose time measuring takes as long as it is told."""

    def __init__(self) -> None:
        self.now_ns = 0
        self.measuring_ns = 0

    def __call__(self) -> int:
        before, self.now_ns = self.now_ns, self.now_ns + self.measuring_ns
        return before


@pytest.fixture(scope='module')
def pipeline() -> Iterator[Pipeline]:
    pipeline = Loader().load(read_package(SHAPES))
    yield pipeline
    pipeline.close()


def show(pipeline: Pipeline, period_ms: float, measuring_ms: float, *streams: str) -> Witness:
    """Shows two seconds of frames of some streams."""
    clock, witness = Clock(), Witness()
    watching = Watching([witness], clock)
    picture = picture_message(np.zeros((48, 64, 3), np.uint8))
    observation = of_one(pipeline.wiring.inputs[0].tensor, picture)
    prediction = pipeline.run(observation)
    for number in range(round(2000 / period_ms)):
        clock.now_ns = int(number * period_ms * MS)
        for stream in streams:
            clock.measuring_ns = int(measuring_ms * MS)
            watching.take(_of(observation, stream), prediction, pipeline)
    return witness


def _of(observation: Observation, stream: str) -> Any:
    return SimpleNamespace(stream=stream, trigger=observation.trigger)


def test_every_frame_of_a_camera_is_measured_where_there_is_time(pipeline: Pipeline) -> None:
    witness = show(pipeline, 1000 / 30, 0.3, '')
    assert witness.measured('') == len(witness.seen) == 60


def test_frames_that_come_too_fast_are_seen_and_not_all_of_them_measured(
    pipeline: Pipeline,
) -> None:
    witness = show(pipeline, 4, 1.0, 'a', 'b')
    assert len(witness.seen) == 1000
    most = 2000 * MOST_OF_TIME / 1.0
    assert 0.8 * most / 2 <= witness.measured('a') <= most / 2 + 1
    assert abs(witness.measured('a') - witness.measured('b')) <= 1


def test_a_second_is_made_of_several_measures_however_slow_they_are(pipeline: Pipeline) -> None:
    witness = show(pipeline, 10, 9.0, '')
    assert witness.measured('') == pytest.approx(2e9 / LONGEST_PAUSE_NS, abs=1)


def test_a_run_of_another_pipeline_than_the_serving_one_is_lent() -> None:
    serving, candidate = number_pipeline(1), number_pipeline(1, version=2)
    witness = Witness()
    watching = Watching([witness], serving=lambda: serving)
    for pipeline in (serving, candidate, serving):
        observation = of_one('x', 10)
        watching.take(observation, pipeline.run(observation), pipeline)
    assert [one.lent for one in witness.seen] == [False, True, False]
