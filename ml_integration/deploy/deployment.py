"""Starts, swaps and rolls back the models of a node, and remembers them over restarts."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future

from ml_integration.core.findings import Finding, Level
from ml_integration.core.pipeline import Pipeline
from ml_integration.deploy import probation, start_outcome, starting
from ml_integration.deploy.admission import Admission, Candidate
from ml_integration.deploy.background import Background
from ml_integration.deploy.history import History
from ml_integration.deploy.job import Job, Loading
from ml_integration.deploy.loaded import Loaded
from ml_integration.deploy.loading import TIMEOUT_S, Loader
from ml_integration.deploy.memory_budget import MemoryBudget
from ml_integration.deploy.open_models import Audience, OpenModels
from ml_integration.deploy.probation import ProbationSettings
from ml_integration.deploy.rollout.hands import Hands
from ml_integration.deploy.room import Room
from ml_integration.deploy.router import Router
from ml_integration.deploy.starting import Choice, Start
from ml_integration.deploy.swapping import Swapping
from ml_integration.errors import (
    IntegrityError,
    MlIntegrationError,
    ModelError,
    ModelLoadError,
    SupersededError,
)
from ml_integration.store.package.package import digest_of
from ml_integration.store.state.model_state import SHORT
from ml_integration.store.state.node_state import NONE, Edition, NodeState


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
        timeout_s: gives the time for loading and testing a model [s].
        memory: what the process may take.

    Attributes:
        hands: have the models of a rollout.

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
        timeout_s: Callable[[], float] = lambda: TIMEOUT_S,
        memory: MemoryBudget | None = None,
    ) -> None:
        self._admission = admission
        self._loader = loader
        self._history = history
        self._settings = settings
        self._models = OpenModels(history, settings, now_ns, keep_previous, proven)
        self._room = Room(self._models, memory or MemoryBudget())
        self._timeout_s = timeout_s
        self._starting: Background[Loaded] = Background('ml_loader')
        self._swapping = Swapping(
            self._models, admission, loader, history, settings, self._room, timeout_s
        )
        self.hands = Hands(self._models, self._swapping, admission, loader, self._room)

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
        told = (item.sentence for item in self.findings if item.level > Level.OK)
        return (*told, *self.problems)

    @property
    def problems(self) -> tuple[str, ...]:
        """Sentences on state that cannot be stored or read."""
        return (*self._history.complaints, *self._history.tampering)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Judgment of the start: another model than asked for, until one is put into service."""
        return self._models.findings

    @property
    def state(self) -> NodeState:
        """Node's state that is remembered over restarts."""
        return self._history.state

    @property
    def busy(self) -> bool:
        """True while a model is being loaded, or is about to be."""
        return self._swapping.busy

    @property
    def loading(self) -> Loading | None:
        """Model that is being loaded at the moment, if there is one."""
        job = self._starting.job or self._swapping.job
        return Loading.of(job) if job else None

    def start(self, asked: str, chosen: str = '', fallback: str = '') -> None:
        """Loads the model a node begins with, or the last good one if that cannot be.

        What a person must mend is not remembered: the next start tries it again.

        Args:
            asked: the parameter at the start of the process, a reference.
            chosen: what a person chose since then, a reference; empty for nothing.
            fallback: a model that may take the place of one of another name; empty for none.

        Raises:
            MlIntegrationError: it cannot be loaded, and there is no other that was good.
        """
        failures: list[tuple[Edition, MlIntegrationError]] = []
        before, request = self.state, self._request(asked, chosen, fallback)
        for choice in starting.choices(before, request):
            try:
                loaded = self._begin(choice)
            except SupersededError:
                self._history.change(lambda _: before)
                raise
            except MlIntegrationError as error:
                self._history.change(lambda _: before)
                self._history.log('start', str(choice.edition), result='failed', reason=str(error))
                failures.append((choice.edition, error))
            else:
                finding = start_outcome.finding(choice, failures, self._history.node)
                self._models.findings = (finding,) if finding.sentence else ()
                self._models.serve(loaded)
                self._history.log('start', str(loaded.identity), reason=finding.sentence)
                self._history.log_seconds('start', str(loaded.identity), loaded.second_names)
                return
        self._history.change(lambda _: starting.nothing_started(before, request))
        try:
            raise start_outcome.nothing_left(failures)
        finally:
            failures.clear()  # the error's traceback has this frame, and must not lead to itself

    def admit(self, reference: str) -> Candidate:
        """Checks in a moment whether a model may be loaded in the place of the serving one.

        Raises:
            MlIntegrationError: it may not.
        """
        candidate = self._admission.admit(reference, self.serving.package.manifest)
        if candidate.manifest is not None:
            self._room.require(candidate.manifest)
        return candidate

    def swap(self, candidate: Candidate) -> Future[str]:
        """Loads a model in the background and lets it serve.

        The version that serves already is loaded again.

        Returns:
            The sentence that says what happened, or the MlIntegrationError that prevented it.
        """
        return self._swapping.swap(candidate)

    def rollback(self, reason: str = 'it was rolled back') -> Future[str]:
        """Lets the model serve again that served good frames before, proven or not.

        Args:
            reason: why the serving model is taken back; it is rejected for it.

        Returns:
            The sentence that says what happened, or the MlIntegrationError that prevented it.
        """
        return self._swapping.rollback(reason)

    def unfit(self, pipeline: Pipeline, reason: str) -> Future[str] | None:
        """Lets the last good model take over from a serving one that cannot serve.

        Args:
            pipeline: did not come back from a frame.
            reason: sentence that says so.

        Returns:
            As `rollback`; None if that pipeline does not serve any more, or this is known.
        """
        if not self._models.is_news(pipeline, reason):
            return None
        return self._swapping.rollback(reason, unfit=True)

    def take_back(self, reason: str) -> Future[str]:
        """Lets the last good model take over, because somebody far away said so.

        Args:
            reason: why the serving model may not serve any more, for people.

        Returns:
            As `rollback`.
        """
        return self._swapping.rollback(reason, unfit=True, level=Level.WARN)

    def stay(self) -> None:
        """Gives up the load that is under way, if there is one."""
        self._swapping.give_up()

    def is_serving(self, reference: str) -> bool:
        """Tells whether a reference means the model that serves."""
        serving = str(self.serving.identity)
        return reference == serving or serving == str(self._admission.meant(reference))

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

    def begin_again(self) -> None:
        """Makes `start`, which another thread waits for, raise SupersededError soon."""
        self._starting.supersede()

    def give_up_start(self) -> None:
        """Makes `start` raise SupersededError soon, also if it is called later."""
        self._starting.close()

    def close(self) -> None:
        """Stops loading, then closes every model and the history; what hangs is left behind."""
        self._starting.stop()
        self._swapping.stop()
        self.hands.drop()
        served = self._models.is_serving
        self._models.close()
        self._history.close(served)

    def _request(self, asked: str, chosen: str, fallback: str) -> Start:
        meant, wish, stand_in = (
            self._admission.meant(reference) if reference else NONE
            for reference in (asked, chosen, fallback)
        )
        names = dict.fromkeys((wish.name, self.state.stands.name, meant.name))
        proven = [item for name in names if name for item in self._admission.proven(name)]
        return Start(
            asked,
            meant,
            wish,
            self._settings().attempts,
            stand_in,
            proven,
            self._history.node,
            self._history.release,
        )

    def _begin(self, choice: Choice) -> Loaded:
        """Opens a model; a process that dies meanwhile has counted that it tried.

        Raises:
            MlIntegrationError: it cannot be opened, whatever the reason.
        """
        self._history.change(lambda _: choice.state)

        def work(job: Job) -> Loaded:
            package = self._admission.verify_edition(choice.edition, None, self._room.make)
            pipeline = self._loader.within(job).load(package)
            try:
                self._room.settle(package, pipeline, self._loader.within(job))
                loaded = Loaded.of(package, pipeline, job)
                self._admission.refuse_revoked(loaded.packages)  # it may have been just now
            except ModelError:
                self._models.let_go(pipeline)
                raise
            return loaded

        try:
            loaded = self._starting.submit(work, choice.edition.model, self._timeout_s()).result()
        except MlIntegrationError:
            raise
        except Exception as error:  # such as a plug-in's own
            raise ModelLoadError(
                str(choice.edition), f'{type(error).__name__}: {error}'
            ) from error
        self._history.change(lambda state: probation.identify(state, loaded.edition))
        self._models.do_aside(self._room.write)
        self._models.do_aside(self._loader.keep)
        return loaded
