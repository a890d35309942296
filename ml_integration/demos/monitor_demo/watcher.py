"""The monitor demo's own node: shows the pictures, and hears what is said of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from diagnostic_msgs.msg import DiagnosticArray

from ml_integration.core.findings import Level
from ml_integration.demos.monitor_demo.camera import LabeledCamera
from ml_integration.fleet.messages import read_report
from ml_integration.fleet.report.history import History
from ml_integration.fleet.status import Status
from ml_integration.ros.client.child_process import ChildProcess
from ml_integration.ros.client.client import Client
from ml_integration.ros.node import qos

CONCERNS = ('content', 'drift', 'accuracy')
"""Statuses of the detector that are to tell darkness."""


@dataclass(frozen=True, slots=True)
class Said:
    """A change of a level.

    Attributes:
        at_s: when [s, steady clock].
        who: the status, or the node that says it of the detector.
        level: from then on.
        sentence: the reason.
    """

    at_s: float
    who: str
    level: Level
    sentence: str


class Watcher:
    """Shows pictures to the detector, and listens to it and to the monitor.

    Args:
        detector: name of the inference node.
        monitor: name of the performance monitor.
        seed: of the scene.
        rate_hz: of the camera [Hz].
        children: their processes, whose death ends a wait.

    Attributes:
        camera: what the detector looks at.
        history: all that was said, for the report.
        said: changes of levels, as they came.
    """

    def __init__(
        self,
        detector: str,
        monitor: str,
        seed: int,
        rate_hz: float,
        children: Sequence[ChildProcess],
    ) -> None:
        self._detector, self._monitor = detector, monitor
        self._children = children
        self._client = Client('monitor_demo', 'events', self._check)
        node = self._client.node
        self.camera = LabeledCamera(node, seed, rate_hz, f'{detector}/ground_truth')
        self.history = History()
        self.said: list[Said] = []
        self._latest: dict[str, Status] = {}
        node.create_subscription(
            DiagnosticArray, '/diagnostics', self._on_diagnostics, qos.result()
        )
        node.create_subscription(
            DiagnosticArray, f'{monitor}/summary', self._on_summary, qos.latched()
        )

    def latest(self, who: str) -> Status | None:
        """Returns what one that is listened to said last; None if it was not heard."""
        return self._latest.get(who)

    def number(self, concern: str, key: str) -> float | None:
        """Returns the newest number of a status of the detector."""
        found = self._latest.get(concern)
        return found.number(key) if found else None

    @property
    def everybody(self) -> tuple[str, ...]:
        """All who are listened to."""
        return (*CONCERNS, self._monitor)

    def wait(self, condition: Callable[[], object], what: str, timeout_s: float) -> None:
        """Waits until the condition is met.

        Raises:
            MlIntegrationError: it never was.
        """
        self._client.wait(condition, what, timeout_s)

    def close(self) -> None:
        """Stops the camera and everything else."""
        self.camera.stop()
        self._client.close()

    def _check(self) -> None:
        for child in self._children:
            child.check()

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        report = read_report(message)
        self.history.take(report, time.monotonic_ns())
        for status in report.statuses:
            if status.node == self._detector and status.concern in CONCERNS:
                self._take(status.concern, status)

    def _on_summary(self, message: DiagnosticArray) -> None:
        for status in read_report(message).statuses:
            if status.name == self._detector:
                self._take(self._monitor, status)

    def _take(self, who: str, status: Status) -> None:
        before = self._latest.get(who)
        self._latest[who] = status
        if before is not None and before.level != status.level:
            self.said.append(Said(time.monotonic(), who, status.level, status.message))
