"""Serves the models of an inference node: loads, changes and watches them."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from time import monotonic_ns

from ml_integration.core.health import Alarms
from ml_integration.deploy.admission import Admission
from ml_integration.deploy.deployment import Deployment
from ml_integration.deploy.exposure_watch import ExposureWatch
from ml_integration.deploy.file_watch import FileWatch
from ml_integration.deploy.history import History
from ml_integration.deploy.loading import Loaded, Loader
from ml_integration.deploy.reverification import Reverification
from ml_integration.ros.inference.intake import reader_for
from ml_integration.ros.inference.model_control import ModelControl
from ml_integration.ros.inference.model_report import ModelReport
from ml_integration.ros.inference.swap_authority import SwapAuthority
from ml_integration.ros.node.lifecycle_node import GuardedLifecycleNode
from ml_integration.ros.node.parameters import InferenceNodeParameters
from ml_integration.store.state.artifacts import StoredArtifacts
from ml_integration.store.state.model_store import ModelStore
from ml_integration.store.state.places import default_stores, expanded, stores_of
from ml_integration.store.state.state_dir import StateDir, default_state_dir
from ml_integration.store.trust.exposure import Exposure, Places
from ml_integration.store.trust.policy import Trust, load_trust


class ModelServing:
    """Models of an inference node while it is configured.

    Args:
        node: the node that serves.
        authority: says with which model, and who may change it.
        resources: is told how to let go of everything.

    Attributes:
        deployment: lends the pipelines.
        control: changes what serves.
        files: watches what lies on disk.

    Raises:
        MlIntegrationError: no model can be served.
    """

    def __init__(
        self,
        node: GuardedLifecycleNode[InferenceNodeParameters],
        authority: SwapAuthority,
        resources: ExitStack,
    ) -> None:
        self._node = node
        current = node.parameters
        where = node.get_fully_qualified_name()
        state_dir = StateDir(_state_dir(current, where))
        store = _model_store(current, state_dir, where)
        places = _places(current, store, state_dir, where)
        self._exposure = ExposureWatch(places, self._tell_exposure)
        resources.callback(self._exposure.stop)
        artifacts = StoredArtifacts(state_dir.path / 'cache', node.get_logger().warning)
        claim = state_dir.claim_node(where)
        resources.callback(claim.close)
        history = History(state_dir, where, claim.holder)
        admission = Admission(store, _trust(current, where), history.of_model)
        self.deployment = Deployment(
            admission,
            _loader(current, artifacts),
            history,
            lambda: node.parameters.probation,
            monotonic_ns,
            current.keep_previous,
            proven=lambda: self.control.report(),
        )
        resources.callback(self.deployment.close)
        self.deployment.start(authority.asked, authority.chosen, current.fallback_model)
        for repair in state_dir.audit.repairs:
            node.get_logger().warning(repair)
        self._report = ModelReport(node, store, self.deployment)
        resources.callback(node.destroy_publisher, self._report.publisher)
        resources.callback(self._report.close)
        self.control = ModelControl(node, authority, self.deployment, self._publish_report)
        resources.callback(self.control.end)
        self.files = Reverification(
            FileWatch(lambda: self.deployment.serving, admission, history, monotonic_ns),
            lambda: node.parameters.reverify_period_s,
            self.control.report,
        )
        resources.callback(self.files.stop)
        if not authority.has_wish:
            self.control.show_what_serves()
        self._publish_report()

    @property
    def serving(self) -> Loaded:
        return self.deployment.serving

    def alarms(self) -> Alarms:
        """Returns the faults of the models of this node."""
        files = self.files.report
        return Alarms(
            (*self.deployment.problems, self.control.problem, *files.warnings),
            self.deployment.serving.pipeline.session.fallback,
            self._node.parameters.integrity == 'off',
            files.tampering,
            files.quarantined,
            self.deployment.findings,
            tuple(one.sentence for one in self._exposure.found if not one.is_secret),
            tuple(one.sentence for one in self._exposure.found if one.is_secret),
        )

    def _tell_exposure(self, found: Exposure) -> None:
        logger = self._node.get_logger()
        if found.is_secret:
            logger.error(found.sentence)
        else:
            logger.warning(found.sentence)

    def _publish_report(self) -> None:
        self._report.publish(self.control.problem or next(iter(self.deployment.complaints), ''))


def _model_store(
    parameters: InferenceNodeParameters, state_dir: StateDir, where: str
) -> ModelStore:
    path = parameters.model_path
    stores = stores_of(path, 'model_path', where) if path else default_stores()
    return ModelStore(stores, state_dir)


def _state_dir(parameters: InferenceNodeParameters, where: str) -> Path:
    return _path(parameters.state_dir, 'state_dir', where) or default_state_dir()


def _trust(parameters: InferenceNodeParameters, where: str) -> Trust:
    return load_trust(
        parameters.integrity,
        _path(parameters.trusted_keys_dir, 'trusted_keys_dir', where),
        _path(parameters.model_key_file, 'model_key_file', where),
    )


def _places(
    parameters: InferenceNodeParameters, store: ModelStore, state_dir: StateDir, where: str
) -> Places:
    return Places(
        store.stores,
        state_dir.path,
        _path(parameters.trusted_keys_dir, 'trusted_keys_dir', where),
        _path(parameters.model_key_file, 'model_key_file', where),
    )


def _loader(parameters: InferenceNodeParameters, artifacts: StoredArtifacts) -> Loader:
    return Loader(
        parameters.execution,
        parameters.batch,
        max(1, len(parameters.cameras)),
        # What was made here is signed by nobody.
        None if parameters.integrity == 'signed' else artifacts,
        reader_for,
    )


def _path(text: str, key: str, where: str) -> Path | None:
    return expanded(text, key, where) if text else None
