"""The node that runs a model on a sensor topic."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from time import monotonic_ns
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray

from ml_integration.core.findings import Finding, Level
from ml_integration.core.health import Alarms, judge, judge_idle
from ml_integration.core.judge import Judge
from ml_integration.core.monitor import Monitor
from ml_integration.core.pipeline import Pipeline
from ml_integration.core.stats import InputKey
from ml_integration.core.transports import parse_transports
from ml_integration.deploy.loaded import Loaded
from ml_integration.errors import MlIntegrationError, SupersededError, SwapError
from ml_integration.ros.inference import diagnostics
from ml_integration.ros.inference.finding_log import FindingLog, log_at
from ml_integration.ros.inference.freeze_frames import about
from ml_integration.ros.inference.ground_truth import GroundTruth, open_teacher
from ml_integration.ros.inference.intake import Intake, clock_of
from ml_integration.ros.inference.introduction import introduction
from ml_integration.ros.inference.model_control import ModelControl
from ml_integration.ros.inference.model_serving import ModelServing, hanging
from ml_integration.ros.inference.node_rollout import NodeRollout
from ml_integration.ros.inference.opening_models import OpeningModels
from ml_integration.ros.inference.outcome_topic import OutcomeTopic
from ml_integration.ros.inference.stage_settings import declare_stages
from ml_integration.ros.inference.streams import announce_task, check_names, make_stream
from ml_integration.ros.inference.swap_authority import SwapAuthority
from ml_integration.ros.inference.watches import NodeWatches
from ml_integration.ros.node import qos
from ml_integration.ros.node.lifecycle_node import GuardedLifecycleNode
from ml_integration.ros.node.namesakes import Namesakes
from ml_integration.ros.node.parameters import InferenceNodeParameters
from ml_integration.ros.node.program import run_node
from ml_integration.ros.node.trigger_services import serve_triggers
from ml_integration.serving.frame_loop import FrameLoop
from ml_integration.serving.loop_settings import LoopSettings
from ml_integration.serving.watching import Watching

DIAGNOSTICS_PERIOD_S = 1.0


class InferenceNode(GuardedLifecycleNode[InferenceNodeParameters]):
    """Runs a model on a sensor topic and publishes its validated results.

    Subscriptions:
        the manifest's input topic, such as `image` (sensor_msgs/Image): remap it. With the
        parameter `cameras` one per camera, such as `front/image`; publications for a frame then
        are `~/front/detections` and so on. With the parameter `image_transport` compressed
        pictures below that topic, such as `image/compressed` (sensor_msgs/CompressedImage).
        `~/ground_truth`: what should have come out, as messages like those of the results, where
        the task can be scored; with several topics of results one each below it, with several
        cameras below their names.
        `~/robot_state` (std_msgs/String), `odom` (nav_msgs/Odometry): as far as
        `rollout.only_when` asks for them.
    Publications:
        `~/detections`, `~/classification`, ...: the task's result, with the input's header.
        `~/overlay` (sensor_msgs/Image): the input with the result drawn in, while subscribed.
        `~/provenance` (diagnostic_msgs/DiagnosticStatus): per result, while subscribed.
        `~/models` (diagnostic_msgs/DiagnosticArray, latched): what there is and what serves.
        `~/rollout/state` (diagnostic_msgs/DiagnosticStatus, latched): where the rollout is.
        `/diagnostics` (diagnostic_msgs/DiagnosticArray): every second.
    Services (std_srvs/Trigger), which answer when they are done:
        `~/swap`: load the model that the parameter `model` names.
        `~/rollback`: return to the model that served good frames before.
        `~/reload`: load the model again, also the same version.
        `~/rollout/start`, `~/rollout/promote`, `~/rollout/pause`, `~/rollout/resume` and
        `~/rollout/abort`: roll out the candidate of `rollout.candidate`.
    Parameters:
        see `InferenceNodeParameters`.
    """

    accepts_intra_process = True

    def __init__(self, **options: Any) -> None:
        super().__init__('inference_node', InferenceNodeParameters, options)
        declare_stages(self)
        self._opening: OpeningModels | None = None
        self._models: ModelServing | None = None
        self._authority = SwapAuthority(self)
        self._failure = ''
        self._namesakes = Namesakes(self)
        self._watches = NodeWatches(self)
        self._rollout = NodeRollout(self, self._authority, self._watches)
        self._diagnostics = self.create_publisher(DiagnosticArray, '/diagnostics', qos.result())
        self.every(DIAGNOSTICS_PERIOD_S, self._publish_diagnostics)
        actions = {
            'swap': lambda: self._control().swap(),
            'rollback': lambda: self._control().rollback(),
            'reload': lambda: self._control().reload(),
            **self._rollout.actions,
        }
        serve_triggers(self, actions, self._lifetime)

    def prepare(self, resources: ExitStack) -> None:
        check_names(self.parameters.cameras, self.get_fully_qualified_name())
        self._rollout.check_settings(self.parameters)
        self.get_logger().info(f'loading {self._authority.model}')
        resources.callback(self._forget_models)
        try:
            self._opening = OpeningModels(self, self._authority, resources)
            self._opening.start()
        except SupersededError:  # nobody wants to know
            raise
        except MlIntegrationError as error:
            self._failure = str(error)
            raise
        self._failure = ''

    def give_up(self) -> None:
        if self._opening is not None:
            self._opening.give_up()

    def configure(self, resources: ExitStack) -> None:
        assert self._opening is not None  # it is prepared
        pipeline = self._opening.deployment.serving.pipeline
        router, freezer = self._opening.deployment.router, self._watches.freezer
        watching = Watching(self._watches.every, serving=lambda: router.pipeline)
        witness = self._rollout.witness
        self._streams = [
            make_stream(self, name, pipeline, watching, freezer, witness, resources)
            for name in self._stream_names()
        ]
        announce = partial(announce_task, self, self._streams)
        self._models = ModelServing(self, self._opening, self._authority, announce, resources)
        report = self._models.control.report
        OutcomeTopic(self, self._watches.outcomes, self._opening.history, report, resources)
        serving = self._models.serving
        for finding in self._models.alarms().findings():
            log_at(self.get_logger(), finding.level, finding.sentence)
        self.get_logger().info(
            f'{serving.identity} on {pipeline.session.device}, '
            f'sha256 {serving.identity.sha256[:12]}, verified by {serving.package.verified_by}'
        )

    def activate(self, resources: ExitStack) -> None:
        assert self._models is not None and self._opening is not None  # it is configured
        deployment = self._models.deployment
        self._judge = Judge()
        self._findings = FindingLog(self.get_logger())
        self._monitor = Monitor(monotonic_ns(), self._input_keys())
        self._loop = FrameLoop(
            deployment.router,
            self._streams,
            self._monitor,
            clock_of(self),
            self._log_frames,
            _loop_settings(self.parameters),
            self._unfit,
            self._rollout.witness.lent,
        )
        self._watches.begin(monotonic_ns())
        resources.callback(self._watches.freezer.finish)
        task, accuracy = deployment.router.pipeline.task, self._watches.accuracy
        GroundTruth(self, accuracy, task, self._stream_names(), resources)
        if self.parameters.accuracy.teacher:
            open_teacher(self, accuracy, self._opening.open_teacher, resources)
        self._loop.start()
        resources.callback(self._loop.stop)
        deployment.audience = self._loop
        resources.callback(setattr, deployment, 'audience', None)
        wiring = deployment.router.pipeline.wiring
        self._intake = Intake(self, wiring, self._loop, self._monitor, resources)
        for stream in self._streams:
            self._intake.open(stream)
        self._rollout.open(self._models, self._opening, self._loop, resources)

    def introduce(self) -> str:
        return introduction(self._intake.topics, self._streams)

    def check_change(self, old: InferenceNodeParameters, new: InferenceNodeParameters) -> None:
        if new.cameras != old.cameras:
            check_names(new.cameras, self.get_fully_qualified_name())
        parse_transports(new.image_transport, self.get_fully_qualified_name())
        self._authority.check(old, new, str(self._models.serving.identity) if self._models else '')
        if self._models is not None and new.model != old.model:
            self._models.control.check(new.model)
        self._rollout.check(old, new)

    def changed(self, old: InferenceNodeParameters, new: InferenceNodeParameters) -> None:
        if self.state == 'active':
            self._loop.settings = _loop_settings(new)
        if new.stages != old.stages:
            declare_stages(self)
        self._rollout.changed(old, new)
        if new.model == old.model:
            return
        if self._models is not None:
            self._models.control.wish(new.model)
            return
        # A change while nothing is loaded is for the next configure, or for the one under way.
        before = self._authority.model
        self._authority.wished(new.model)
        if self._opening is not None and self._authority.model != before:
            self._opening.begin_again()

    def _unfit(self, pipeline: Pipeline, reason: str) -> None:
        """Has another model take the place of one that did not come back from a frame."""
        if self._models is not None and not self._rollout.unfit(pipeline, reason):
            self._models.control.unfit(pipeline, reason)

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
        self._models = self._opening = None

    def _publish_diagnostics(self) -> None:
        if self._models is not None and self._models.begin_anew:
            self._leave_revoked(self._models.begin_anew)
        if self._models is not None:
            self._models.remind()
        message = DiagnosticArray(status=self._statuses())
        message.header.stamp = self.get_clock().now().to_msg()
        self._diagnostics.publish(message)
        if self.state == 'active' and self._models is not None:
            self._freeze(self._models.serving, message)

    def _leave_revoked(self, reason: str) -> None:
        """Lets go of every model, as the fleet has revoked one, and looks for others."""
        self.get_logger().error(f'{reason}; nothing that is open can serve, so all is loaded anew')
        self.start_anew()

    def _freeze(self, serving: Loaded, message: DiagnosticArray) -> None:
        """Writes the last frames if the judgment of this second has become an ERROR."""
        told = about(self.get_fully_qualified_name(), serving, self.parameters.image_transport)
        self._watches.freezer.look(self._health, message, told)

    def _statuses(self) -> list[Any]:
        name, models = self.get_fully_qualified_name(), self._models
        now_ns = monotonic_ns()
        serving = models.serving if models else None
        alarms = models.alarms() if models else self._idle_alarms()
        told = (*alarms.complaints, *self.strangers, self._namesakes.look())
        alarms = replace(alarms, complaints=told)
        if self.state != 'active' or serving is None:
            looks = self._watches.look(now_ns, idle=self.state)
            health = judge_idle(self.state, alarms, [look.finding for look in looks])
            frames = diagnostics.idle_statuses(name, health, self._input_keys())
        else:
            self._intake.follow_publishers()
            limit = serving.package.manifest.limits.latency_ms
            stats = self._monitor.stats(now_ns, self._loop.missing())
            busy_s, endpoints = self._loop.busy_s(), self._intake.endpoints()
            settings = self.parameters.health
            looks = self._watches.look(now_ns, idle='')
            watched = [look.finding for look in looks]
            found = judge(stats, endpoints, busy_s, alarms, settings, limit, watched)
            health = self._judge.steady(found)
            self._findings.tell(found)
            frames = diagnostics.frame_statuses(name, health, stats, endpoints, busy_s)
        self._health = health
        model = health.of('model')
        since_look_s = models.files.since_look_s if models else None
        status = diagnostics.model_status(
            name, self.state, self._loading(), serving, model, alarms, since_look_s
        )
        return [status, *frames, *diagnostics.watched_statuses(name, health, looks)]

    def _idle_alarms(self) -> Alarms:
        """Returns why nothing is loaded."""
        failure = Finding('model', Level.ERROR, f'cannot configure: {self._failure}', hard=True)
        return Alarms((hanging(),), start=(failure,) if self._failure else ())

    def _loading(self) -> str:
        """Returns what is being loaded and for how long; empty if nothing is."""
        opening = self._opening
        return str((opening and opening.deployment.loading) or '')

    def _stream_names(self) -> tuple[str, ...]:
        return self.parameters.cameras or ('',)

    def _input_keys(self) -> list[InputKey]:
        """Returns the keys of all inputs of all streams; without a model, one per stream."""
        models = self._models
        wiring = models.serving.pipeline.wiring if models else None
        if wiring is None:
            return [InputKey(name) for name in self._stream_names()]
        return [key for name in self._stream_names() for key in wiring.input_keys(name)]

    def _log_frames(self, sentence: str) -> None:
        if self.context.ok():  # otherwise the process is ending
            self.get_logger().error(sentence)


def _loop_settings(parameters: InferenceNodeParameters) -> LoopSettings:
    return LoopSettings(
        parameters.deadline_ms, parameters.batch.timeout_ms, parameters.frame_timeout_ms
    )


def main() -> int:
    """Entry point of `ros2 run ml_integration inference_node`."""
    return run_node(InferenceNode)


if __name__ == '__main__':
    sys.exit(main())
