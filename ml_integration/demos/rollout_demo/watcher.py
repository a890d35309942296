"""The rollout demo's own node: shows pictures, asks for rollouts, sees what comes of them."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from std_srvs.srv import Trigger

from ml_integration.demos.monitor_demo.camera import LabeledCamera
from ml_integration.demos.scene_camera import SceneCamera
from ml_integration.errors import MlIntegrationError
from ml_integration.fleet.messages import read_report
from ml_integration.fleet.status import Status
from ml_integration.ros.client.client import Client
from ml_integration.ros.node import qos

SCENE = 1
CONCERN = 'rollout'
DECIDED = re.compile(r'^rolled back .*disagreement ([\d.]+) \(limit ([\d.]+),')


@dataclass(frozen=True, slots=True)
class Made:
    """A result that was published.

    Attributes:
        at_s: when it came [s, steady clock].
        model: `name@version` that made it.
        took_ms: time in the model, all its stages [ms].
    """

    at_s: float
    model: str
    took_ms: float


@dataclass(frozen=True, slots=True)
class Told:
    """Where the rollout was, as the detector told it.

    Attributes:
        at_s: when [s, steady clock].
        phase: of the rollout.
        candidate: `name@version`.
        percent: share of the frames that the candidate gets [%].
        disagreement: with the stable model, 0 to 1; None before it is known.
        limit: of the disagreement; None before it is known.
        better: by how much the candidate's score against truth is better; None without one.
        frames: that the candidate has seen in this step.
        watched: whether its watch is over.
        decision: the last one, as a sentence.
        sentence: what it waits for.
    """

    at_s: float
    phase: str
    candidate: str
    percent: float
    disagreement: float | None
    limit: float | None
    better: float | None
    frames: int
    watched: bool
    decision: str
    sentence: str


class Watcher:
    """Feeds the detector and watches it.

    Args:
        detector: name of the inference node.
        rate_hz: of the camera [Hz].
        labeled: whether the camera tells what it really shows.
        check: is called while waiting; what it raises ends the wait.

    Attributes:
        camera: what the detector looks at.
        made: each result, as they came.
        told: where the rollout was, about once a second.
    """

    def __init__(
        self, detector: str, rate_hz: float, labeled: bool, check: Callable[[], Any]
    ) -> None:
        self._detector = detector
        self._client = Client('rollout_demo', 'events', check)
        node = self._client.node
        self.camera: SceneCamera = (
            LabeledCamera(node, SCENE, rate_hz, f'{detector}/ground_truth')
            if labeled
            else SceneCamera(node, SCENE, rate_hz)
        )
        self.made: list[Made] = []
        self.told: list[Told] = []
        for kind, topic, callback in (
            (DiagnosticStatus, f'{detector}/provenance', self._on_result),
            (DiagnosticArray, '/diagnostics', self._on_diagnostics),
        ):
            node.create_subscription(kind, topic, callback, qos.result())

    def roll_out(self, reference: str) -> None:
        """Sets the parameter `rollout.candidate` as `ros2 param set` does.

        Raises:
            MlIntegrationError: it is refused.
        """
        result = self._client.set_parameter(self._detector, 'rollout.candidate', reference)
        if not result.successful:
            raise MlIntegrationError(str(result.reason), where=f'/{self._detector}')

    def keep(self) -> str:
        """Calls `~/rollout/promote`; returns its sentence.

        Raises:
            MlIntegrationError: it failed.
        """
        service = f'{self._detector}/rollout/promote'
        answer = self._client.call(Trigger, service, Trigger.Request())
        if not answer.success:
            raise MlIntegrationError(answer.message, where=f'/{service}')
        return str(answer.message)

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

    def _on_result(self, message: DiagnosticStatus) -> None:
        took = (float(item.value) for item in message.values if item.key.endswith('_ms'))
        self.made.append(Made(time.monotonic(), message.name, sum(took)))

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in read_report(message).statuses:
            if status.node == self._detector and status.concern == CONCERN:
                self.told.append(_told(status))


def _told(status: Status) -> Told:
    values, loss = status.values, status.number('score')
    decided = DECIDED.search(values['reason'])  # nothing is measured any more after it
    apart, limit = map(float, decided.groups()) if decided else (None, None)
    return Told(
        at_s=time.monotonic(),
        phase=values['phase'],
        candidate=values['candidate'].partition(' ')[0],
        percent=status.number('share [%]') or 0.0,
        disagreement=_or(status.number('disagreement'), apart),
        limit=_or(status.number('disagreement: limit'), limit),
        better=None if loss is None else -loss,
        frames=int(status.number('frames') or 0),
        watched=values['watched'] == 'yes',
        decision=values['reason'],
        sentence=status.message,
    )


def _or(number: float | None, other: float | None) -> float | None:
    return other if number is None else number
