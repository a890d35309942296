"""Which model serves: start, swap, roll back, and remember it over restarts."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import replace

from ml_integration.core.datatypes import ModelContent
from ml_integration.core.pipeline import Pipeline
from ml_integration.deploy import probation
from ml_integration.deploy.admission import Admission, Candidate
from ml_integration.deploy.background import Background, nicely
from ml_integration.deploy.history import History
from ml_integration.deploy.loading import go_on
from ml_integration.deploy.probation import ProbationSettings, Trial
from ml_integration.deploy.router import Lease, Router
from ml_integration.deploy.source import Loaded, Source
from ml_integration.errors import (
    MlIntegrationError,
    ModelError,
    ModelNotFoundError,
    SupersededError,
    SwapError,
)
from ml_integration.store.package.package import ModelPackage, read_manifest, read_package
from ml_integration.store.state.node_state import NodeState

GAP_S = 0.05
"""Frames come more often than this, or not so often that they meet a step of loading."""


class Deployment:
    """The models of one node: the serving one, the previous one and the one being loaded.

    Everything fallible happens before the pointer changes between two frames; when it fails,
    the serving model serves on. Frames never wait for a disk. Thread-safe.

    Args:
        source: where models come from.
        history: what is remembered over restarts; this is its only user.
        settings: gives what is asked of a model on probation now.
        now_ns: the steady time [ns].
        keep_previous: keep the previous model in memory, for an instant rollback.
        proven: is called when the serving model has proven itself, by a background thread.

    After the constructor nothing serves; `start` comes first.
    """

    def __init__(
        self,
        source: Source,
        history: History,
        settings: Callable[[], ProbationSettings],
        now_ns: Callable[[], int],
        keep_previous: bool = True,
        proven: Callable[[], None] = lambda: None,
    ) -> None:
        self._keep_previous = keep_previous
        self._source = source
        self._history = history
        self._admission = Admission(source.store, source.trust, history.of_model)
        self._settings = settings
        self._now_ns = now_ns
        self._proven = proven
        self._background: Background[str] = Background('ml_loader')
        self._aside = ThreadPoolExecutor(1, thread_name_prefix='ml_aside')
        self._router = Router(lambda unused: self._do_aside(unused.close), self._prove)
        self._serving: Loaded | None = None
        self._previous: Loaded | None = None
        self.problem = ''

    @property
    def serving(self) -> Loaded:
        """The model that serves.

        Raises:
            ModelError: none does.
        """
        serving = self._serving
        if serving is None:
            raise ModelError('no model is loaded')
        return serving

    @property
    def pipeline(self) -> Pipeline:
        """What serves at the moment.

        Raises:
            ModelError: nothing does.
        """
        return self.serving.pipeline

    @property
    def complaints(self) -> tuple[str, ...]:
        """What a person should know: a model that was not used, a state that is not stored."""
        return tuple(filter(None, (self.problem, self._history.problem)))

    @property
    def state(self) -> NodeState:
        return self._history.state

    def start(self, reference: str) -> None:
        """Loads the model a node begins with, or the last good one if that keeps failing.

        Raises:
            MlIntegrationError: it cannot be loaded, and there is no other that was good.
        """
        attempts = self._settings().attempts
        decision = probation.on_start(self.state, self._meant(reference), attempts)
        self._follow(decision)
        try:
            loaded = self._open(self._verified(decision.model))
        except ModelNotFoundError:
            raise
        except ModelError as error:
            fallback = probation.on_load_failure(self.state, decision.model, str(error))
            self._history.log('start', decision.model, result='failed', reason=str(error))
            if fallback is None:
                raise
            self._follow(fallback)
            loaded = self._open(self._verified(fallback.model))
        self._do_aside(self._source.keep)
        self._serve(loaded)
        self._history.log('start', str(loaded.identity), reason=self.problem)

    def admit(self, reference: str) -> Candidate:
        """Checks in a moment whether a model may be loaded in the place of the serving one.

        Raises:
            MlIntegrationError: it may not.
        """
        return self._admission.admit(reference, self.serving.package.manifest)

    def lease(self) -> AbstractContextManager[Lease]:
        """Keeps a pipeline open while frames are in it; see `Router.lease`."""
        return self._router.lease()

    def swap(self, candidate: Candidate) -> Future[str]:
        """Loads a model in the background and lets it serve.

        The version that serves already is loaded again.

        Returns:
            The sentence that says what happened, or the MlIntegrationError that prevented it.
        """

        def job(check: Callable[[], None]) -> str:
            before = self.serving.identity
            self._await_gap()
            package = candidate.package or self._verified(candidate.model)
            loaded = self._open_beside(package, fresh=str(before) == candidate.model)
            try:
                check()
            except SupersededError:
                loaded.pipeline.close()
                raise
            self._install(loaded, lambda state: probation.on_swap(state, str(loaded.identity)))
            return f'{loaded.identity} serves, after {before}'

        return self._submit('swap', candidate.model, job)

    def stay(self) -> None:
        """Gives up whatever is being loaded."""
        self._background.submit(lambda check: '')

    @property
    def busy(self) -> bool:
        """Whether a model is being loaded, or is about to be."""
        return self._background.busy

    def is_serving(self, reference: str) -> bool:
        """Whether a reference means the model that serves."""
        serving = str(self.serving.identity)
        try:
            return reference == serving or serving == self._meant(reference)
        except MlIntegrationError:
            return False

    def rollback(self) -> Future[str]:
        """Lets the previous good model serve again, from memory if it is still there."""

        def job(_: Callable[[], None]) -> str:
            before = str(self.serving.identity)
            decision = probation.on_rollback(self.state)
            if decision is None:
                raise SwapError(f'{before} has no previous good model to go back to')
            kept = self._previous
            if kept is not None and str(kept.identity) == decision.model:
                loaded = kept
            else:
                loaded = self._open_beside(self._verified(decision.model))
            # That the serving model proves itself meanwhile changes nothing in it.
            self._install(loaded, lambda _: decision.state)
            return f'{loaded.identity} serves again, {before} was taken back'

        return self._submit('rollback', str(self.serving.identity), job)

    def quarantined(self, name: str, version: int) -> str:
        """Why a version may not be loaded on this machine; empty if it may."""
        return self._history.of_model(name).quarantined.get(version, '')

    def look_for_tampering(self) -> str:
        """Reads the serving model's files again; quarantines the version if they changed.

        Returns:
            What is wrong with them, empty if nothing is.
        """
        package = self.serving.package
        try:
            read_package(package.directory, self._source.trust)
        except MlIntegrationError as error:
            manifest = package.manifest
            if manifest.version not in self._history.of_model(manifest.name).quarantined:
                self._history.quarantine(manifest, str(error))
            return str(error)
        return ''

    def close(self) -> None:
        """Lets go of every model, in good order."""
        self._background.stop()
        self._serving = self._previous = None
        self._router.close()
        self._history.close()
        self._aside.shutdown()

    def _verified(self, reference: str) -> ModelPackage:
        serving = self._serving
        return self._admission.verify(reference, serving.package.manifest if serving else None)

    def _meant(self, reference: str) -> str:
        """The `name@version` a reference stands for now."""
        return str(read_manifest(self._source.store.find(reference)).identity)

    def _open_beside(self, package: ModelPackage, fresh: bool = False) -> Loaded:
        """Opens a model while another one serves."""
        loaded = nicely(lambda: self._open(package, fresh, self._await_gap))
        self._do_aside(self._source.keep)  # not by a nice thread, which would do it in Python
        return loaded

    def _await_gap(self) -> None:
        """Lets a step of loading begin between two frames, where most models have time for it."""
        self._router.await_gap(GAP_S)

    def _open(
        self, package: ModelPackage, fresh: bool = False, pause: Callable[[], None] = go_on
    ) -> Loaded:
        pipeline = self._source.load(package, fresh=fresh, pause=pause)
        # The session has its own copy of the weights; a second one would only take memory.
        light = replace(package, content=ModelContent(package.content.identity, b''), golden=None)
        return Loaded(light, pipeline)

    def _follow(self, decision: probation.Decision) -> None:
        self.problem = decision.reason
        self._history.change(lambda _: decision.state)

    def _submit(
        self, action: str, model: str, job: Callable[[Callable[[], None]], str]
    ) -> Future[str]:
        def logged(check: Callable[[], None]) -> str:
            before = str(self.serving.identity)
            try:
                sentence = job(check)
            except SupersededError as error:
                self._history.log(action, model, before, 'refused', str(error))
                raise
            except MlIntegrationError as error:
                self._history.log(action, model, before, 'failed', str(error))
                check()
                raise
            self._history.log(action, model, before)
            return sentence

        return self._background.submit(logged)

    def _install(self, loaded: Loaded, change: Callable[[NodeState], NodeState]) -> None:
        """The moment of the swap; the state is on disk first, so that a crash finds it."""
        state = self._history.change(change)
        candidates = [item for item in (self._serving, self._previous) if item is not None]
        kept = [item for item in candidates if str(item.identity) == state.previous]
        self._previous = kept[0] if kept and self._keep_previous else None
        self.problem = ''
        self._serve(loaded)

    def _serve(self, loaded: Loaded) -> None:
        self._serving = loaded
        trial = None if self.state.committed else Trial(self._settings, self._now_ns)
        previous = self._previous
        self._router.swap(loaded.pipeline, trial, previous.pipeline if previous else None)

    def _prove(self, pipeline: Pipeline) -> None:
        """Called by whoever had the last good frame that it took; the next one is due."""
        serving = self._serving
        if serving is not None and serving.pipeline is pipeline:
            self._history.prove(serving.package.manifest, self._proven)

    def _do_aside(self, work: Callable[[], None]) -> None:
        try:
            self._aside.submit(work)
        except RuntimeError:  # closed while a frame was under way, and no other one is due
            work()
