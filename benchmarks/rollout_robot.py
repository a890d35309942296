"""A robot without ROS that sees drawn scenes and rolls new versions out, as fast as it can.

Everything that decides is what a node has: frame loop, router, shadow, judge, steps and state on
disk. What is not: the pictures come one after the other, each when the one before is done with,
and the clock of the rollout is that of the pictures, so that minutes take seconds. The time of a
model is the CPU time of the process, in which nothing else runs then: a machine that does other
things as well would otherwise be what is measured.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import monotonic_ns, process_time_ns
from typing import Any

import numpy as np
from vision_msgs.msg import Detection2DArray

from benchmarks.rollout_models import white_picture
from ml_integration.core.accuracy_settings import AccuracySettings
from ml_integration.core.arrivals import Observation
from ml_integration.core.datatypes import Prediction
from ml_integration.core.execution import ExecutionSettings
from ml_integration.core.findings import Level
from ml_integration.core.monitor import Monitor
from ml_integration.core.pipeline import Pipeline
from ml_integration.core.rollout.pair import Pair
from ml_integration.core.rollout.settings import RolloutSettings
from ml_integration.demos.monitor_demo.camera import truth_message
from ml_integration.demos.scene_maker import make_scene
from ml_integration.demos.scenes import Scene, render
from ml_integration.deploy.admission import Admission
from ml_integration.deploy.deployment import Deployment
from ml_integration.deploy.history import History
from ml_integration.deploy.loading import Loader
from ml_integration.deploy.probation import ProbationSettings
from ml_integration.deploy.rollout.settling import settle
from ml_integration.errors import MlIntegrationError
from ml_integration.recordings.pictures import picture_message
from ml_integration.serving.frame_loop import FrameLoop
from ml_integration.serving.loop_settings import LoopSettings
from ml_integration.serving.rollout import Rollout
from ml_integration.serving.rollout_evidence import MemoryEvidence
from ml_integration.serving.rollout_truth import RolloutTruth
from ml_integration.serving.stagehand import Surroundings
from ml_integration.serving.streams import Stream
from ml_integration.serving.witness import Witness
from ml_integration.store.package.package import ModelPackage
from ml_integration.store.state.model_store import ModelStore
from ml_integration.store.state.rollout_state import RolloutState
from ml_integration.store.state.state_dir import StateDir
from ml_integration.store.trust.policy import DIGEST

NODE = '/detector'
FIRST, OF_SCENE = 5000, 8
"""Seed of the first scene, and pictures of each, which are shown one after the other."""
GLARE_EVERY, GLARE = 100, 12
"""So many of so many pictures in a row are white."""
TRUTH = 'detections'
LOOK_S = 0.05
PATIENCE_S = 60.0
"""Longest wait for models to be opened, or for a picture [s]."""


class CpuTimed(Loader):
    """Loader of pipelines that tell the CPU time of the process as theirs."""

    def load(self, package: ModelPackage, fresh: bool = False) -> Pipeline:
        """Loads one."""
        pipeline = super().load(package, fresh)
        pipeline._now_ns = process_time_ns
        return pipeline


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture (H, W, 3) uint8 RGB, and what it really shows."""

    picture: np.ndarray
    truth: Detection2DArray


class Scenes:
    """Drawn pictures, made before a rollout begins: later they would seem to be a leak.

    Args:
        count: scenes.
    """

    def __init__(self, count: int) -> None:
        scenes = (make_scene(FIRST + number) for number in range(count))
        self._scenes = [
            [_shown(scene, number / 5.0) for number in range(OF_SCENE)] for scene in scenes
        ]
        self._glare = Shown(white_picture(), Detection2DArray())

    def pictures(self, seed: int) -> Iterator[Shown]:
        """Yields pictures for ever: scenes in any order, and glare now and then."""
        rng, number = np.random.default_rng(seed), 0
        while True:
            for shown in self._scenes[int(rng.integers(len(self._scenes)))]:
                number += 1
                yield shown if number % GLARE_EVERY < GLARE_EVERY - GLARE else self._glare


def _shown(scene: Scene, time_s: float) -> Shown:
    return Shown(render(scene, time_s), truth_message(scene, time_s))


class Topic:
    """What is published: how many results each model made."""

    name = 'results'

    def __init__(self) -> None:
        self.made_by: Counter[str] = Counter()

    def take(self, observation: Observation, prediction: Prediction, pipeline: Pipeline) -> None:
        """Counts a result that is valid."""
        self.made_by[str(pipeline.model.identity)] += prediction.verdict.ok


