"""The watches of an inference node."""

from __future__ import annotations

from rclpy.clock import ROSClock

from ml_integration.core.accuracy import Accuracy
from ml_integration.core.content import Content
from ml_integration.core.drift import Drift
from ml_integration.core.outcome_watch import OutcomeWatch
from ml_integration.core.resource_watch import ResourceWatch
from ml_integration.core.watches import Look, Watch, idle_look
from ml_integration.ros.inference.freeze_frames import make_freezer
from ml_integration.ros.node.lifecycle_node import GuardedLifecycleNode
from ml_integration.ros.node.parameters import InferenceNodeParameters
from ml_integration.serving.freezing import FreezeWatch
from ml_integration.serving.rollout_watch import RolloutWatch


class NodeWatches:
    """Watches of a node, in the order of their statuses.

    Their settings are read whenever they are needed, as they may change at any time.

    Args:
        node: the node.

    Attributes:
        accuracy: the one that wants ground truth.
        outcomes: the one that wants to know what results were good for.
        freezer: keeps the last frames, which another one tells of.
        rollout: the one that tells of a rollout.
        every: all of them.
    """

    def __init__(self, node: GuardedLifecycleNode[InferenceNodeParameters]) -> None:
        self.accuracy = Accuracy(lambda: node.parameters.accuracy)
        self.outcomes = OutcomeWatch()
        self.freezer = make_freezer(node)
        self.rollout = RolloutWatch()

        def simulated() -> bool:
            clock = node.get_clock()
            return isinstance(clock, ROSClock) and clock.ros_time_is_active

        self.every: tuple[Watch, ...] = (
            Content(lambda: node.parameters.content, simulated),
            Drift(lambda: node.parameters.drift),
            self.accuracy,
            self.outcomes,
            ResourceWatch(lambda: node.parameters.memory_budget_mb),
            FreezeWatch(self.freezer),
            self.rollout,
        )

    def begin(self, now_ns: int) -> None:
        """Lets all forget: the node is being activated [ns, steady clock]."""
        for watch in self.every:
            watch.begin(now_ns)

    def look(self, now_ns: int, idle: str) -> list[Look]:
        """Returns what each has found.

        Args:
            now_ns: the time [ns, steady clock].
            idle: state of the lifecycle of a node that serves no frames; empty if it does.
        """
        if idle:
            return [idle_look(watch, idle, now_ns) for watch in self.every]
        return [watch.look(now_ns) for watch in self.every]
