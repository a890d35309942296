"""The swap demo's own node: shows the camera's pictures, asks for swaps, sees the results."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from rclpy.signals import SignalHandlerOptions
from std_srvs.srv import Trigger
from vision_msgs.msg import Detection2DArray

from ml_integration.demos.demo.node_report import NodeReport, read_report
from ml_integration.demos.scene_camera import SceneCamera
from ml_integration.errors import MlIntegrationError
from ml_integration.ros.node import qos
from ml_integration.ros.node.executor import make_executor, spin

PATIENCE_S = 30.0
CHECK_S = 0.02
SCENE = 1


class Witness:
    """Spins in a thread of its own.

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
        rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
        self._detector, self._check = detector, check
        self._node = rclpy.create_node('swap_demo')
        self.camera = SceneCamera(self._node, SCENE, rate_hz)
        self.results: list[tuple[int, Detection2DArray]] = []
        self.serving = ''
        self.proven = False
        self.report = NodeReport()
        self._node.create_subscription(
            Detection2DArray, f'{detector}/detections', self._on_result, qos.result()
        )
        self._node.create_subscription(
            DiagnosticArray, f'{detector}/models', self._on_models, qos.latched()
        )
        self._node.create_subscription(
            DiagnosticArray, '/diagnostics', self._on_diagnostics, qos.result()
        )
        self._executor = make_executor('events', self._node)
        self._thread = threading.Thread(target=spin, args=(self._executor, self._node))
        self._thread.start()

    def set_model(self, reference: str) -> str:
        """Does what `ros2 param set` does; returns why it was refused, empty if it was not."""
        parameter = Parameter('model', value=reference).to_parameter_msg()
        request = SetParameters.Request(parameters=[parameter])
        (result,) = self._call(SetParameters, 'set_parameters', request).results
        return '' if result.successful else str(result.reason)

    def rollback(self) -> str:
        """Calls the service; returns its sentence.

        Raises:
            MlIntegrationError: it failed.
        """
        answer = self._call(Trigger, 'rollback', Trigger.Request())
        if not answer.success:
            raise MlIntegrationError(answer.message, where=f'/{self._detector}/rollback')
        return str(answer.message)

    def wait(self, condition: Callable[[], object], what: str) -> None:
        """Waits until the condition is met.

        Raises:
            MlIntegrationError: it never was.
        """
        end = time.monotonic() + PATIENCE_S
        while not condition():
            self._check()
            if time.monotonic() > end:
                raise MlIntegrationError(f'waited {PATIENCE_S:g} s in vain for {what}')
            time.sleep(CHECK_S)

    def pause(self, seconds: float) -> None:
        """Lets so much time pass [s]."""
        end = time.monotonic() + seconds
        while (left_s := end - time.monotonic()) > 0:
            self._check()
            time.sleep(min(CHECK_S, left_s))

    def close(self) -> None:
        self.camera.stop()
        rclpy.try_shutdown()
        self._thread.join()
        self._executor.shutdown()
        self._node.destroy_node()

    def _call(self, kind: Any, name: str, request: Any) -> Any:
        client = self._node.create_client(kind, f'{self._detector}/{name}')
        try:
            self.wait(client.service_is_ready, f'the service /{self._detector}/{name}')
            future = client.call_async(request)
            self.wait(future.done, f'an answer of /{self._detector}/{name}')
            return future.result()
        finally:
            self._node.destroy_client(client)

    def _on_result(self, message: Detection2DArray) -> None:
        self.results.append((int(message.header.frame_id), message))

    def _on_models(self, message: DiagnosticArray) -> None:
        summary = {item.key: item.value for item in message.status[0].values}
        self.serving, self.proven = summary['serving'], summary['proven'] == 'True'

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        self.report = read_report(message, self._detector) or self.report
