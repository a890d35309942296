"""The node that follows all nodes of a machine or robot by what they say on `/diagnostics`."""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus

from ml_integration.core.judge import Judge
from ml_integration.deploy.background import InOrder
from ml_integration.errors import SettingError, StateError
from ml_integration.fleet import kept_availability
from ml_integration.fleet.fleet import Fleet, Overview
from ml_integration.fleet.fleet_findings import health_of, idle_looks, judge_fleet
from ml_integration.ros.monitoring.fleet_messages import own_statuses, summary
from ml_integration.ros.monitoring.listening import listen
from ml_integration.ros.node import qos
from ml_integration.ros.node.lifecycle_node import GuardedLifecycleNode
from ml_integration.ros.node.parameters import PerformanceMonitorParameters
from ml_integration.ros.node.program import run_node
from ml_integration.store.state.state_dir import named_state_dir

if TYPE_CHECKING:
    from ml_integration.fleet.exposition import FleetCollector

PERIOD_S = 1.0


class PerformanceMonitor(GuardedLifecycleNode[PerformanceMonitorParameters]):
    """Tells how all nodes are, how available they were, and what takes their time.

    Subscriptions:
        `/diagnostics` (diagnostic_msgs/DiagnosticArray): of nodes of any kind.
    Publications:
        `~/summary` (diagnostic_msgs/DiagnosticArray, latched): a status in total, one per node.
        `/diagnostics` (diagnostic_msgs/DiagnosticArray): its own statuses, every second.
    Parameters:
        see `PerformanceMonitorParameters`.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__('performance_monitor', PerformanceMonitorParameters, options)
        self._problem = ''
        self._fleet: Fleet | None = None
        self._collector: FleetCollector | None = None
        self._diagnostics = self.create_publisher(DiagnosticArray, '/diagnostics', qos.result())
        self.every(PERIOD_S, self._tell)

    def configure(self, resources: ExitStack) -> None:
        name = self.get_fully_qualified_name()
        folder = named_state_dir(self.parameters.state_dir, name)
        if self.parameters.availability.windows_h == ():
            raise SettingError('availability.windows_h', [], 'at least one window', where=name)
        self._file: Path = folder / 'fleet' / f'{quote(name, safe="")}.json'
        kept, self._problem = kept_availability.read(self._file, self.parameters.max_nodes + 1)
        if self._problem:
            self.get_logger().warning(self._problem)
        self._kept = kept
        self._summary = self.create_publisher(DiagnosticArray, '~/summary', qos.latched())
        resources.callback(self.destroy_publisher, self._summary)

    def activate(self, resources: ExitStack) -> None:
        parameters = self.parameters
        fleet = Fleet(
            parameters.availability.windows_h,
            parameters.max_nodes,
            parameters.forget_s,
            self.get_fully_qualified_name(),
            self._kept,
            time.monotonic_ns(),
        )
        self._judge = Judge()
        self._writer = InOrder('ml_fleet_writer')
        self._written_ns = time.monotonic_ns()
        resources.callback(self._end, fleet)
        if parameters.prometheus.port:
            self._serve_metrics(resources)
        subscription = listen(self, self.guarded(fleet.take))
        resources.callback(self.destroy_subscription, subscription)
        self._fleet = fleet

    def introduce(self) -> str:
        topic = self._summary.topic_name
        return f'active: follows what /diagnostics tells; look at it: ros2 topic echo {topic}'

    def _serve_metrics(self, resources: ExitStack) -> None:
        from ml_integration.fleet.exposition import FleetCollector, serve_metrics

        collector, where = FleetCollector(), self.get_fully_qualified_name()
        url = serve_metrics(collector, self.parameters.prometheus, where, resources)
        self._collector = collector
        resources.callback(setattr, self, '_collector', None)
        self.get_logger().info(f'metrics for Prometheus on {url}')

    def _tell(self) -> None:
        """Judges what is known, and tells it."""
        name, wanted = self.get_fully_qualified_name(), self.parameters.availability
        fleet = self._fleet
        if fleet is None:
            looks = idle_looks(self.state, wanted.windows_h)
            self._publish(self._diagnostics, own_statuses(name, looks, health_of(looks)))
            return
        overview = fleet.tick(time.monotonic_ns(), time.time())
        looks = judge_fleet(overview, wanted.target, self._problem)
        health = self._judge.steady(health_of(looks))
        self._publish(self._diagnostics, own_statuses(name, looks, health))
        self._publish(self._summary, summary(name, overview, looks, health))
        self._show(overview)
        if time.monotonic_ns() - self._written_ns > wanted.write_period_s * 1e9:
            self._write(fleet)

    def _show(self, overview: Overview) -> None:
        if self._collector is not None:
            self._collector.show(overview, self.parameters.availability.target)

    def _publish(self, publisher: Any, statuses: list[DiagnosticStatus]) -> None:
        message = DiagnosticArray(status=statuses)
        message.header.stamp = self.get_clock().now().to_msg()
        publisher.publish(message)

    def _write(self, fleet: Fleet) -> None:
        """Lets the writer's thread write; the disk may be slow."""
        self._written_ns = time.monotonic_ns()
        content = kept_availability.to_bytes(fleet.ledgers())
        self._writer.do(lambda: self._write_content(content))

    def _write_content(self, content: bytes) -> None:
        try:
            kept_availability.write(self._file, content)
            self._problem = ''
        except StateError as error:
            self._problem = str(error)

    def _end(self, fleet: Fleet) -> None:
        self._fleet = None
        self._kept = fleet.ledgers()
        self._write(fleet)
        self._writer.finish()


def main() -> int:
    """Runs the node as a process; returns the exit code."""
    return run_node(PerformanceMonitor)


if __name__ == '__main__':
    sys.exit(main())
