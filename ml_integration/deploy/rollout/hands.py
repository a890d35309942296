"""Has the models of a rollout in its hands: opens them, lends them, and lets go of them."""

from __future__ import annotations

from concurrent.futures import Future, wait
from dataclasses import dataclass

from ml_integration.core.pipeline import Pipeline
from ml_integration.deploy.admission import Admission, Candidate
from ml_integration.deploy.job import Job
from ml_integration.deploy.loaded import Loaded
from ml_integration.deploy.loading import Loader
from ml_integration.deploy.niceness import nicely
from ml_integration.deploy.open_models import OpenModels
from ml_integration.deploy.room import Room
from ml_integration.deploy.spare_time import load_for_spare_time
from ml_integration.deploy.stage_agreement import check_results
from ml_integration.deploy.swapping import Swapping
from ml_integration.deploy.turns import Share, share_for
from ml_integration.errors import MlIntegrationError, ModelError, SupersededError
from ml_integration.store.state.node_state import Edition

CHANGE_S = 10.0
"""Longest wait until a model that is open serves [s]: a disk may not answer."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Models that a step needs.

    Attributes:
        candidate: the new version.
        stable: the one before it.
        spare: whether both have to be there once more, for spare time.
        to_serve: whether the candidate has to be there for frames.
        to_return: whether the stable model has to be there to come back.
    """

    candidate: Edition
    stable: Edition
    spare: bool = False
    to_serve: bool = False
    to_return: bool = False

    def __bool__(self) -> bool:
        return self.spare or self.to_serve or self.to_return


