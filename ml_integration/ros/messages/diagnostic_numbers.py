"""Reads the numbers that an inference node publishes on `/diagnostics`."""

from __future__ import annotations

import math

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus


def statuses_of(message: DiagnosticArray, node: str) -> dict[str, DiagnosticStatus]:
    """Returns the statuses of a node by concern, such as 'drops'; none if it is another's message.

    Args:
        message: from `/diagnostics`.
        node: full name of the node, with or without its leading slash.
    """
    begin = f'{node.lstrip("/")}: '
    return {
        status.name.removeprefix(begin): status
        for status in message.status
        if status.name.startswith(begin)
    }


def numbers(status: DiagnosticStatus) -> dict[str, float]:
    """Returns the numbers of a status by key, without those that are not known yet."""
    found = {item.key: _number(item.value) for item in status.values}
    return {key: number for key, number in found.items() if number is not None}


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
