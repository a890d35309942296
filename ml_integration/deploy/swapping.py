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
from ml_integration.deploy.probation import ProbationSettings
from ml_integration.errors import MlIntegrationError, SupersededError, SwapError
from ml_integration.store.package.package import ModelPackage
from ml_integration.store.state.node_state import Edition, NodeState

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
        settings: gives the current requirements for a model on probation.
    """

    def __init__(
        self,
        models: OpenModels,
        admission: Admission,
        loader: Loader,
        history: History,
        settings: Callable[[], ProbationSettings],
    ) -> None:
        self._models = models
        self._admission = admission
        self._loader = loader.beside(models.await_gap)
        self._history = history
        self._settings = settings
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
            meant = self._meant()
            self._take_over(
                loaded, check, lambda state: probation.on_swap(state, loaded.edition, meant)
            )
            return f'{loaded.identity} serves, after {before}'

        return self._submit('swap', candidate.model, job)

    def rollback(self, reason: str = 'it was rolled back') -> Future[str]:
        """Lets the model serve again that served good frames before, proven or not.

        It comes from memory if it is still there. One that cannot be loaded is passed over.

        Args:
            reason: why the serving model is taken back.
        """

        def job(_: Check) -> str:
            before = str(self._models.serving.identity)
            loaded, meant = self._way_back(before), self._meant()
            self._take_over(
                loaded,
                lambda: None,
                lambda state: probation.on_rollback(state, loaded.edition, reason, meant),
            )
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

    def _way_back(self, before: str) -> Loaded:
        """Opens the last model that served good frames.

        Raises:
            SwapError: there is none, or none can be loaded.
        """
        state, failures = self._models.counted(self._history.state), []
        choose = f'Choose a model: ros2 param set {self._history.node} model NAME@VERSION. '
        choose += 'ml_model list shows what there is.'
        for item in state.ways_back:
            kept = self._models.previous
            if kept is not None and kept.edition.matches(item.edition):
                return kept
            serving = self._models.serving.package.manifest
            try:
                return self._open(self._admission.verify_edition(item.edition, serving))
            except MlIntegrationError as error:
                failures.append(str(error))
        if failures:
            what = f'{before} serves on, what served before cannot: {"; ".join(failures)}'
            raise SwapError(what, hint=choose)
        required = self._settings().good_frames
        why = probation.why_no_way_back(state, required)
        raise SwapError(f'{before} has no previous good model to go back to: {why}', hint=choose)

    def _meant(self) -> Edition:
        """Returns what the parameter of the start stands for now."""
        return self._admission.meant(self._history.state.asked)

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
