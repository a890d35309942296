"""Starts, swaps and rolls back the models of a node, and remembers them over restarts."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future

from ml_integration.deploy import probation
from ml_integration.deploy.admission import Admission, Candidate
from ml_integration.deploy.history import History
from ml_integration.deploy.loading import Loaded, Loader
from ml_integration.deploy.open_models import Audience, OpenModels
from ml_integration.deploy.probation import ProbationSettings
from ml_integration.deploy.router import Router
from ml_integration.deploy.swapping import Swapping
from ml_integration.errors import (
    IntegrityError,
    MlIntegrationError,
    ModelError,
    ModelNotFoundError,
)
from ml_integration.store.package.package import digest_of
from ml_integration.store.state.model_state import SHORT
from ml_integration.store.state.node_state import NodeState


class Deployment:
    """Models of one node: the serving one, the previous one and the one being loaded.

    Frames never wait for a disk or for a model that is being loaded. Thread-safe.

    Args:
        admission: finds and verifies models.
        loader: makes pipelines of them.
        history: the node's memory over restarts; it is closed with this.
        settings: gives the current requirements for a model on probation.
        now_ns: the steady time [ns].
        keep_previous: keep the previous model in memory, for an instant rollback.
        proven: is called when the serving model has proven itself, by a background thread.

    After the constructor nothing serves; `start` comes first.
    """

    def __init__(
        self,
        admission: Admission,
        loader: Loader,
        history: History,
        settings: Callable[[], ProbationSettings],
        now_ns: Callable[[], int],
        keep_previous: bool = True,
        proven: Callable[[], None] = lambda: None,
    ) -> None:
        self._admission = admission
        self._loader = loader
        self._history = history
        self._settings = settings
        self._models = OpenModels(history, settings, now_ns, keep_previous, proven)
        self._swapping = Swapping(self._models, admission, loader, history)

    @property
    def serving(self) -> Loaded:
        """Model that serves.

        Raises:
            ModelError: none does.
        """
        return self._models.serving

    @property
    def router(self) -> Router:
        """Router that lends the pipelines to the frame loop."""
        return self._models.router

    @property
    def audience(self) -> Audience | None:
        """Listener that is told before a pipeline serves and before it is closed, if there is one.

        A new one has to prepare for the router's pipelines itself.
        """
        return self._models.audience

    @audience.setter
    def audience(self, audience: Audience | None) -> None:
        self._models.audience = audience

    @property
    def complaints(self) -> tuple[str, ...]:
        """Sentences on what went wrong: a model that was not used, a state that is not stored."""
        return (*filter(None, (self._models.problem,)), *self._history.complaints)

    @property
    def state(self) -> NodeState:
        """Node's state that is remembered over restarts."""
        return self._history.state

    @property
    def busy(self) -> bool:
        """True while a model is being loaded, or is about to be."""
        return self._swapping.busy

    def start(self, reference: str) -> None:
        """Loads the model a node begins with, or the last good one if that keeps failing.

        Raises:
            MlIntegrationError: it cannot be loaded, and there is no other that was good.
        """
        attempts = self._settings().attempts
        decision = probation.on_start(self.state, self._admission.meant(reference), attempts)
        self._follow(decision)
        try:
            loaded = self._open(decision.model)
        except ModelNotFoundError:
            raise
        except ModelError as error:
            fallback = probation.on_load_failure(self.state, decision.model, str(error))
            self._history.log('start', decision.model, result='failed', reason=str(error))
            if fallback is None:
                raise
            self._follow(fallback)
            loaded = self._open(fallback.model)
        self._models.do_aside(self._loader.keep)
        self._models.serve(loaded)
        self._history.log('start', str(loaded.identity), reason=self._models.problem)

    def admit(self, reference: str) -> Candidate:
        """Checks in a moment whether a model may be loaded in the place of the serving one.

        Raises:
            MlIntegrationError: it may not.
        """
        return self._admission.admit(reference, self.serving.package.manifest)

    def swap(self, candidate: Candidate) -> Future[str]:
        """Loads a model in the background and lets it serve.

        The version that serves already is loaded again.

        Returns:
            The sentence that says what happened, or the MlIntegrationError that prevented it.
        """
        return self._swapping.swap(candidate)

    def rollback(self) -> Future[str]:
        """Lets the previous good model serve again, from memory if it is still there.

        Returns:
            The sentence that says what happened, or the MlIntegrationError that prevented it.
        """
        return self._swapping.rollback()

    def stay(self) -> None:
        """Gives up the load that is under way, if there is one."""
        self._swapping.give_up()

    def is_serving(self, reference: str) -> bool:
        """Tells whether a reference means the model that serves."""
        serving = str(self.serving.identity)
        try:
            return reference == serving or serving == self._admission.meant(reference)
        except MlIntegrationError:
            return False

    def differs_on_disk(self, reference: str) -> str:
        """Compares the content that a reference finds now with the one that serves.

        Args:
            reference: means the model that serves.

        Returns:
            What is there instead; empty if it is the same, or nobody can tell.
        """
        package = self.serving.package
        serving = package.manifest
        try:
            digest = self._admission.digest(reference)
        except IntegrityError:  # it is quarantined, and it is there
            digest = digest_of(package.directory)
        except MlIntegrationError:
            digest = ''
        if digest in ('', serving.digest):
            return ''
        return f'{serving.identity} is {digest[:SHORT]} on disk, {serving.digest[:SHORT]} serves'

    def quarantined(self, name: str, version: int, digest: str) -> str:
        """Returns why content may not be loaded on this machine; empty if it may."""
        quarantine = self._history.of_model(name).quarantine_of(version, digest)
        return str(quarantine) if quarantine else ''

    def close(self) -> None:
        """Stops loading, then closes every model and the history."""
        self._swapping.stop()
        self._models.close()
        self._history.close()

    def _open(self, reference: str) -> Loaded:
        package = self._admission.verify(reference, None)
        return Loaded.of(package, self._loader.load(package))

    def _follow(self, decision: probation.Decision) -> None:
        self._models.problem = decision.reason
        self._history.change(lambda _: decision.state)
