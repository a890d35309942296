"""Opens the models of an inference node, while its executor goes on."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from time import monotonic_ns

from ml_integration.core.transports import parse_transports
from ml_integration.deploy.admission import Admission
from ml_integration.deploy.assembly import NO_STAGES, StageSettings
from ml_integration.deploy.calibration import Calibration
from ml_integration.deploy.deployment import Deployment
from ml_integration.deploy.exposure_watch import ExposureWatch
from ml_integration.deploy.history import History
from ml_integration.deploy.loading import Loader
from ml_integration.deploy.memory_budget import MemoryBudget
from ml_integration.deploy.nice_session import NiceSession
from ml_integration.deploy.pinned_models import PinnedModels
from ml_integration.deploy.rollout.settling import settle
from ml_integration.deploy.second_model import OpenSecondModel
from ml_integration.errors import SupersededError
from ml_integration.ros.inference.intake import reader_for
from ml_integration.ros.inference.stage_settings import stage_settings
from ml_integration.ros.inference.swap_authority import SwapAuthority
from ml_integration.ros.node.lifecycle_node import GuardedLifecycleNode
from ml_integration.ros.node.parameters import InferenceNodeParameters
from ml_integration.store.orders.facts import robot_facts
from ml_integration.store.orders.order_book import OrderBook
from ml_integration.store.state.artifacts import StoredArtifacts
from ml_integration.store.state.measurements import Measurements
from ml_integration.store.state.model_store import ModelStore
from ml_integration.store.state.node_state import Edition
from ml_integration.store.state.places import default_stores, expanded, stores_of
from ml_integration.store.state.state_dir import StateDir, named_state_dir
from ml_integration.store.trust.exposure import Exposure, Places
from ml_integration.store.trust.policy import Trust, load_trust

CALIBRATE = 'ML_INTEGRATION_CALIBRATE'
"""Environment variable that switches the measurement of threads off for all nodes, with 0."""


class OpeningModels:
    """Models of an inference node that is about to be configured.

    Args:
        node: the node that will serve.
        authority: says with which model.
        resources: is told how to let go of everything.

    Attributes:
        store: holds the models.
        exposure: looks whether others may change what decides about models.
        history: the node's memory over restarts.
        orders: of the fleet.
        facts: about this robot.
        admission: verifies models.
        deployment: lends the pipelines once a model is open.
        proven: is called when the serving model has proven itself.
        interrupted: whether the last process ended in the middle of a rollout.
    """

    def __init__(
        self,
        node: GuardedLifecycleNode[InferenceNodeParameters],
        authority: SwapAuthority,
        resources: ExitStack,
    ) -> None:
        self._node = node
        self._authority = authority
        self._began_with = ''
        self._given_up = self.interrupted = False
        current = node.parameters
        where = node.get_fully_qualified_name()
        self._state_dir = state_dir = StateDir(_state_dir(current, where))
        self.store = _model_store(current, state_dir, where)
        places = _places(current, self.store, state_dir, where)
        self.exposure = ExposureWatch(places, self._tell_exposure)
        resources.callback(self.exposure.stop)
        artifacts = StoredArtifacts(state_dir.path / 'cache', node.get_logger().warning)
        measurements = Measurements(state_dir.path / 'measured')
        claim = state_dir.claim_node(where)
        resources.callback(claim.close)
        self.history = History(state_dir, where, claim.holder)
        trust = _trust(current, where)
        self.orders = OrderBook(self.store.stores, state_dir, trust, where)
        self.facts = robot_facts(current.fleet.facts_file, where)
        self.admission = Admission(self.store, trust, self.history.of_model, self.orders)
        self._artifacts, self._pinned = artifacts, PinnedModels(self.admission)
        self.proven: Callable[[], None] = _nothing
        self.deployment = Deployment(
            self.admission,
            replace(
                _loader(current, artifacts, stage_settings(node), where),
                find=self._pinned,
                calibration=_calibration(measurements, node.get_logger().info),
            ),
            self.history,
            lambda: node.parameters.probation,
            monotonic_ns,
            current.keep_previous,
            proven=lambda: self.proven(),
            timeout_s=lambda: node.parameters.load_timeout_s,
            memory=MemoryBudget(lambda: node.parameters.memory_budget_mb, measurements),
        )
        resources.callback(self.deployment.close)

    @property
    def pinned(self) -> tuple[Edition, ...]:
        """Second models that were loaded, also those that see frames in spare time."""
        return self._pinned.editions

    @property
    def missed(self) -> str:
        """Model that was asked for when another one was just open; empty if none was."""
        model = self._authority.model
        return model if model != self._began_with else ''

    def open_teacher(self) -> OpenSecondModel:
        """Opens the model that the parameter `accuracy.teacher` names, for spare time.

        Raises:
            MlIntegrationError: it cannot be had.
        """
        current, where = self._node.parameters, self._node.get_fully_qualified_name()
        package = self._pinned(current.accuracy.teacher)
        execution = replace(current.execution, intra_op_threads=1, spinning='never')
        loader = _loader(current, self._artifacts, NO_STAGES, where)
        return replace(loader, execution=execution).open_second(package, NiceSession)

    def start(self) -> None:
        """Opens the model that the node begins with, also when that changes meanwhile.

        Raises:
            SupersededError: it was given up.
            MlIntegrationError: no model can be served.
        """
        told = settle(self.history, self._node.parameters.rollout)
        if told:
            self._node.get_logger().warning(told)
        self.interrupted = bool(told) and self.history.rollout.state.interrupted
        while True:
            self._began_with = self._authority.model
            try:
                self.deployment.start(
                    self._authority.asked,
                    self._authority.chosen,
                    self._node.parameters.fallback_model,
                )
            except SupersededError:
                if self._given_up:
                    raise
            else:
                break
        for repair in self._state_dir.audit.repairs:
            self._node.get_logger().warning(repair)

    def begin_again(self) -> None:
        """Lets `start` begin again, because another model is asked for."""
        self.deployment.begin_again()

    def give_up(self) -> None:
        """Makes `start` raise SupersededError soon."""
        self._given_up = True
        self.deployment.give_up_start()

    def _tell_exposure(self, found: Exposure) -> None:
        logger = self._node.get_logger()
        if found.is_secret:
            logger.error(found.sentence)
        else:
            logger.warning(found.sentence)


def _calibration(measurements: Measurements, tell: Callable[[str], None]) -> Calibration | None:
    """Makes what chooses threads; None where the environment says that nothing is measured."""
    return None if os.environ.get(CALIBRATE) == '0' else Calibration(measurements, tell)


def _nothing() -> None:
    """Tells nobody."""


def _model_store(
    parameters: InferenceNodeParameters, state_dir: StateDir, where: str
) -> ModelStore:
    path = parameters.model_path
    stores = stores_of(path, 'model_path', where) if path else default_stores()
    return ModelStore(stores, state_dir)


def _state_dir(parameters: InferenceNodeParameters, where: str) -> Path:
    return named_state_dir(parameters.state_dir, where)


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


def _loader(
    parameters: InferenceNodeParameters,
    artifacts: StoredArtifacts,
    stages: StageSettings,
    where: str,
) -> Loader:
    return Loader(
        parameters.execution,
        parameters.batch,
        max(1, len(parameters.cameras)),
        # What was made here is signed by nobody.
        None if parameters.integrity == 'signed' else artifacts,
        reader_for,
        stages,
        parse_transports(parameters.image_transport, where),
    )


def _path(text: str, key: str, where: str) -> Path | None:
    return expanded(text, key, where) if text else None
