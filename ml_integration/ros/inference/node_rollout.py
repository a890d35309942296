"""The rollout of an inference node: how it begins, who may change it, and what it is told."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, suppress

from ml_integration.core.findings import Level
from ml_integration.core.pipeline import Pipeline
from ml_integration.core.rollout.settings import RolloutSettings
from ml_integration.deploy.asking import Asking
from ml_integration.deploy.rollout.group_names import check_group
from ml_integration.deploy.rollout.robot_conditions import parse_conditions
from ml_integration.errors import MlIntegrationError, SwapError
from ml_integration.ros.inference.finding_log import log_at
from ml_integration.ros.inference.model_control import CHECK_PATIENCE_S
from ml_integration.ros.inference.model_serving import ModelServing
from ml_integration.ros.inference.opening_models import OpeningModels
from ml_integration.ros.inference.robot_topics import RobotTopics
from ml_integration.ros.inference.rollout_reports import RolloutReports
from ml_integration.ros.inference.swap_authority import SwapAuthority
from ml_integration.ros.inference.watches import NodeWatches
from ml_integration.ros.node.lifecycle_node import GuardedLifecycleNode
from ml_integration.ros.node.parameters import InferenceNodeParameters
from ml_integration.serving.frame_loop import FrameLoop
from ml_integration.serving.rollout import Rollout
from ml_integration.serving.rollout_evidence import EvidenceSource, MemoryEvidence
from ml_integration.serving.rollout_outcomes import OutcomeEvidence
from ml_integration.serving.rollout_requests import RolloutRequests
from ml_integration.serving.rollout_truth import RolloutTruth
from ml_integration.serving.stagehand import Surroundings
from ml_integration.serving.witness import Witness


class NodeRollout:
    """Rolls new versions out while its node is active.

    Args:
        node: the node.
        authority: says who may do it.
        watches: tell of it on `/diagnostics`, and know of the truth and of outcomes.

    Attributes:
        witness: sees the frames.
    """

    def __init__(
        self,
        node: GuardedLifecycleNode[InferenceNodeParameters],
        authority: SwapAuthority,
        watches: NodeWatches,
    ) -> None:
        self._node = node
        self._authority = authority
        self._watches = watches
        self._asking: Asking[None] = Asking()
        self._rollout: Rollout | None = None
        self.witness = Witness()
        self.actions: dict[str, Callable[[], str]] = {
            'rollout/start': self._start,
            'rollout/promote': lambda: self._permitted().promote(),
            'rollout/pause': lambda: self._permitted().pause(),
            'rollout/resume': lambda: self._permitted().resume(),
            'rollout/abort': lambda: self._permitted().abort(),
        }

    def open(
        self, models: ModelServing, opening: OpeningModels, loop: FrameLoop, resources: ExitStack
    ) -> None:
        """Goes on with what is under way, and begins what a parameter asks for.

        Args:
            models: the node's models, one of which serves.
            opening: how they were opened.
            loop: serves the frames.
            resources: is told how to end it.
        """
        node, history = self._node, opening.history
        robot = RobotTopics(node, self._settings, resources)
        group = RolloutReports(node, self._settings, lambda: history.rollout.state, resources)
        around = self._around(models, opening, loop, self._truth(resources))
        hands = models.deployment.hands
        rollout = Rollout(hands, history, self.witness, around, robot.gate, group.reports)
        self._rollout, models.changed = rollout, rollout.look_soon
        resources.callback(self._forget)
        resources.callback(rollout.close)
        self._watches.rollout.snapshot = rollout.snapshot
        resources.callback(self._watches.rollout.forget)
        rollout.begin()
        self._begin_asked(rollout, opening)

    def _truth(self, resources: ExitStack) -> RolloutTruth:
        """Makes who compares both models with the truth, of which it hears from now on."""
        node, accuracy = self._node, self._watches.accuracy
        truth = accuracy.listener = RolloutTruth(accuracy, lambda: node.parameters.accuracy)
        resources.callback(setattr, accuracy, 'listener', None)
        return truth

    def _evidence(self, truth: RolloutTruth) -> tuple[EvidenceSource, ...]:
        node, outcomes = self._node, self._watches.outcomes
        return (
            MemoryEvidence(lambda: node.parameters.memory_budget_mb),
            truth,
            OutcomeEvidence(lambda: outcomes.outcomes),
        )

    def unfit(self, pipeline: Pipeline, reason: str) -> bool:
        """Takes note of a pipeline that did not come back; false if it is not a candidate."""
        rollout = self._rollout
        return rollout is not None and rollout.unfit(pipeline, reason)

    def check_settings(self, parameters: InferenceNodeParameters) -> None:
        """Checks what the robot has to be, and the names of the group.

        Raises:
            SettingError: they make no sense.
        """
        name, settings = self._node.get_fully_qualified_name(), parameters.rollout
        parse_conditions(settings.only_when, name)
        check_group(settings.group, name)

    def check(self, old: InferenceNodeParameters, new: InferenceNodeParameters) -> None:
        """Refuses what cannot be rolled out so; called before the parameters change.

        Raises:
            MlIntegrationError: with the reason.
        """
        self.check_settings(new)
        reference, rollout = new.rollout.candidate, self._rollout
        if rollout is None or not reference or reference == old.rollout.candidate:
            return
        self._asking.ask(reference, lambda: rollout.check(reference), CHECK_PATIENCE_S)

    def changed(self, old: InferenceNodeParameters, new: InferenceNodeParameters) -> None:
        """Begins the rollout that a changed parameter asks for."""
        reference, rollout = new.rollout.candidate, self._rollout
        by_parameter = new.swap_authority == 'parameter'
        if rollout is not None and by_parameter and reference not in ('', old.rollout.candidate):
            rollout.wish(reference)

    def _settings(self) -> RolloutSettings:
        return self._node.parameters.rollout

    def _around(
        self, models: ModelServing, opening: OpeningModels, loop: FrameLoop, truth: RolloutTruth
    ) -> Surroundings:
        node, permit = self._node, self._authority.refuse_if_locked
        requests = RolloutRequests(opening.history, opening.admission, permit, self._tell)
        return Surroundings(
            settings=self._settings,
            feeding=loop,
            deadline_ms=lambda: _deadline_ms(models, node.parameters),
            limit_candidate=lambda limit_ms: setattr(loop, 'candidate_timeout_ms', limit_ms),
            tell=self._tell,
            changed=models.control.done,
            evidence=self._evidence(truth),
            comparer=truth,
            requests=requests.look,
        )

    def _begin_asked(self, rollout: Rollout, opening: OpeningModels) -> None:
        """Begins what the parameter asks for, if no rollout has taken it up before."""
        parameters, interrupted = self._node.parameters, opening.interrupted
        opening.interrupted = False
        reference = parameters.rollout.candidate
        if not reference or parameters.swap_authority != 'parameter':
            return
        known = False
        with suppress(MlIntegrationError):  # then it is told when it cannot be begun
            known = rollout.state.candidate.matches(opening.admission.meant(reference))
        if interrupted or not known:
            rollout.wish(reference)

    def _start(self) -> str:
        rollout, reference = self._permitted(), self._node.parameters.rollout.candidate
        if not reference:
            raise SwapError(
                'rollout.candidate names no candidate',
                where=self._node.get_fully_qualified_name(),
                hint='Set it to name@version first.',
            )
        return rollout.start(reference)

    def _permitted(self) -> Rollout:
        self._authority.refuse_if_locked()
        rollout = self._rollout
        if rollout is None:
            raise SwapError(
                'the node is not active',
                where=self._node.get_fully_qualified_name(),
                hint='Only an active node rolls out.',
            )
        return rollout

    def _forget(self) -> None:
        self._rollout = None

    def _tell(self, level: Level, sentence: str) -> None:
        if self._node.context.ok():  # otherwise the process is ending
            log_at(self._node.get_logger(), level, sentence)


def _deadline_ms(models: ModelServing, parameters: InferenceNodeParameters) -> float:
    """Returns the time after which a result is late [ms]: what the model promises, or the node."""
    return models.serving.package.manifest.limits.latency_ms or parameters.deadline_ms
