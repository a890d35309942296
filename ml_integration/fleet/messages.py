"""Messages of `/diagnostics`, from ROS or from a bag, become values."""

from __future__ import annotations

from typing import Any

from ml_integration.core.findings import Level
from ml_integration.fleet.status import Report, Status

STALE = 3
"""Level in diagnostic_msgs/DiagnosticStatus of what is too old."""
LONGEST_TEXT = 4096
"""Characters of a name, a sentence or a value that are kept."""
MOST_VALUES = 4096
"""Values of a status that are kept."""


def read_report(message: Any) -> Report:
    """Reads a diagnostic_msgs/DiagnosticArray; what is too long in it is cut.

    Args:
        message: of rclpy, or anything with the same fields.
    """
    stamp = message.header.stamp
    stamp_ns = stamp.sec * 1_000_000_000 + stamp.nanosec
    return Report(stamp_ns, tuple(map(_status, message.status)))


def _status(status: Any) -> Status:
    level = _number(status.level)
    return Status(
        name=status.name[:LONGEST_TEXT],
        level=_level(level),
        message=status.message[:LONGEST_TEXT],
        hardware_id=status.hardware_id[:LONGEST_TEXT],
        values={
            item.key[:LONGEST_TEXT]: item.value[:LONGEST_TEXT]
            for item in status.values[:MOST_VALUES]
        },
        stale=level == STALE,
    )


def _level(number: int) -> Level:
    if number == STALE:
        return Level.WARN
    return Level(number) if number in Level.__members__.values() else Level.ERROR


def _number(level: bytes | int) -> int:
    """Returns the level as a number: rclpy has a byte, a bag a number."""
    return level if isinstance(level, int) else int.from_bytes(level, 'little')
