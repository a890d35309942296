"""Rollouts of one version on a robot without ROS, from the start to their end."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks import rollout_tasks
from benchmarks.rollout_robot import NODE, RolloutRobot, Scenes
from ml_integration.core.rollout.settings import RolloutSettings
from ml_integration.store.state.rollout_state import Phase, RolloutState
from ml_integration.store.state.state_dir import StateDir

RATE_HZ = 2.0
SETTINGS = RolloutSettings(
    shares=(50.0,),
    minimum_frames=120,
    minimum_s=60.0,
    watch_s=60.0,
    longest_s=400.0,
    unlike_latency_ratio=10.0,
    latency_ratio=1.5,
    late_ratio=0.05,
    error_ratio=0.05,
    invalid_ratio=0.05,
)
"""Fewer pictures than a careful team shows: by default a step takes 1000, and there are three
shares. With fewer only larger shares of errors, and larger p99, can be told from equal ones."""
LABELED_FRAMES = 250
"""Scores are told in blocks of 50 pictures, of which some are needed."""
MOST_STARTS = 10
FEW = 10
"""Scenes in a process that does not live long."""


@dataclass(frozen=True, slots=True)
class Version:
    """A candidate.

    Attributes:
        name: in the table.
        candidate: `name@version`.
        stable: what it is to take the place of.
        labels: whether the robot is told what the pictures really show.
    """

    name: str
    candidate: str
    stable: str = 'shapes@2'
    labels: bool = False


@dataclass(frozen=True, slots=True)
class Ending:
    """How a rollout ended.

    Attributes:
        phase: promoted and watched, rolled back or halted.
        at: phase in which that was decided.
        seconds: since it began [s].
        frames: pictures since then.
        in_shadow: results of the candidate that were published while it was in shadow.
        published: the same in all.
        reason: why, as a sentence.
    """

    phase: Phase
    at: Phase
    seconds: float
    frames: int
    in_shadow: int
    published: int
    reason: str

    @property
    def why(self) -> str:
        """What decided, without the numbers."""
        _, _, reason = self.reason.partition(': ')
        return re.split(r' \(| [0-9]|;|, and', reason)[0]


def roll_out(version: Version, store: Path, state: Path, scenes: Scenes, seed: int) -> Ending:
    """Rolls a version out on a robot that remembers what is in `state`."""
    robot = _robot(version, store, state)
    try:
        robot.rollout.start(version.candidate)
        return _rolled_out(robot, version.candidate, scenes, seed)
    finally:
        robot.close()
        rollout_tasks.forget()


def _robot(version: Version, store: Path, state: Path) -> RolloutRobot:
    frames = LABELED_FRAMES if version.labels else SETTINGS.minimum_frames
    settings = replace(SETTINGS, minimum_frames=frames)
    return RolloutRobot(store, state, version.stable, settings, RATE_HZ, version.labels)


def _rolled_out(robot: RolloutRobot, candidate: str, scenes: Scenes, seed: int) -> Ending:
    pictures = scenes.pictures(seed)
    at, in_shadow = Phase.SHADOW, 0
    while robot.state.under_way:
        at = robot.state.phase
        robot.show(next(pictures))
        if at is Phase.SHADOW and robot.state.phase is Phase.SHADOW:
            in_shadow = robot.topic.made_by[candidate]
    return _ending(robot.state, at, robot.seconds, robot.frames, in_shadow,
                   robot.topic.made_by[candidate])  # fmt: skip


def _ending(
    state: RolloutState, at: Phase, seconds: float, frames: int, in_shadow: int, published: int
) -> Ending:
    return Ending(state.phase, at, seconds, frames, in_shadow, published, state.reason)


def roll_out_apart(version: Version, store: Path, state: Path, seed: int) -> Ending:
    """Rolls a version out in processes of their own: another one each time that one dies.

    What is counted is of all of them together; they tell it, line by line, before they die.
    """
    arguments = [version.candidate, version.stable, str(store), str(state), str(seed)]
    told: list[tuple[str, int, int]] = []
    for _ in range(MOST_STARTS):
        done = subprocess.run(
            [sys.executable, '-m', __name__, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            check=False,
        )
        lines = [line.split() for line in done.stdout.splitlines()]
        told += [(phase, int(shown), int(published)) for phase, shown, published in lines[-1:]]
        known = StateDir(state).rollout_state(NODE)
        if not (known.under_way or known.interrupted):
            break
    frames = sum(shown for _, shown, _ in told)
    published = sum(made for _, _, made in told)
    in_shadow = sum(made for phase, _, made in told if phase == Phase.SHADOW.value)
    at = Phase(told[-1][0]) if told else Phase.SHADOW
    return _ending(known, at, frames / RATE_HZ, frames, in_shadow, published)


def _one_of_many(version: Version, store: Path, state: Path, seed: int) -> None:
    """Rolls out and tells how far it has come; it may not come to an end."""
    robot, candidate = _robot(version, store, state), version.candidate
    if not robot.state.under_way and robot.state.bar_of(robot.state.candidate) is None:
        robot.rollout.start(candidate)
    pictures = Scenes(FEW).pictures(seed)
    while robot.state.under_way:
        at = robot.state.phase.value
        print(at, robot.frames + 1, robot.topic.made_by[candidate], flush=True)
        robot.show(next(pictures))
    robot.close()


if __name__ == '__main__':
    candidate, stable, store, state, seed = sys.argv[1:]
    _one_of_many(Version('', candidate, stable), Path(store), Path(state), int(seed))
