"""The models of an inference node: which one serves, who may change it, what is wrong with it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from time import monotonic_ns

from rclpy.node import Node

from ml_integration.core.health import Finding, Level
from ml_integration.core.pipeline import Pipeline
from ml_integration.deploy.deployment import Deployment
from ml_integration.deploy.history import History
from ml_integration.deploy.loading import go_on, load_pipeline
from ml_integration.deploy.reverification import Reverification
from ml_integration.deploy.source import Loaded, Source
from ml_integration.ros.inference.model_control import ModelControl
from ml_integration.ros.inference.model_report import ModelReport
from ml_integration.ros.node.parameters import InferenceNodeParameters
from ml_integration.store.package.package import ModelPackage
from ml_integration.store.state.artifacts import StoredArtifacts
from ml_integration.store.state.model_store import ModelStore
from ml_integration.store.state.places import default_stores
from ml_integration.store.state.state_dir import StateDir, default_state_dir
from ml_integration.store.trust.policy import load_trust


class ModelServing:
    """Exists while the node is configured.

    Args:
        node: the node that serves.
        parameters: gives its parameters as they are now.
        resources: is told how to let go of everything.

    Raises:
        MlIntegrationError: no model can be served.
    """

    def __init__(
        self,
        node: Node,
        parameters: Callable[[], InferenceNodeParameters],
        resources: ExitStack,
    ) -> None:
        self._parameters = parameters
        self._tampering = ''
        current = parameters()
        state_dir = StateDir(_state_dir(current))
        store = _model_store(current, state_dir)
        artifacts = StoredArtifacts(state_dir.path / 'cache', node.get_logger().warning)
        self._deployment = Deployment(
            _source(store, current, artifacts),
            History(state_dir, node.get_fully_qualified_name()),
            monotonic_ns,
            current.keep_previous,
        )
        resources.callback(self._deployment.close)
        self._deployment.start(current.model, current.probation)
        self._report = ModelReport(node, store, self._deployment)
        resources.callback(node.destroy_publisher, self._report.publisher)
        self.control = ModelControl(node, self._deployment, parameters, self._publish_report)
        resources.callback(self.control.end)
        reverification = Reverification(
            self._deployment, lambda: parameters().reverify_period_s, self._alarm
        )
        resources.callback(reverification.stop)
        self._publish_report()

    @property
    def serving(self) -> Loaded:
        return self._deployment.serving

    def batch_size(self) -> int:
        """How many frames the serving model takes in one run, here."""
        return self.serving.pipeline.batch_size

    @contextmanager
    def lease(self) -> Iterator[Pipeline]:
        """Keeps the serving pipeline open while frames are in it."""
        with self._deployment.lease() as pipeline:
            yield pipeline

    def record(self, good: bool) -> None:
        """Takes the outcome of one frame."""
        if self._deployment.record(good, self._parameters().probation):
            self._publish_report()

    def alarms(self) -> tuple[Finding, ...]:
        """What is wrong with the models of this node."""
        fallback = self._deployment.serving.pipeline.session.fallback
        warnings = [*self._deployment.complaints, self.control.problem, fallback]
        if self._parameters().integrity == 'off':
            warnings.append('INTEGRITY IS OFF: any file is loaded as a model')
        found = [Finding('model', Level.WARN, warning) for warning in warnings if warning]
        if self._tampering:
            sentence = f'changed on disk and quarantined: {self._tampering}'
            found.append(Finding('model', Level.ERROR, sentence))
        return tuple(found)

    def _alarm(self, tampering: str) -> None:
        if tampering != self._tampering:
            self._tampering = tampering
            self._publish_report()

    def _publish_report(self) -> None:
        self._report.publish(self.control.problem or next(iter(self._deployment.complaints), ''))


def _model_store(parameters: InferenceNodeParameters, state_dir: StateDir) -> ModelStore:
    path = parameters.model_path
    stores = [Path(part) for part in path.split(os.pathsep)] if path else default_stores()
    return ModelStore(stores, state_dir)


def _state_dir(parameters: InferenceNodeParameters) -> Path:
    return Path(parameters.state_dir) if parameters.state_dir else default_state_dir()


def _source(
    store: ModelStore, parameters: InferenceNodeParameters, artifacts: StoredArtifacts
) -> Source:
    trust = load_trust(
        parameters.integrity,
        _path(parameters.trusted_keys_dir),
        _path(parameters.model_key_file),
    )
    together = partial(parameters.batch.together, max(1, len(parameters.cameras)))
    # What was made here is signed by nobody.
    kept = None if parameters.integrity == 'signed' else artifacts

    def load(
        package: ModelPackage, *, fresh: bool = False, pause: Callable[[], None] = go_on
    ) -> Pipeline:
        return load_pipeline(
            package,
            parameters.execution,
            together=together,
            artifacts=kept,
            fresh=fresh,
            pause=pause,
        )

    return Source(store, trust, load, artifacts.write)


def _path(text: str) -> Path | None:
    return Path(text) if text else None
