"""The numbers that an inference node says about itself on /diagnostics."""

from __future__ import annotations

from dataclasses import dataclass

from diagnostic_msgs.msg import DiagnosticArray


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
    concerns = {
        status.name.removeprefix(f'{node}: '): status
        for status in message.status
        if status.name.startswith(f'{node}: ')
    }
    values = {
        (concern, pair.key): pair.value
        for concern, status in concerns.items()
        for pair in status.values
    }
    if 'drops' not in concerns:
        return None
    return NodeReport(
        model=concerns['model'].message,
        input_hz=_first_number(values.get(('input', 'rate'), '')),
        received=int(values['drops', 'received']),
        dropped=int(values['drops', 'displaced']) + int(values['drops', 'stale']),
        infer_ms=_first_number(values.get(('latency', 'infer'), '')),
        total_ms=_first_number(values.get(('latency', 'total'), '')),
    )


def _first_number(text: str) -> float:
    """The first number of '12.5 Hz' or '1.0 / 2.0 / 3.0 ms'; 0 when there is none."""
    word = text.partition(' ')[0]
    return float(word) if word.replace('.', '', 1).isdecimal() else 0.0
