"""Swaps models: loads one beside the serving one, then replaces that between two frames."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future

from ml_integration.deploy import probation
from ml_integration.deploy.admission import Admission, Candidate
from ml_integration.deploy.background import Background, nicely
from ml_integration.deploy.history import History
from ml_integration.deploy.loading import Loaded, Loader
from ml_integration.deploy.open_models import OpenModels
from ml_integration.errors import MlIntegrationError, SupersededError, SwapError
from ml_integration.store.package.package import ModelPackage
from ml_integration.store.state.node_state import NodeState

Check = Callable[[], None]
"""Raises SupersededError if a newer request has come."""


class Swapping:
    """Swaps and rolls back in the background, one request at a time; the newest one wins.

    Everything that can fail happens before the models change places between two frames; if it
    fails, the serving model serves on.

    Args:
        models: holds the open models.
        admission: verifies models.
        loader: makes pipelines of them.
        history: is told how it went.
    """

    def __init__(
        self, models: OpenModels, admission: Admission, loader: Loader, history: History
    ) -> None:
        self._models = models
        self._admission = admission
        self._loader = loader.beside(models.await_gap)
        self._history = history
        self._background: Background[str] = Background('ml_loader')

    @property
    def busy(self) -> bool:
        """True while a model is being loaded, or is about to be."""
        return self._background.busy

    def swap(self, candidate: Candidate) -> Future[str]:
        """Loads a model and lets it serve; the version that serves already is loaded again."""

        def job(check: Check) -> str:
            before = self._models.serving.identity
            self._models.await_gap()
            package = candidate.package or self._verified(candidate.model)
            loaded = self._open(package, fresh=str(before) == candidate.model)
            self._take_over(
                loaded, check, lambda state: probation.on_swap(state, str(loaded.identity))
            )
            return f'{loaded.identity} serves, after {before}'

        return self._submit('swap', candidate.model, job)

    def rollback(self) -> Future[str]:
        """Lets the previous good model serve again, from memory if it is still there."""

        def job(_: Check) -> str:
            before = str(self._models.serving.identity)
            decision = probation.on_rollback(self._history.state)
            if decision is None:
                raise SwapError(f'{before} has no previous good model to go back to')
            kept = self._models.previous
            if kept is not None and str(kept.identity) == decision.model:
                loaded = kept
            else:
                loaded = self._open(self._verified(decision.model))
            # That the serving model proves itself meanwhile changes nothing in the decision.
            self._take_over(loaded, lambda: None, lambda _: decision.state)
            return f'{loaded.identity} serves again, {before} was taken back'

        return self._submit('rollback', str(self._models.serving.identity), job)

    def give_up(self) -> None:
        """Supersedes the load that is under way, if there is one."""
        self._background.submit(lambda check: '')

    def stop(self) -> None:
        """Supersedes the waiting request, and waits for the one under way."""
        self._background.stop()

    def _verified(self, reference: str) -> ModelPackage:
        return self._admission.verify(reference, self._models.serving.package.manifest)

    def _open(self, package: ModelPackage, fresh: bool = False) -> Loaded:
        pipeline = nicely(lambda: self._loader.load(package, fresh))
        self._models.do_aside(self._loader.keep)  # a nice thread would do it in Python
        return Loaded.of(package, pipeline)

    def _take_over(
        self, loaded: Loaded, check: Check, change: Callable[[NodeState], NodeState]
    ) -> None:
        try:
            check()
            self._models.prepare(loaded.pipeline)
            check()
        except BaseException:
            if loaded is not self._models.previous:
                self._models.let_go(loaded.pipeline)
            raise
        self._models.install(loaded, change)

    def _submit(self, action: str, model: str, job: Callable[[Check], str]) -> Future[str]:
        def logged(check: Check) -> str:
            before = str(self._models.serving.identity)
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
