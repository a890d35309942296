"""A robot that serves real models without ROS, and rolls new ones out."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic_ns
from typing import Any

import numpy as np
from deployed_robots import Robot
from number_pipelines import Listener
from ros_processes import wait_until

from ml_integration.core.findings import Level
from ml_integration.core.monitor import Monitor
from ml_integration.core.pipeline import Pipeline
from ml_integration.core.rollout.pair import Pair
from ml_integration.core.rollout.settings import RolloutSettings
from ml_integration.deploy.rollout.settling import settle
from ml_integration.errors import MlIntegrationError
from ml_integration.recordings.pictures import picture_message
from ml_integration.serving.frame_loop import FrameLoop
from ml_integration.serving.loop_settings import LoopSettings
from ml_integration.serving.rollout import Rollout
from ml_integration.serving.stagehand import Surroundings
from ml_integration.serving.streams import Stream
from ml_integration.serving.witness import Witness
from ml_integration.store.state.rollout_state import Phase, RolloutState
from ml_integration.store.state.state_dir import StateDir

PATIENCE_S = 60.0
HASTE = 2
"""How much faster the judge's clock goes."""
QUICK = RolloutSettings(
    shares=(50.0,),
    minimum_frames=150,
    minimum_s=3.2,
    watch_s=2.5,
    latency_ratio=1e30,
    unlike_latency_ratio=1e30,
    late_ratio=1.0,
    error_ratio=1.0,
    invalid_ratio=1.0,
    disagreement=0.9,
    memory_growth_mb=1e5,
)
"""Steps of a moment: so few seconds tell nothing that is sure but of other limits than these."""


def picture(gray: int = 0) -> Any:
    """A picture with a red square."""
    pixels = np.full((64, 64, 3), gray, np.uint8)
    pixels[16:32, 16:32] = (0, 0, 255)
    return picture_message(pixels)


class RollingRobot:
    """A robot with the models of a store, whose frame loop is under way.

    Args:
        store: the models; m@1 serves.
        state: what it remembers.
    """

    def __init__(self, store: Path, state: Path, settings: RolloutSettings = QUICK) -> None:
        self.robot = Robot(store, state)
        self.settings = settings
        self.settled = settle(self.robot.history, settings)
        self.deployment = self.robot.deployment
        self.deployment.start('m@1')
        self.message = picture()
        self.told: list[tuple[Level, str]] = []
        self.results, self.witness = Listener(), Witness()
        self.stream = Stream('', 'image', self.results, [self.witness], self.witness.failed)
        wiring = self.deployment.router.pipeline.wiring
        self.monitor = Monitor(monotonic_ns(), wiring.input_keys())
        self.loop = FrameLoop(
            self.deployment.router,
            [self.stream],
            self.monitor,
            monotonic_ns,
            lambda sentence: None,
            LoopSettings(deadline_ms=0.0),
            self._unfit,
            self.witness.lent,
        )
        self.loop.start()
        self.deployment.audience = self.loop
        self.rollout = self.make_rollout()
        self.rollout.begin()
        self._ended = threading.Event()
        self._feeder = threading.Thread(target=self._feed)
        self._feeder.start()

    @property
    def state(self) -> RolloutState:
        return self.rollout.state

    def wait_for(self, phase: Phase, watched: bool = False) -> RolloutState:
        """Waits until the rollout is in a phase."""

        self.wait_until(lambda: (self.state.phase, self.state.watched) == (phase, watched), phase)
        return self.state

    def wait_until_open(self) -> None:
        """Waits until the models of the step are open."""
        self.wait_until(lambda: not self.rollout.snapshot().opening, 'open models')

    def wait_until(self, condition: Callable[[], object], what: object) -> None:
        """Waits; what was told is in the error."""
        try:
            wait_until(condition, str(what), PATIENCE_S)
        except MlIntegrationError as error:
            raise AssertionError(f'{error}: {self.rollout.snapshot()}\n{self.told}') from None

    def served_by(self) -> list[str]:
        """What made each result so far."""
        return [str(one.model) for one in self.results.predictions]

    def reasons(self) -> list[str]:
        """Decisions in the audit log."""
        entries = StateDir(self.robot.state_dir).audit.entries()
        return [entry.reason for entry in entries if entry.action == 'rollout']

    def watch_lent(self) -> list[Pair]:
        """Returns a list of what the candidate is lent from now on and cannot do."""
        lent: list[Pair] = []

        def judge(pair: Pair) -> None:
            lent.append(pair)
            self.witness.lent(pair)

        self.loop._judge = judge
        return lent

    def kill(self) -> None:
        """Ends it without a word to its state."""
        self.robot.history.close = lambda served=True: None  # type: ignore[method-assign]

    def close(self) -> None:
        self._stop()
        self.deployment.close()

    def _stop(self) -> None:
        self._ended.set()
        self._feeder.join()
        self.rollout.close()
        self.deployment.audience = None
        self.loop.stop()

    def make_rollout(self) -> Rollout:
        """One that is not begun yet."""
        around = Surroundings(
            settings=lambda: self.settings,
            feeding=self.loop,
            deadline_ms=lambda: 0.0,
            limit_candidate=lambda limit_ms: setattr(self.loop, 'candidate_timeout_ms', limit_ms),
            tell=lambda level, sentence: self.told.append((level, sentence)),
            changed=lambda future: None,
            has_room=lambda least: True,
            now_ns=lambda: HASTE * monotonic_ns(),
        )
        return Rollout(
            self.deployment.hands, self.robot.history, self.witness, around, look_s=0.05
        )

    def _unfit(self, pipeline: Pipeline, reason: str) -> None:
        self.rollout.unfit(pipeline, reason)

    def _feed(self) -> None:
        while not self._ended.wait(0.005):
            self.loop.receive(self.stream, 'image', self.message, monotonic_ns())


@contextmanager
def rolling_robot(store: Path, state: Path, **more: Any) -> Iterator[RollingRobot]:
    """One that is closed at the end."""
    robot = RollingRobot(store, state, **more)
    try:
        yield robot
    finally:
        robot.close()
