"""The numbers that an inference node says about itself on /diagnostics."""

from __future__ import annotations

from dataclasses import dataclass

from diagnostic_msgs.msg import DiagnosticArray

from ml_integration.ros.messages.diagnostic_numbers import numbers, statuses_of


@dataclass(frozen=True, slots=True)
class NodeReport:
    """The latest report.

    Attributes:
        model: which model runs on what.
        input_hz: frames per second that arrive [Hz].
        received: frames since the activation.
        dropped: how many of them were displaced by a newer one or too old.
        infer_ms: median of the time inside the engine [ms].
        total_ms: median of the time for all of a frame, from its arrival [ms].
    """

    model: str = ''
    input_hz: float = 0.0
    received: int = 0
    dropped: int = 0
    infer_ms: float = 0.0
    total_ms: float = 0.0

    @property
    def share_outside_model(self) -> float:
        """Share of a frame's time in the node that is not the engine's, 0 to 1."""
        return 1 - self.infer_ms / self.total_ms if self.total_ms else 0.0


def read_report(message: DiagnosticArray, node: str) -> NodeReport | None:
    """Reads a report of `node`; None when the message is another node's or has no numbers yet."""
    statuses = statuses_of(message, node)
    values = {concern: numbers(status) for concern, status in statuses.items()}
    drops = values.get('drops', {})
    if 'received' not in drops:
        return None
    latency = values['latency']
    return NodeReport(
        model=statuses['model'].message,
        input_hz=values['input'].get('rate [Hz]', 0.0),
        received=int(drops['received']),
        dropped=int(drops['displaced'] + drops['stale']),
        infer_ms=latency.get('infer p50 [ms]', 0.0),
        total_ms=latency.get('total p50 [ms]', 0.0),
    )