class Hands:
    """Opens what a rollout needs beside the frames, as a swap does, and changes who serves.

    Only loading takes long, and has a future. One thread at a time uses it, but for
    `stop_at_once`.

    Args:
        models: the open models.
        swapping: loads in the background, one model at a time, and changes what serves.
        admission: verifies models.
        loader: makes pipelines of them.
        room: makes room for models.
    """

    def __init__(
        self,
        models: OpenModels,
        swapping: Swapping,
        admission: Admission,
        loader: Loader,
        room: Room,
    ) -> None:
        self._models = models
        self._swapping = swapping
        self._admission = admission
        self._loader = loader.beside(models.await_gap, models.do_aside)
        self._room = room
        self._spare: tuple[Pipeline, Pipeline] | None = None
        self._loaded: Loaded | None = None
        self._is_lent = False
        self._wanted: Wanted | None = None

    @property
    def serving(self) -> Loaded:
        """Model that serves.

        Raises:
            ModelError: none does.
        """
        return self._models.serving

    @property
    def busy(self) -> bool:
        """True while a model is being loaded for somebody, or is about to be."""
        return self._swapping.busy

    def admit(self, reference: str) -> Candidate:
        """Checks in a moment whether a model may be rolled out here.

        Raises:
            MlIntegrationError: it may not.
        """
        candidate = self._admission.admit(reference, self.serving.package.manifest)
        if candidate.manifest is not None:
            self._room.require(candidate.manifest)
        return candidate

    def lacks(self, candidate: Edition) -> bool:
        """Tells whether the candidate is not open to serve."""
        return self._loaded is None and not self.serving.edition.matches(candidate)

    @property
    def has_way_back(self) -> bool:
        """Whether the model before the one that serves is open."""
        return self._models.previous is not None

    def open(self, wanted: Wanted) -> Future[str]:
        """Opens models in the background; what is there already is not opened again."""
        self._wanted = wanted

        def work(job: Job) -> str:
            self._models.await_gap()
            if wanted.to_return and not self.has_way_back:
                self._models.keep(self._opened(wanted, wanted.stable, job))
            if wanted.to_serve and self.lacks(wanted.candidate):
                self._loaded = self._opened(wanted, wanted.candidate, job)
            if wanted.spare and self._spare is None:
                self._spare = self._opened_pair(wanted, job)
            return f'{wanted.candidate} is open'

        return self._swapping.do(work, wanted.candidate.model)

    def take_spare(self) -> tuple[Pipeline, Pipeline] | None:
        """Hands over stable model and candidate for spare time, which the caller closes then."""
        spare, self._spare = self._spare, None
        return spare

    def check(self) -> None:
        """Checks that the fleet has not revoked the candidate meanwhile.

        Raises:
            IntegrityError: it has.
        """
        if self._loaded is not None:
            self._admission.refuse_revoked(self._loaded.packages)

    def share(self, part: float) -> None:
        """Gives the candidate, which is open, a part of the frames from 0 to 1.

        Raises:
            ModelError: it is not open, or is revoked.
        """
        if self._loaded is None:
            raise ModelError('the candidate is not open')
        self.check()
        pipeline = self._loaded.pipeline
        both = (pipeline, self.serving.pipeline)
        share = share_for(both, part) if part else Share(0.0)
        self._is_lent = True
        self._models.router.try_out(pipeline, share)

    def promote(self) -> Future[str]:
        """Lets the candidate, which is open, serve every frame; the stable model stays open.

        Returns:
            What has come of it, or comes when a disk answers after all.

        Raises:
            ModelError: it is not open.
        """
        loaded = self._loaded
        if loaded is None:
            raise ModelError('the candidate is not open')
        self._is_lent = True
        future = self._swapping.promote(loaded)
        wait([future], CHANGE_S)
        if future.done() and future.exception() is None:
            self._loaded, self._is_lent = None, False
        return future

    def stop_at_once(self, candidate: Edition) -> None:
        """Gives the next frame to the stable model already; any thread may call it."""
        self._models.router.withdraw()
        if self.serving.edition.matches(candidate):
            self._models.lend_previous()

    def take_back(self, reason: str) -> Future[str]:
        """Lets the stable model serve again, from memory if it is there.

        Args:
            reason: why; the candidate is rejected for it.
        """
        return self._swapping.rollback(reason)

    def park(self) -> None:
        """Gives the candidate no frames, unless it serves, and keeps it open."""
        if self._loaded is not None and self._is_lent:
            self._models.router.try_out(self._loaded.pipeline, Share(0.0))

    def finish(self) -> None:
        """Ends what is kept for a way back in a moment, unless the node always keeps it."""
        self._models.end_watch()

    def drop(self) -> None:
        """Lets go of everything but what serves."""
        loaded, spare = self._loaded, self.take_spare()
        self._loaded = self._wanted = None
        self._models.router.withdraw()  # which closes what was lent
        if loaded is not None and not self._is_lent:
            self._models.let_go(loaded.pipeline)
        self._is_lent = False
        for pipeline in spare or ():
            self._models.let_go(pipeline)

    def _opened_pair(self, wanted: Wanted, job: Job) -> tuple[Pipeline, Pipeline]:
        opened: list[Pipeline] = []
        try:
            for edition in (wanted.stable, wanted.candidate):
                opened.append(self._opened_nice(edition, job))
            self._check_wanted(wanted, job)
        except MlIntegrationError:
            for pipeline in opened:
                self._models.let_go(pipeline)
            raise
        return opened[0], opened[1]

    def _opened_nice(self, edition: Edition, job: Job) -> Pipeline:
        serving, loader = self.serving, self._loader.within(job)
        package = self._admission.verify_edition(
            edition, serving.package.manifest, self._room.make
        )
        pipeline = nicely(lambda: load_for_spare_time(loader, package))
        try:
            self._room.check(package.manifest)
            check_results(serving.pipeline, pipeline)
        except ModelError:
            self._models.let_go(pipeline)
            raise
        return pipeline

    def _opened(self, wanted: Wanted, edition: Edition, job: Job) -> Loaded:
        """Opens a model that may serve soon, and feeds it."""
        serving = self.serving
        package = self._admission.verify_edition(
            edition, serving.package.manifest, self._room.make
        )
        loaded = self._swapping.open(package, job)
        try:
            self._models.prepare(loaded.pipeline)
            self._check_wanted(wanted, job)
        except MlIntegrationError:
            self._models.let_go(loaded.pipeline)
            raise
        return loaded

    def _check_wanted(self, wanted: Wanted, job: Job) -> None:
        """Raises if nobody waits any more for what is open by now."""
        job.check()
        if self._wanted is not wanted:
            raise SupersededError
