"""Tells on `~/rollout/state` where the rollout of a node is, and hears it of its group."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from time import monotonic_ns
from typing import Any

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.subscription import Subscription

from ml_integration.core.findings import Level
from ml_integration.core.rollout.settings import RolloutSettings
from ml_integration.deploy.rollout.groups import Report
from ml_integration.deploy.rollout.steps import share_of
from ml_integration.ros.inference.retired_subscriptions import RetiredSubscriptions
from ml_integration.ros.messages.diagnostic_status import Values, diagnostic_status
from ml_integration.ros.node import qos
from ml_integration.ros.node.lifecycle_node import GuardedLifecycleNode
from ml_integration.store.state.rollout_state import Phase, RolloutState

PERIOD_S = 1.0
"""Time between two reports [s]."""
REPORT_AGE_S = 5.0
"""Age from which on a node is silent [s]."""
TOPIC = 'rollout/state'


class RolloutReports:
    """Publishes the reports of a node, and keeps the newest one of each other of its group.

    Args:
        node: the node that has the topic.
        settings: of its rollout, as they are now.
        state: of its rollout, as it is now.
        resources: is told how to end it.
    """

    def __init__(
        self,
        node: GuardedLifecycleNode[Any],
        settings: Callable[[], RolloutSettings],
        state: Callable[[], RolloutState],
        resources: ExitStack,
    ) -> None:
        self._node = node
        self._settings = settings
        self._state = state
        self._heard: dict[str, tuple[Report, int]] = {}
        self._others: dict[str, Subscription] = {}
        self._retired = RetiredSubscriptions(node)
        self._told: DiagnosticStatus | None = None
        self._publisher = node.create_publisher(DiagnosticStatus, f'~/{TOPIC}', qos.latched())
        resources.callback(node.destroy_publisher, self._publisher)
        resources.callback(self._end)
        timer = node.every(PERIOD_S, self._look)
        resources.callback(node.destroy_timer, timer)
        self._look()

    def reports(self) -> Mapping[str, Report]:
        """Returns what counts of what was heard of each other node; any thread may ask.

        Of a node that fell silent counts that it was promoted: it would have told otherwise
        before it went, and tells when it is back. So a restart of it takes nothing back.
        """
        oldest_ns = monotonic_ns() - int(REPORT_AGE_S * 1e9)
        heard = list(self._heard.items())
        return {
            name: report if at_ns >= oldest_ns else replace(report, ready=False)
            for name, (report, at_ns) in heard
            if at_ns >= oldest_ns or report.promoted
        }

    def _look(self) -> None:
        self._retired.destroy()
        settings = self._settings()
        self._tell(status_of(self._node.get_fully_qualified_name(), self._state(), settings))
        for name in settings.group:
            if name not in self._others:
                self._others[name] = self._node.create_subscription(
                    DiagnosticStatus,
                    f'{name}/{TOPIC}',
                    self._node.guarded(partial(self._take, name)),
                    qos.latched(),
                )
        for name in self._others.keys() - set(settings.group):
            self._leave(name)

    def _tell(self, status: DiagnosticStatus) -> None:
        """Publishes news, and what is known already to those who listen; others get it later."""
        if status != self._told or self._publisher.get_subscription_count():
            self._told = status
            self._publisher.publish(status)

    def _take(self, name: str, message: DiagnosticStatus) -> None:
        report = report_in(message)
        if report is not None:
            self._heard[name] = (report, monotonic_ns())

    def _leave(self, name: str) -> None:
        """Listens to a node no longer; events on their way to the subscription may still come."""
        subscription = self._others.pop(name)
        self._retired.add(subscription)
        self._heard.pop(name, None)

    def _end(self) -> None:
        for name in list(self._others):
            self._leave(name)
        self._retired.destroy()


def status_of(node: str, state: RolloutState, settings: RolloutSettings) -> DiagnosticStatus:
    """Makes the message that says where a rollout is, with the same keys always.

    Args:
        node: full name of the node.
        state: of its rollout.
        settings: of its rollout.
    """
    level = Level.WARN if state.phase is Phase.HALTED else Level.OK
    sentence = state.reason or 'no rollout was begun'
    return diagnostic_status(
        f'{node.lstrip("/")}: rollout', level, sentence, node, _values(state, settings)
    )


def report_in(message: DiagnosticStatus) -> Report | None:
    """Returns what another node reports; None if it cannot be read."""
    values = {item.key: item.value for item in message.values}
    try:
        return Report(
            Phase(values['phase']),
            values['candidate'],
            *(_FLAGS[values[name]] for name in ('promoted', 'ready', 'watched')),
        )
    except (KeyError, ValueError):
        return None


def _values(state: RolloutState, settings: RolloutSettings) -> Values:
    report = Report.of(state)
    yield 'phase', state.phase.value
    yield 'candidate', report.candidate
    yield 'stable', state.stable
    yield 'share [%]', 100.0 * share_of(state, settings)
    yield 'paused', _word(state.paused)
    yield 'promoted', _word(report.promoted)
    yield 'ready', _word(report.ready)
    yield 'watched', _word(report.watched)
    yield 'group', ', '.join(settings.group)
    yield 'only when', settings.only_when
    yield 'reason', state.reason


_FLAGS = {'yes': True, 'no': False}


def _word(flag: bool) -> str:
    return 'yes' if flag else 'no'
