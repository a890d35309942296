"""Makes statuses for `/diagnostics` and the like of plain values."""

from __future__ import annotations

from collections.abc import Iterable

from diagnostic_msgs.msg import DiagnosticStatus, KeyValue

from ml_integration.core.findings import Level

Values = Iterable[tuple[str, object]]
"""Pairs of a key, with its unit, and a value: one number or one text; None: not known."""


def diagnostic_status(
    name: str, level: Level, message: str, hardware_id: str, values: Values
) -> DiagnosticStatus:
    """Makes a status.

    Args:
        name: such as '<node>: <concern>'.
        level: how bad it is.
        message: a sentence for people.
        hardware_id: what it is about: the full name of a node, or a device.
        values: numbers and texts for programs.
    """
    return DiagnosticStatus(
        level=bytes([level]),
        name=name,
        message=message,
        hardware_id=hardware_id,
        values=[KeyValue(key=key, value=_text(value)) for key, value in values],
    )


def _text(value: object) -> str:
    if value is None:
        return ''
    return f'{value:.2f}' if isinstance(value, float) else str(value)