class Labels:
    """Truth that comes with each picture, if it comes; see `TruthSource`.

    Args:
        come: whether it does.
    """

    def __init__(self, come: bool) -> None:
        self._come = come

    def read(self, topic: str, message: Any) -> Any:
        """Returns a message as it is."""
        return message

    def expects(self, stream: str) -> bool:
        """Tells whether truth comes."""
        return self._come


class WaitedFor(Witness):
    """Witness that somebody waits for.

    Attributes:
        done: set when a picture was compared.
    """

    def __init__(self) -> None:
        super().__init__()
        self.done = threading.Event()

    def compared(self, pair: Pair) -> None:
        """Takes a pair of the shadow."""
        super().compared(pair)
        self.done.set()


class RolloutRobot:
    """A robot that is shown pictures one by one.

    Args:
        store: the models.
        state: what it remembers over restarts.
        stable: `name@version` that it begins with.
        settings: of its rollouts.
        rate_hz: pictures of a second, by the clock of the rollout.
        labels: whether it is told what the pictures really show.

    Attributes:
        topic: what was published.
        frames: pictures so far.
        told: what a person was told.
    """

    def __init__(
        self,
        store: Path,
        state: Path,
        stable: str,
        settings: RolloutSettings,
        rate_hz: float,
        labels: bool = False,
    ) -> None:
        self._settings, self._rate_hz, self._labels = settings, rate_hz, labels
        self._truth = RolloutTruth(Labels(labels), AccuracySettings)
        self.topic, self.frames = Topic(), 0
        self.told: list[tuple[Level, str]] = []
        self._began_ns = monotonic_ns()
        state_dir = StateDir(state)
        self._history = history = History(state_dir, NODE)
        settle(history, settings)
        admission = Admission(ModelStore([store], state_dir), DIGEST, history.of_model)
        loader = CpuTimed(ExecutionSettings(intra_op_threads=1, spinning='never'))
        self._deployment = Deployment(admission, loader, history, ProbationSettings, monotonic_ns)
        self._deployment.start(stable)
        self._witness = witness = WaitedFor()
        self._stream = Stream('', 'image', self.topic, [witness], witness.failed)
        self._loop = self._deployment.audience = self._made_loop()
        self._loop.begin()
        self.rollout = Rollout(
            self._deployment.hands, history, witness, self._surroundings(), look_s=LOOK_S
        )
        self.rollout.begin()

    @property
    def state(self) -> RolloutState:
        """Where its rollout is."""
        return self.rollout.state

    @property
    def seconds(self) -> float:
        """Time by the clock of the rollout [s]."""
        return self.frames / self._rate_hz

    def show(self, shown: Shown) -> None:
        """Shows a picture, and returns when every model that sees it is done with it."""
        while self.rollout.snapshot().opening:
            self._serve(shown)  # the clock stands still meanwhile, and nothing is judged
            time.sleep(LOOK_S)
        self.frames += 1
        self._serve(shown)

    def close(self) -> None:
        """Ends it as a clean stop does."""
        self.rollout.close()
        self._deployment.audience = None
        self._loop.stop()
        self._deployment.close()

    def _serve(self, shown: Shown) -> None:
        stamp_ns = monotonic_ns()
        self._witness.done.clear()
        message = picture_message(shown.picture, stamp_ns, 'rgb8')
        self._loop.receive(self._stream, 'image', message, stamp_ns)
        self._loop.serve_waiting()
        if self._labels:
            self._truth.truth('', stamp_ns, TRUTH, shown.truth, 0)
        end = time.monotonic() + PATIENCE_S
        while self._witness.shadow is not None and not self._witness.done.wait(LOOK_S):
            if time.monotonic() > end:
                raise MlIntegrationError(f'a picture was not compared in {PATIENCE_S:g} s')

    def _made_loop(self) -> FrameLoop:
        router, witness = self._deployment.router, self._witness
        return FrameLoop(
            router,
            [self._stream],
            Monitor(monotonic_ns(), router.pipeline.wiring.input_keys()),
            monotonic_ns,
            lambda sentence: None,
            LoopSettings(deadline_ms=0.0),
            self._unfit,
            witness.lent,
        )

    def _unfit(self, pipeline: Pipeline, reason: str) -> None:
        self.rollout.unfit(pipeline, reason)

    def _surroundings(self) -> Surroundings:
        return Surroundings(
            settings=lambda: self._settings,
            feeding=self._loop,
            deadline_ms=lambda: 0.0,
            limit_candidate=lambda limit_ms: None,  # made of CPU time, and no time to wait
            tell=lambda level, sentence: self.told.append((level, sentence)),
            changed=lambda future: None,
            evidence=(MemoryEvidence(lambda: 0.0), self._truth),
            comparer=self._truth,
            has_room=lambda least: True,
            now_ns=lambda: self._began_ns + int(self.seconds * 1e9),
        )
