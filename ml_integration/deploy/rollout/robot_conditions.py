"""Conditions on a robot, such as `docked and speed < 0.01`; no I/O, no clock.

A condition of which nobody knows whether it is met is not met.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from ml_integration.deploy.rollout.steps import Gate
from ml_integration.errors import SettingError

KEY = 'rollout.only_when'
_WORD = re.compile(r'[A-Za-z_][A-Za-z0-9_-]*')
_BELOW = re.compile(r'(?P<name>[a-z_]+)\s*<\s*(?P<limit>[0-9.]+(e-?[0-9]+)?)(\s*(?P<unit>\S+))?')
_UNITS = {'speed': 'm/s', 'angular_speed': 'rad/s'}
_VERBS = {'speed': 'slower than', 'angular_speed': 'turning slower than'}
_NO_WORDS = (*_UNITS, 'and', 'or', 'not')
_EXPECTED = "words and comparisons joined with 'and', such as docked and speed < 0.01"


@dataclass(frozen=True, slots=True)
class Robot:
    """What is known of a robot at one moment.

    Attributes:
        states: what it says of itself, such as docked; empty if nobody knows.
        speed: of its base [m/s]; None if nobody knows.
        angular_speed: of its base [rad/s]; None if nobody knows.
    """

    states: tuple[str, ...] = ()
    speed: float | None = None
    angular_speed: float | None = None


def states_in(text: str) -> tuple[str, ...]:
    """Returns the states that a text names: 'docked', or 'docked, disarmed' for both."""
    return tuple(filter(None, (part.strip() for part in text.split(','))))


@dataclass(frozen=True, slots=True)
class InState:
    """Condition: the robot says that it is in a state."""

    state: str

    def is_met(self, robot: Robot) -> bool:
        return self.state in robot.states

    def __str__(self) -> str:
        return self.state


@dataclass(frozen=True, slots=True)
class Below:
    """Condition: a number of the robot is below a limit.

    Attributes:
        name: of the number, speed or angular_speed.
        limit: m/s or rad/s.
    """

    name: str
    limit: float

    def is_met(self, robot: Robot) -> bool:
        value = robot.speed if self.name == 'speed' else robot.angular_speed
        return value is not None and value < self.limit  # not a number is not below

    def __str__(self) -> str:
        return f'{_VERBS[self.name]} {self.limit:g} {_UNITS[self.name]}'


@dataclass(frozen=True, slots=True)
class RobotConditions:
    """Conditions that all have to be met; none: every robot meets them.

    Attributes:
        parts: the conditions.
    """

    parts: tuple[InState | Below, ...] = ()

    @property
    def asks_for_state(self) -> bool:
        """Whether it matters what the robot says of itself."""
        return any(isinstance(part, InState) for part in self.parts)

    @property
    def asks_for_motion(self) -> bool:
        """Whether it matters how the robot moves."""
        return any(isinstance(part, Below) for part in self.parts)

    def gate(self, robot: Robot) -> Gate:
        """Says whether a robot may take a step, and what it would have to be."""
        met = all(part.is_met(robot) for part in self.parts)
        return Gate(met, ' and '.join(map(str, self.parts)))


def parse_conditions(text: str, where: str) -> RobotConditions:
    """Reads conditions; an empty text has none.

    Args:
        text: such as 'docked and speed < 0.01'.
        where: the node, for errors.

    Raises:
        SettingError: it is something else.
    """
    if not text.strip():
        return RobotConditions()
    parts = re.split(r'\s+and\s+', text.strip())
    return RobotConditions(tuple(_parse(part, text, where) for part in parts))


def _parse(part: str, text: str, where: str) -> InState | Below:
    below = _BELOW.fullmatch(part)
    if below is not None:
        return _below(below, text, where)
    if _WORD.fullmatch(part) and part not in _NO_WORDS:
        return InState(part)
    hint = (
        f"'{part}' is neither: a word is what ~/robot_state says, a comparison is "
        f'{" or ".join(f"{name} < NUMBER [{unit}]" for name, unit in _UNITS.items())}.'
    )
    raise SettingError(KEY, text, _EXPECTED, where=where, hint=hint)


def _below(found: re.Match[str], text: str, where: str) -> Below:
    name, unit = found['name'], found['unit']
    if name not in _UNITS:
        raise SettingError(KEY, text, f'{" or ".join(_UNITS)} before <', where=where)
    if unit not in (None, _UNITS[name]):
        hint = f'{name} is in {_UNITS[name]}, and the unit may be left out.'
        raise SettingError(KEY, text, f'{name} in {_UNITS[name]}', where=where, hint=hint)
    try:
        limit = float(found['limit'])
    except ValueError:
        limit = 0.0
    if not 0 < limit < math.inf:
        hint = 'A robot that stands still is not below 0.'
        raise SettingError(KEY, text, f'a number above 0 after {name} <', where=where, hint=hint)
    return Below(name, limit)
