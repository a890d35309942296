"""Swaps models: loads one beside the serving one, then replaces that between two frames."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from functools import partial

from ml_integration.core.findings import Level
from ml_integration.deploy import probation
from ml_integration.deploy.admission import Admission, Candidate, check_same_results
from ml_integration.deploy.background import Background
from ml_integration.deploy.history import History
from ml_integration.deploy.job import Job
from ml_integration.deploy.loaded import Loaded
from ml_integration.deploy.loading import Loader
from ml_integration.deploy.niceness import nicely
from ml_integration.deploy.open_models import OpenModels
from ml_integration.deploy.probation import ProbationSettings
from ml_integration.deploy.room import Room
from ml_integration.deploy.stage_agreement import check_results
from ml_integration.errors import (
    LoadTimeoutError,
    MlIntegrationError,
    ModelError,
    SupersededError,
    SwapError,
)
from ml_integration.store.package.package import ModelPackage
from ml_integration.store.state.node_state import Edition, NodeState


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
        room: makes room for models.
        timeout_s: gives the time that a request has [s].
    """

    def __init__(
        self,
        models: OpenModels,
        admission: Admission,
        loader: Loader,
        history: History,
        settings: Callable[[], ProbationSettings],
        room: Room,
        timeout_s: Callable[[], float],
    ) -> None:
        self._models = models
        self._admission = admission
        self._loader = loader.beside(models.await_gap, models.do_aside)
        self._history = history
        self._settings = settings
        self._room = room
        self._timeout_s = timeout_s
        self._background: Background[str] = Background('ml_loader')

    @property
    def busy(self) -> bool:
        """True while a model is being loaded, or is about to be."""
        return self._background.busy

    @property
    def job(self) -> Job | None:
        """Load that is under way, if there is one."""
        return self._background.job

    def swap(self, candidate: Candidate) -> Future[str]:
        """Loads a model and lets it serve; the version that serves already is loaded again."""

        def work(job: Job) -> str:
            before = self._models.serving.identity
            self._models.await_gap()
            package = self._with_room(candidate)
            loaded = self.open(package, job, fresh=str(before) == candidate.model)
            meant = self._meant()
            self._take_over(
                loaded, job.check, lambda state: probation.on_swap(state, loaded.edition, meant)
            )
            return f'{loaded.identity} serves, after {before}{self._room.told()}'

        return self._submit('swap', candidate.model, work)

    def rollback(
        self,
        reason: str = 'it was rolled back',
        unfit: bool = False,
        level: Level = Level.ERROR,
    ) -> Future[str]:
        """Lets the model serve again that served good frames before, proven or not.

        It comes from memory if it is still there. One that cannot be loaded is passed over.

        Args:
            reason: why the serving model is taken back.
            unfit: whether that is an error, which nobody on this robot has asked for.
            level: how bad it is then.
        """

        def work(job: Job) -> str:
            before = str(self._models.serving.identity)
            loaded, meant = self._way_back(before, job), self._meant()
            self._take_over(
                loaded,
                job.check,
                lambda state: probation.on_rollback(state, loaded.edition, reason, meant),
            )
            if unfit:
                told = f'{before} is not used, {loaded.identity} is: {reason}'
                self._models.complain(told, level)
            return f'{loaded.identity} serves again, {before} was taken back'

        return self._submit('rollback', str(self._models.serving.identity), work, urgent=True)

    def open(self, package: ModelPackage, job: Job, fresh: bool = False) -> Loaded:
        """Opens a model beside the frames, with the job that does it.

        Raises:
            MlIntegrationError: it cannot be had.
        """
        pipeline = nicely(lambda: self._loader.within(job).load(package, fresh))
        try:
            check_results(self._models.serving.pipeline, pipeline)
            self._room.settle(package, pipeline, self._loader.within(job))
        except ModelError:
            self._models.let_go(pipeline)
            raise
        self._models.do_aside(self._room.write)
        self._models.do_aside(self._loader.keep)  # a nice thread would do it in Python
        return Loaded.of(package, pipeline, job)

    def promote(self, loaded: Loaded) -> Future[str]:
        """Lets a model serve that is open and may have some of the frames already.

        The one before it stays open. If it cannot be, nothing is closed.

        Args:
            loaded: the model; it is fed.

        Returns:
            As `swap`.
        """

        def work(job: Job) -> str:
            before, meant = self._models.serving.identity, self._meant()
            self._admission.refuse_revoked(loaded.packages)
            check_same_results(self._models.serving.pipeline, loaded.pipeline)
            job.check()
            self._models.install(
                loaded, lambda now: probation.on_promotion(now, loaded.edition, meant), keep=True
            )
            return f'{loaded.identity} serves, after {before}'

        return self._submit('swap', str(loaded.identity), work)

    def do(self, work: Callable[[Job], str], model: str) -> Future[str]:
        """Does other work with models in its turn, without a word in the audit log.

        Args:
            work: opens models, and has to call `job.check` before it changes anything.
            model: `name@version` of what it is about.
        """
        return self._background.submit(work, model, self._timeout_s())

    def give_up(self) -> None:
        """Supersedes the load that is under way, if there is one."""
        self._background.supersede()

    def stop(self) -> None:
        """Supersedes everything; a load that does not end soon is left behind."""
        self._background.stop()

    def _with_room(self, candidate: Candidate) -> ModelPackage:
        """Returns a verified package for which there is memory."""
        package, serving = candidate.package, self._models.serving.package.manifest
        if package is None:
            return self._admission.verify(candidate.model, serving, self._room.make)
        self._room.make(package.manifest)
        return package

    def _way_back(self, before: str, job: Job) -> Loaded:
        """Opens the last model that served good frames.

        Raises:
            SwapError: there is none, or none can be loaded.
        """
        state, failures = self._models.counted(self._history.state), []
        choose = f'Choose a model: ros2 param set {self._history.node} model NAME@VERSION. '
        choose += 'ml_model list shows what there is.'
        for item in state.ways_back:
            kept = self._models.previous
            serving = self._models.serving.package.manifest
            try:
                if kept is not None and kept.edition.matches(item.edition):
                    self._admission.refuse_revoked(kept.packages)
                    return kept
                job.model = item.edition.model
                package = self._admission.verify_edition(item.edition, serving, self._room.make)
                return self.open(package, job)
            except MlIntegrationError as error:
                job.check()
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

    def _take_over(
        self, loaded: Loaded, check: Callable[[], None], change: Callable[[NodeState], NodeState]
    ) -> None:
        try:
            check()
            self._admission.refuse_revoked(loaded.packages)
            check_same_results(self._models.serving.pipeline, loaded.pipeline)
            self._models.prepare(loaded.pipeline)
            check()
        except BaseException:
            if loaded is not self._models.previous:
                self._models.let_go(loaded.pipeline)
            raise
        self._models.install(loaded, change)

    def _submit(
        self, action: str, model: str, work: Callable[[Job], str], urgent: bool = False
    ) -> Future[str]:
        before = str(self._models.serving.identity)

        def logged(job: Job) -> str:
            try:
                sentence = work(job)
                self._history.log(action, model, before)
                serving = self._models.serving
                self._history.log_seconds(action, str(serving.identity), serving.second_names)
                return sentence
            except SupersededError as error:
                self._history.log(action, model, before, 'refused', str(error))
                raise
            except MlIntegrationError as error:
                if not _hangs(job.ended):
                    self._history.log(action, model, before, 'failed', str(error))
                job.check()
                raise

        future = self._background.submit(logged, model, self._timeout_s(), urgent)
        future.add_done_callback(partial(self._log_hanging, action, model, before))
        return future

    def _log_hanging(self, action: str, model: str, before: str, future: Future[str]) -> None:
        """Logs for a thread that was left behind, which may never come to do it."""
        error = future.exception()
        if _hangs(error):
            self._history.log(action, model, before, 'failed', str(error))


def _hangs(error: BaseException | None) -> bool:
    return isinstance(error, LoadTimeoutError) and error.hangs
