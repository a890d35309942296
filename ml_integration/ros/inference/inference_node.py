"""The node that runs a model on a sensor topic."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from functools import partial
from time import monotonic_ns
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.subscription import Subscription

from ml_integration.core.health import judge
from ml_integration.core.monitor import Monitor
from ml_integration.errors import SwapError
from ml_integration.ros.inference import diagnostics
from ml_integration.ros.inference.cameras import Camera, check_cameras
from ml_integration.ros.inference.frame_line import FrameLine
from ml_integration.ros.inference.mailbox import Mailbox
from ml_integration.ros.inference.model_control import ModelControl, refuse_if_locked
from ml_integration.ros.inference.model_serving import ModelServing
from ml_integration.ros.inference.worker import Worker
from ml_integration.ros.messages.endpoint import inspect_wire, subscribe
from ml_integration.ros.messages.intra_process import receive_images
from ml_integration.ros.messages.message_types import message_type
from ml_integration.ros.messages.reader import reader
from ml_integration.ros.node import process, qos
from ml_integration.ros.node.lifecycle_node import GuardedLifecycleNode
from ml_integration.ros.node.parameters import InferenceNodeParameters
from ml_integration.ros.node.trigger_services import serve_verbs

DIAGNOSTICS_PERIOD_S = 1.0
IMAGE = 'sensor_msgs/msg/Image'


class InferenceNode(GuardedLifecycleNode[InferenceNodeParameters]):
    """Runs a model on a sensor topic and publishes its validated results.

    Subscriptions:
        the manifest's input topic, such as `image` (sensor_msgs/Image): remap it. With the
        parameter `cameras` one per camera, such as `front/image`; publications for a frame then
        are `~/front/detections` and so on.
    Publications:
        `~/detections`, `~/classification`, ...: the task's result, with the input's header.
        `~/overlay` (sensor_msgs/Image): the input with the result drawn in, while subscribed.
        `~/provenance` (diagnostic_msgs/DiagnosticStatus): per result, while subscribed.
        `~/models` (diagnostic_msgs/DiagnosticArray, latched): what there is and what serves.
        `/diagnostics` (diagnostic_msgs/DiagnosticArray): every second.
    Services (std_srvs/Trigger), which answer when they are done:
        `~/swap`: load the model that the parameter `model` names.
        `~/rollback`: return to the previous good model.
        `~/reload`: load the model again, also the same version.
    Parameters:
        see `InferenceNodeParameters`.
    """

    accepts_intra_process = True

    def __init__(self, **options: Any) -> None:
        super().__init__('inference_node', InferenceNodeParameters, options)
        self._models: ModelServing | None = None
        self._diagnostics = self.create_publisher(DiagnosticArray, '/diagnostics', qos.result())
        self.every(DIAGNOSTICS_PERIOD_S, self._publish_diagnostics)
        verbs = {
            'swap': lambda: self._control().swap(),
            'rollback': lambda: self._control().rollback(),
            'reload': lambda: self._control().reload(),
        }
        serve_verbs(self, verbs, self._lifetime)

    def configure(self, resources: ExitStack) -> None:
        check_cameras(self.parameters.cameras, self.get_fully_qualified_name())
        self.get_logger().info(f'loading {self.parameters.model}')
        resources.callback(self._forget_models)
        self._models = ModelServing(self, lambda: self.parameters, resources)
        serving = self._models.serving
        pipeline, manifest = serving.pipeline, serving.package.manifest
        self._sensor_type, topic = pipeline.sensor.message_type, manifest.inputs[0].topic
        self._cameras = [
            Camera(self, name, topic, pipeline.task, resources)
            for name in self.parameters.cameras or ('',)
        ]
        for alarm in self._models.alarms():
            self.get_logger().warning(alarm.sentence)
        self.get_logger().info(
            f'{serving.identity} on {pipeline.session.device}, '
            f'sha256 {serving.identity.sha256[:12]}, verified by {serving.package.verified_by}'
        )

    def activate(self, resources: ExitStack) -> None:
        self._monitor = Monitor(monotonic_ns(), cameras=len(self._cameras))
        raw = self.parameters.raw_subscription
        self._reader = reader(message_type(self._sensor_type)) if raw else None
        self._worker = self._make_worker()
        self._worker.start()
        resources.callback(self._worker.stop)
        self._inputs = [
            self._subscribe(camera.topic, number, resources)
            for number, camera in enumerate(self._cameras)
        ]

    def check_change(self, old: InferenceNodeParameters, new: InferenceNodeParameters) -> None:
        if new.cameras != old.cameras:
            check_cameras(new.cameras, self.get_fully_qualified_name())
        if new.model == old.model:
            return
        own = self._models is not None and new.model == str(self._models.serving.identity)
        if not own:  # a parameter that returns to what serves changes nothing
            refuse_if_locked(self.get_fully_qualified_name(), old)
        if self._models is not None:
            self._models.control.check(new.model)

    def changed(self, old: InferenceNodeParameters, new: InferenceNodeParameters) -> None:
        if new.model != old.model and self._models is not None:
            self._models.control.wish()

    def _make_worker(self) -> Worker:
        line = FrameLine(
            self,
            self._models,
            self._cameras,
            self._monitor,
            self._reader,
            lambda: self.parameters.deadline_ms,
        )
        mailbox = Mailbox(len(self._cameras), self.parameters.batch.timeout_ms)
        most = self._models.batch_size
        return Worker(line.serve, self._monitor, self.get_logger(), mailbox, most)

    def _subscribe(self, topic: str, camera: int, resources: ExitStack) -> Subscription:
        """Lets the worker have the messages of one camera."""
        receive = partial(self._worker.receive, camera=camera)
        if self.intra_process and self._sensor_type == IMAGE:
            receive = receive_images(self, topic, receive, resources)
        subscription: Subscription = subscribe(
            self,
            message_type(self._sensor_type),
            topic,
            self.guarded(receive),
            qos.sensor(self.parameters.sensor_qos),
            lost=self.guarded(lambda count: self._monitor.lost(count, monotonic_ns(), camera)),
            raw=self._reader is not None,
            qos_overriding_options=qos.overridable_sensor(),
        )
        resources.callback(self.destroy_subscription, subscription)
        return subscription

    def _control(self) -> ModelControl:
        models = self._models
        if models is None:
            raise SwapError(
                'no model is loaded',
                where=self.get_fully_qualified_name(),
                hint='Configure the node first.',
            )
        return models.control

    def _forget_models(self) -> None:
        self._models = None

    def _publish_diagnostics(self) -> None:
        message = DiagnosticArray(status=self._statuses())
        message.header.stamp = self.get_clock().now().to_msg()
        self._diagnostics.publish(message)

    def _statuses(self) -> list[Any]:
        name = self.get_fully_qualified_name()
        if self._models is None:
            return [diagnostics.status(name, *diagnostics.model_finding(self.state, None, ()))]
        serving, alarms = self._models.serving, self._models.alarms()
        model = diagnostics.status(name, *diagnostics.model_finding(self.state, serving, alarms))
        if self.state != 'active':
            return [model]
        stats = self._monitor.stats(monotonic_ns())
        health = judge(stats, self.parameters.health, serving.package.manifest.limits.latency_ms)
        wires = [
            inspect_wire(self, camera.name, item.topic_name, item.qos_profile)
            for camera, item in zip(self._cameras, self._inputs, strict=True)
        ]
        busy_s = self._worker.busy_s()
        return [model, *diagnostics.frame_statuses(name, health, stats, wires, busy_s)]


def main() -> int:
    """Entry point of `ros2 run ml_integration inference_node`."""
    return process.run(InferenceNode)


if __name__ == '__main__':
    sys.exit(main())
