"""Publishes `~/models`: the versions in the stores, and how this node uses each one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.node import Node

from ml_integration.core.findings import Level
from ml_integration.core.outcomes import Outcomes
from ml_integration.deploy.background import InOrder
from ml_integration.deploy.deployment import Deployment
from ml_integration.ros.inference.diagnostics import seconds_in_words
from ml_integration.ros.messages.diagnostic_status import diagnostic_status
from ml_integration.ros.node import qos
from ml_integration.store.state.model_store import ModelStore, StoredModel


class ModelReport:
    """Publishes `~/models` (diagnostic_msgs/DiagnosticArray, latched) soon after it is told to.

    Args:
        node: the node that owns the topic.
        store: holds the models.
        deployment: tells which ones are used.
        outcomes: tells what became of their results.
    """

    def __init__(
        self,
        node: Node,
        store: ModelStore,
        deployment: Deployment,
        outcomes: Callable[[], Outcomes],
    ) -> None:
        self._node = node
        self._store = store
        self._deployment = deployment
        self._outcomes = outcomes
        self._listed: tuple[StoredModel, ...] = ()
        self._manifests: list[tuple[Path, int]] = []
        self._problem = ''
        self._writer = InOrder('ml_report')
        self._ended = False
        self.publisher = node.create_publisher(DiagnosticArray, '~/models', qos.latched())

    def publish(self, problem: str) -> None:
        """Publishes the present state soon, by a thread that may wait for the disks.

        Args:
            problem: reason why the last request failed; empty if it did not.
        """
        self._problem = problem
        self._writer.do(self._publish)

    def close(self) -> None:
        """Publishes nothing any more."""
        self._ended = True
        self._writer.finish()

    def _publish(self) -> None:
        try:
            message = DiagnosticArray(status=[self._summary(self._problem), *self._versions()])
            message.header.stamp = self._node.get_clock().now().to_msg()
            if not self._ended:
                self.publisher.publish(message)
        except Exception as error:
            if not self._ended and self._node.context.ok():
                self._node.get_logger().error(f'~/models cannot be published: {error!r}')

    def _summary(self, problem: str) -> DiagnosticStatus:
        state = self._deployment.state
        level = Level.WARN if problem else Level.OK
        serving, loading = self._deployment.serving, self._deployment.loading
        values = {
            'serving': serving.identity,
            'sha256': serving.identity.sha256,
            'verified by': serving.package.verified_by,
            'second models': seconds_in_words(serving),
            'proven': state.committed,
            'previous': state.previous,
            'rejected': ', '.join(str(item.edition) for item in state.rejected),
            'problem': problem,
            'loading': loading or '',
        }
        sentence = problem or f'{serving.identity} serves'
        if loading is not None:
            sentence += f'; {loading}'
        return _status(self._node, level, 'summary', sentence, values)

    def _versions(self) -> Iterator[DiagnosticStatus]:
        state = self._deployment.state
        for stored in self._models():
            role = {state.previous: 'previous', **self._serving()}
            digest = stored.manifest.digest if stored.manifest else ''
            reason = self._deployment.quarantined(stored.name, stored.version, digest)
            if reason:
                role[str(stored)] = f'quarantined: {reason}'
            if stored.error:
                role[str(stored)] = stored.error
            level = Level.ERROR if reason or stored.error else Level.OK
            text = role.get(str(stored), 'in store')
            about = _about(stored, self._outcomes())
            yield _status(self._node, level, str(stored), text, about)

    def _serving(self) -> dict[str, str]:
        """Returns what serves, and as what."""
        serving = self._deployment.serving
        seconds = {
            str(second.description.identity): f'second model of {stage}'
            for stage, second in serving.seconds.items()
        }
        return {**seconds, str(serving.identity): 'serving'}

    def _models(self) -> tuple[StoredModel, ...]:
        """Returns the stored models; reads manifests only after a change."""
        found = (file for store in self._store.stores for file in store.glob('*/*/manifest.yaml'))
        manifests = sorted((file, _changed_ns(file)) for file in found)
        if manifests != self._manifests:
            self._listed, self._manifests = self._store.models(), manifests
        return self._listed


def _changed_ns(file: Path) -> int:
    try:
        return file.stat().st_mtime_ns
    except OSError:  # removed at this very moment
        return 0


def _about(stored: StoredModel, outcomes: Outcomes) -> dict[str, object]:
    manifest = stored.manifest
    if manifest is None:
        return {'folder': stored.directory}
    return {
        'folder': stored.directory,
        'task': manifest.task,
        'sha256': manifest.identity.sha256,
        'digest': manifest.digest,
        'description': manifest.description,
        'outcome': outcomes.of(str(manifest.identity), manifest.identity.sha256) or '',
    }


def _status(
    node: Node, level: Level, name: str, message: str, values: dict[str, object]
) -> DiagnosticStatus:
    where = node.get_fully_qualified_name()
    return diagnostic_status(name, level, message, where, values.items())
