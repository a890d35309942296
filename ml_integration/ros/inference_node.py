"""The node that runs a model on a sensor topic."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from time import monotonic_ns
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.subscription import Subscription

from ml_integration.core.health import judge
from ml_integration.core.monitor import Monitor
from ml_integration.errors import SwapError
from ml_integration.ros import diagnostics, process, qos
from ml_integration.ros.intra_process import receive_images
from ml_integration.ros.lifecycle_node import GuardedLifecycleNode
from ml_integration.ros.mailbox import Letter
from ml_integration.ros.messages import message_type
from ml_integration.ros.model_control import ModelControl, refuse_if_locked
from ml_integration.ros.model_serving import ModelServing
from ml_integration.ros.parameters import InferenceNodeParameters
from ml_integration.ros.raw_messages import reader_for, typed_header
from ml_integration.ros.result_publisher import ResultPublisher
from ml_integration.ros.side_outputs import SideOutputs
from ml_integration.ros.verbs import serve_verbs
from ml_integration.ros.wire import inspect_wire, subscribe
from ml_integration.ros.worker import Worker

DIAGNOSTICS_PERIOD_S = 1.0
IMAGE = 'sensor_msgs/msg/Image'


class InferenceNode(GuardedLifecycleNode[InferenceNodeParameters]):
    """Runs a model on a sensor topic and publishes its validated results.

    Subscriptions:
        the manifest's input topic, such as `image` (sensor_msgs/Image): remap it.
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
        self.get_logger().info(f'loading {self.parameters.model}')
        resources.callback(self._forget_models)
        self._models = ModelServing(self, lambda: self.parameters, resources)
        serving = self._models.serving
        pipeline, manifest = serving.pipeline, serving.package.manifest
        self._topic = manifest.inputs[0].topic
        self._sensor_type = pipeline.sensor.message_type
        self._results = ResultPublisher(self, pipeline.task, resources)
        self._side_outputs = SideOutputs(self, resources.callback)
        for alarm in self._models.alarms():
            self.get_logger().warning(alarm.sentence)
        self.get_logger().info(
            f'{serving.identity} on {pipeline.session.device}, '
            f'sha256 {serving.identity.sha256[:12]}, verified by {serving.package.verified_by}'
        )

    def activate(self, resources: ExitStack) -> None:
        self._monitor = Monitor(monotonic_ns())
        raw = self.parameters.raw_subscription
        self._reader = reader_for(self._sensor_type) if raw else None
        self._worker = Worker(self._handle, self._monitor, self.get_logger())
        self._worker.start()
        resources.callback(self._worker.stop)
        receive = self._worker.receive
        if self.intra_process and self._sensor_type == IMAGE:
            receive = receive_images(self, self._topic, receive, resources)
        self._subscription: Subscription = subscribe(
            self,
            message_type(self._sensor_type),
            self._topic,
            self.guarded(receive),
            qos.sensor(self.parameters.sensor_qos),
            lost=self.guarded(lambda count: self._monitor.lost(count, monotonic_ns())),
            raw=self._reader is not None,
            qos_overriding_options=qos.overridable_sensor(),
        )
        resources.callback(self.destroy_subscription, self._subscription)

    def check_change(self, old: InferenceNodeParameters, new: InferenceNodeParameters) -> None:
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

    def _handle(self, letter: Letter) -> None:
        """Serves one message, on the worker's thread."""
        try:
            self._serve(letter)
        except Exception:
            self._models.record(False)
            if self.context.ok():  # otherwise the process is ending, and nothing can be published
                raise

    def _serve(self, letter: Letter) -> None:
        """The straight line of one frame."""
        message = self._read(letter.message)
        header = typed_header(message.header)
        if self._is_stale(self._age_ms(header, letter)):
            self._monitor.stale(monotonic_ns())
            return
        begin_ns = monotonic_ns()
        with self._models.lease() as pipeline:
            prediction = pipeline.run(message, letter.sequence)
            run_ns = monotonic_ns()
            if prediction.verdict.ok:
                self._results.publish(pipeline.task, prediction, header)
            done_ns = monotonic_ns()
            stage_ms = {
                'wait': (begin_ns - letter.arrived_ns) / 1e6,
                **prediction.stage_ms,
                'publish': (done_ns - run_ns) / 1e6,
            }
            age_ms = self._age_ms(header, letter)
            self._models.record(prediction.verdict.ok)
            self._monitor.completed(prediction.verdict, age_ms, stage_ms, done_ns)
            self._side_outputs.publish(pipeline, prediction, header)

    def _read(self, message: Any) -> Any:
        """The message's fields; what was handed over or came typed has them already."""
        serialised = isinstance(message, bytes) and self._reader is not None
        return self._reader(message) if serialised else message

    def _age_ms(self, header: Any, letter: Letter) -> float:
        """Time since the message's stamp [ms]; since its arrival when it has no stamp."""
        stamp_ns = header.stamp.sec * 1_000_000_000 + header.stamp.nanosec
        if not stamp_ns:
            return (monotonic_ns() - letter.arrived_ns) / 1e6
        return (self.get_clock().now().nanoseconds - stamp_ns) / 1e6

    def _is_stale(self, age_ms: float) -> bool:
        deadline_ms = self.parameters.deadline_ms
        return bool(deadline_ms) and age_ms > deadline_ms

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
        subscription = self._subscription
        wire = inspect_wire(self, subscription.topic_name, subscription.qos_profile)
        busy_s = self._worker.busy_s()
        return [model, *diagnostics.frame_statuses(name, health, stats, wire, busy_s)]


def main() -> int:
    """Entry point of `ros2 run ml_integration inference_node`."""
    return process.run(InferenceNode)


if __name__ == '__main__':
    sys.exit(main())
