"""The swap demo's own node: shows the camera's pictures, asks for swaps, sees the results."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from std_srvs.srv import Trigger
from vision_msgs.msg import Detection2DArray

from ml_integration.demos.demo.node_report import NodeReport, read_report
from ml_integration.demos.scene_camera import SceneCamera
from ml_integration.errors import MlIntegrationError
from ml_integration.ros.client.client import Client
from ml_integration.ros.node import qos

CHECK_S = 0.02
SCENE = 1


class Witness:
    """Feeds the detector and watches it.

    Args:
        detector: name of the inference node.
        rate_hz: of the camera [Hz].
        check: is called while waiting; what it raises ends the wait.

    Attributes:
        camera: what the detector looks at.
        results: each result with the number of its picture, as they came.
        serving: the model that the detector says it serves.
        proven: whether it says that this model has proven itself.
        report: the numbers that it says about itself.
    """

    def __init__(self, detector: str, rate_hz: float, check: Callable[[], Any]) -> None:
        self._detector, self._check = detector, check
        self._client = Client('swap_demo', 'events', check)
        self.camera = SceneCamera(self._client.node, SCENE, rate_hz)
        self.results: list[tuple[int, Detection2DArray]] = []
        self.serving = ''
        self.proven = False
        self.report = NodeReport()
        for kind, topic, callback, profile in (
            (Detection2DArray, f'{detector}/detections', self._on_result, qos.result()),
            (DiagnosticArray, f'{detector}/models', self._on_models, qos.latched()),
            (DiagnosticArray, '/diagnostics', self._on_diagnostics, qos.result()),
        ):
            self._client.node.create_subscription(kind, topic, callback, profile)

    def set_model(self, reference: str) -> str:
        """Sets the parameter as `ros2 param set` does; returns why it was refused, or nothing."""
        result = self._client.set_parameter(self._detector, 'model', reference)
        return '' if result.successful else str(result.reason)

    def rollback(self) -> str:
        """Calls the service; returns its sentence.

        Raises:
            MlIntegrationError: it failed.
        """
        answer = self._client.call(Trigger, f'{self._detector}/rollback', Trigger.Request())
        if not answer.success:
            raise MlIntegrationError(answer.message, where=f'/{self._detector}/rollback')
        return str(answer.message)

    def wait(self, condition: Callable[[], object], what: str) -> None:
        """Waits until the condition is met.

        Raises:
            MlIntegrationError: it never was.
        """
        self._client.wait(condition, what)

    def pause(self, seconds: float) -> None:
        """Lets so much time pass [s]."""
        end = time.monotonic() + seconds
        while (left_s := end - time.monotonic()) > 0:
            self._check()
            time.sleep(min(CHECK_S, left_s))

    def close(self) -> None:
        """Stops the camera and everything else."""
        self.camera.stop()
        self._client.close()

    def _on_result(self, message: Detection2DArray) -> None:
        self.results.append((int(message.header.frame_id), message))

    def _on_models(self, message: DiagnosticArray) -> None:
        summary = {item.key: item.value for item in message.status[0].values}
        self.serving, self.proven = summary['serving'], summary['proven'] == 'True'

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        self.report = read_report(message, self._detector) or self.report
