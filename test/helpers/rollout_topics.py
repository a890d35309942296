"""What a node says on `~/rollout/state`."""

from __future__ import annotations

from typing import Any

from diagnostic_msgs.msg import DiagnosticStatus
from inference_processes import NodeUnderTest, value
from ros_processes import wait_until

from ml_integration.errors import MlIntegrationError
from ml_integration.ros.node import qos

PATIENCE_S = 90.0
QUICK: dict[str, Any] = {
    'rollout.shares': [50.0],
    'rollout.minimum_frames': 15,
    'rollout.minimum_s': 0.5,
    'rollout.latency_ratio': 1e6,
    'rollout.unlike_latency_ratio': 1e6,
    'rollout.late_ratio': 1.0,
    'rollout.error_ratio': 1.0,
    'rollout.invalid_ratio': 1.0,
    'rollout.disagreement': 0.9,
    'rollout.memory_growth_mb': 1e5,
}
"""Steps of a moment: so few frames tell nothing that is sure but of limits like these."""


class RolloutTopic:
    """The topic of one node, as somebody hears it who has just come."""

    def __init__(self, node: NodeUnderTest) -> None:
        self._node = node
        topic = f'{node.name}/rollout/state'
        self._told = node.client.collect(DiagnosticStatus, topic, qos.latched())

    def wait_for(self, phase: str, reason: str = '', **values: str) -> DiagnosticStatus:
        """Waits until the newest message has a phase, words in its reason, and other values."""

        def is_so(status: DiagnosticStatus) -> bool:
            wanted = {'phase': phase, **values}
            fits = all(value(status, key) == text for key, text in wanted.items())
            return fits and reason in value(status, 'reason')

        newest = self._told.messages
        try:
            wait_until(lambda: any(map(is_so, newest[-1:])), f'{phase}: {reason}', PATIENCE_S)
        except MlIntegrationError as error:
            log = self._node.process.log
            raise AssertionError(f'{error}: {newest[-1:]}\n{log}') from None
        return newest[-1]
