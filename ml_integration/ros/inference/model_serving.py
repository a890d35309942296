"""Serves the models of an inference node: loads, changes and watches them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from time import monotonic_ns

from ml_integration.core.health import Alarms
from ml_integration.core.left_behind import left_behind
from ml_integration.core.pipeline import Pipeline
from ml_integration.deploy.deployment import Deployment
from ml_integration.deploy.file_watch import FileWatch, FileWatches, Opened
from ml_integration.deploy.fleet_member import FleetMember, Means
from ml_integration.deploy.loaded import Loaded
from ml_integration.deploy.orders_watch import OrdersWatch
from ml_integration.deploy.reverification import Reverification
from ml_integration.ros.inference.model_control import ModelControl
from ml_integration.ros.inference.model_report import ModelReport
from ml_integration.ros.inference.opening_models import OpeningModels
from ml_integration.ros.inference.swap_authority import SwapAuthority
from ml_integration.ros.node.lifecycle_node import GuardedLifecycleNode
from ml_integration.ros.node.parameters import InferenceNodeParameters


class ModelServing:
    """Models of an inference node while it is configured.

    Args:
        node: the node that serves.
        opened: its models, one of which is open.
        authority: says who may change what serves.
        announce: is called with the pipeline that serves, again and again and by any thread.
        resources: is told how to let go of everything.

    Attributes:
        deployment: lends the pipelines.
        control: changes what serves.
        files: watches what lies on disk.
        changed: is called after what serves was changed, or could not be.
    """

    def __init__(
        self,
        node: GuardedLifecycleNode[InferenceNodeParameters],
        opened: OpeningModels,
        authority: SwapAuthority,
        announce: Callable[[Pipeline], None],
        resources: ExitStack,
    ) -> None:
        self._node = node
        self._exposure = opened.exposure
        self._announce = announce
        self._told_loading = False
        self.changed: Callable[[], None] = _nothing
        self.deployment = opened.deployment
        self._report = ModelReport(
            node, opened.store, self.deployment, lambda: opened.history.outcomes
        )
        resources.callback(node.destroy_publisher, self._report.publisher)
        resources.callback(self._report.close)
        self.control = ModelControl(node, authority, self.deployment, self._publish_report)
        resources.callback(self.control.end)
        opened.proven = self.control.report
        self.files = Reverification(
            FileWatches(self._watches(opened)),
            lambda: node.parameters.reverify_period_s,
            self.control.report,
        )
        resources.callback(self.files.stop)
        self._begin_anew = ''
        self.fleet = OrdersWatch(
            self._member(opened),
            lambda: node.parameters.fleet.look_period_s,
            self.control.report,
        )
        resources.callback(self.fleet.stop)
        if opened.missed:
            self.control.catch_up(opened.missed)
        elif not authority.has_wish:
            self.control.show_what_serves()
        self._publish_report()

    @property
    def serving(self) -> Loaded:
        return self.deployment.serving

    @property
    def begin_anew(self) -> str:
        """Why the node has to be configured anew, as nothing that is open may serve; or empty."""
        return self._begin_anew

    def alarms(self) -> Alarms:
        """Returns the faults of the models of this node."""
        files = self.files.report
        return Alarms(
            (
                *self.deployment.problems,
                self.control.problem,
                *files.warnings,
                *self.fleet.complaints,
                hanging(),
            ),
            self.deployment.serving.pipeline.session.fallback,
            self._node.parameters.integrity == 'off',
            files.tampering,
            files.quarantined,
            self.deployment.findings,
            tuple(one.sentence for one in self._exposure.found if not one.is_secret),
            tuple(one.sentence for one in self._exposure.found if one.is_secret),
        )

    def remind(self) -> None:
        """Says on `~/models` how long a model is being loaded; called from time to time.

        A frame that a swap met half way may have announced the model before once more, and no
        other frame may have come since.
        """
        self._announce(self.serving.pipeline)
        loading = self.deployment.loading is not None
        if loading or self._told_loading:
            self._told_loading = loading
            self._publish_report()

    def _member(self, opened: OpeningModels) -> FleetMember:
        """Makes what obeys the orders of the fleet."""
        node = self._node
        means = Means(
            pinned=lambda: opened.pinned,
            may_follow=lambda: (
                node.parameters.fleet.follow_plans
                and node.parameters.swap_authority == 'parameter'
            ),
            done=self.control.done,
            begin_anew=lambda reason: setattr(self, '_begin_anew', reason),
        )
        return FleetMember(self.deployment, opened.history, opened.orders, opened.facts, means)

    def _watches(self, opened: OpeningModels) -> list[FileWatch]:
        """Makes a watch for the serving model, and for each second model of its stages."""
        deployment = self.deployment
        models: list[Callable[[], Opened]] = [lambda: deployment.serving]
        models += [partial(_second_of, deployment, stage) for stage in deployment.serving.seconds]
        return [
            FileWatch(model, opened.admission, opened.history, monotonic_ns) for model in models
        ]

    def _publish_report(self) -> None:
        self.changed()
        self._announce(self.serving.pipeline)
        self._report.publish(self.control.problem or next(iter(self.deployment.complaints), ''))


def _nothing() -> None:
    """Tells nobody."""


def _second_of(deployment: Deployment, stage: str) -> Opened:
    return deployment.serving.seconds[stage]


def hanging() -> str:
    """Returns a sentence on what was left behind in this process and still runs."""
    found = left_behind()
    if not found:
        return ''
    return f'still hanging in this process: {"; ".join(found)}; only a restart ends that'
