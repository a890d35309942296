"""Listens to `~/outcome`: whether results were of use, as whoever used them knows."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus

from ml_integration.core.outcome_watch import Outcome, OutcomeWatch
from ml_integration.deploy.history import History
from ml_integration.ros.node import qos
from ml_integration.ros.node.lifecycle_node import GuardedLifecycleNode
from ml_integration.ros.node.parameters import InferenceNodeParameters

KEEP_S = 10.0
"""Time between two looks at whether there is something to keep on disk [s]."""
MOST = 64
"""Outcomes that one message may have."""


class OutcomeTopic:
    """Hands outcomes to the watch, and what it counts to the node's memory over restarts.

    Args:
        node: the node that has the topic.
        watch: counts.
        history: remembers.
        changed: is called after new counts were kept.
        resources: is told how to let go of everything.
    """

    def __init__(
        self,
        node: GuardedLifecycleNode[InferenceNodeParameters],
        watch: OutcomeWatch,
        history: History,
        changed: Callable[[], None],
        resources: ExitStack,
    ) -> None:
        self._node = node
        self._watch = watch
        self._history = history
        self._changed = changed
        self._told: set[str] = set()
        watch.outcomes = history.outcomes
        subscription = node.create_subscription(
            DiagnosticArray, '~/outcome', node.guarded(self._take), qos.result()
        )
        resources.callback(node.destroy_subscription, subscription)
        timer = node.every(KEEP_S, self._keep)
        resources.callback(node.destroy_timer, timer)
        resources.callback(lambda: history.keep_outcomes(watch.outcomes))

    def _take(self, message: DiagnosticArray) -> None:
        stamp = message.header.stamp
        stamp_ns = stamp.sec * 10**9 + stamp.nanosec
        for status in message.status[:MOST]:
            useful = status.level == DiagnosticStatus.OK
            word = status.message or ('useful' if useful else 'useless')
            problem = self._watch.tell(Outcome(stamp_ns, useful, word, status.name))
            if problem and len(self._told) < MOST and problem not in self._told:
                self._told.add(problem)
                self._node.get_logger().warning(f'an outcome is not counted: {problem}')

    def _keep(self) -> None:
        if self._history.keep_outcomes(self._watch.outcomes):
            self._changed()
