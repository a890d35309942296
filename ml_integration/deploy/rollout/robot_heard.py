"""Remembers what was heard of a robot, and for how long that counts; no I/O, no clock."""

from __future__ import annotations

import math

from ml_integration.deploy.rollout.robot_conditions import Robot, states_in

MOTION_AGE_S = 2.0
"""Age from which on nobody knows how a robot moves [s]; a state counts while it has a publisher,
as many are published once, when they change."""


class RobotHeard:
    """Newest word of a robot about itself. One thread tells it, others may ask."""

    def __init__(self) -> None:
        self._states: tuple[str, ...] = ()
        self._motion: tuple[float, float] = (math.nan, math.nan)
        self._moved_ns: int | None = None

    def says(self, text: str) -> None:
        """Takes what the robot says of itself."""
        self._states = states_in(text)

    def is_silent(self) -> None:
        """Forgets what the robot said of itself, as nobody says it any more."""
        self._states = ()

    def moves(self, speed: float, angular_speed: float, now_ns: int) -> None:
        """Takes how the robot moves.

        Args:
            speed: m/s.
            angular_speed: rad/s.
            now_ns: the time [ns, steady clock].
        """
        self._motion, self._moved_ns = (speed, angular_speed), now_ns

    def robot(self, publishers: int, parameter: str, now_ns: int) -> Robot:
        """Returns what is known.

        Args:
            publishers: of the topic that says the robot's state; where there are none a person
                may say it.
            parameter: what a person says.
            now_ns: the time [ns, steady clock].
        """
        states = self._states if publishers else states_in(parameter)
        moved_ns = self._moved_ns
        if moved_ns is None or now_ns - moved_ns > MOTION_AGE_S * 1e9:
            return Robot(states)
        return Robot(states, *self._motion)
