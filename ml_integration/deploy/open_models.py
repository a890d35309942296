"""Keeps the models that a node has open: the one that serves and the one before it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Protocol

from ml_integration.core.findings import Finding, Level
from ml_integration.core.pipeline import Pipeline
from ml_integration.deploy import probation
from ml_integration.deploy.background import InOrder
from ml_integration.deploy.history import History
from ml_integration.deploy.loaded import Loaded
from ml_integration.deploy.probation import ProbationSettings, Trial
from ml_integration.deploy.router import Router
from ml_integration.errors import ModelError
from ml_integration.store.state.node_state import NONE, NodeState

GIVE_BACK_S = 5.0
"""Longest wait for a model that is being closed [s]."""
GAP_S = 0.05
"""Longest wait for a gap between frames [s]; rarer frames hardly meet a step of loading."""


class Audience(Protocol):
    """Listener that feeds pipelines with messages, such as the frame loop."""

    def prepare(self, pipeline: Pipeline) -> None:
        """Starts to feed a pipeline.

        Returns when it can take over without a gap, or after a bounded time. An exception
        prevents the swap.
        """

    def forget(self, pipeline: Pipeline) -> None:
        """Stops feeding a pipeline, which is about to be closed; an unknown one is ignored."""


class OpenModels:
    """Holds the serving model and the kept one, and changes them between two frames.

    One thread at a time calls `serve` and `install`; the rest is thread-safe.

    Args:
        history: the node's memory over restarts.
        settings: gives the current requirements for a model on probation.
        now_ns: the steady time [ns].
        keep_previous: keep the previous model in memory, for an instant rollback.
        proven: is called when the serving model has proven itself, by a background thread.

    Attributes:
        router: lends the pipelines to frames.
        audience: is told before a pipeline serves and before it is closed, if there is one.
        findings: what is to be told of the start, until another model is put into service.
    """

    def __init__(
        self,
        history: History,
        settings: Callable[[], ProbationSettings],
        now_ns: Callable[[], int],
        keep_previous: bool,
        proven: Callable[[], None],
    ) -> None:
        self._history = history
        self._settings = settings
        self._now_ns = now_ns
        self._keep_previous = keep_previous
        self._proven = proven
        self._aside = InOrder('ml_aside')
        self._serving: Loaded | None = None
        self._trial: Trial | None = None
        self.router = Router(self._retire, self._prove, self._note)
        self.previous: Loaded | None = None
        self.audience: Audience | None = None
        self.findings: tuple[Finding, ...] = ()
        self._unfit: Pipeline | None = None

    @property
    def serving(self) -> Loaded:
        """Model that serves.

        Raises:
            ModelError: none does.
        """
        serving = self._serving
        if serving is None:
            raise ModelError('no model is loaded')
        return serving

    @property
    def is_serving(self) -> bool:
        """True while a model serves."""
        return self._serving is not None

    @property
    def good_frames(self) -> int:
        """Good results of the serving model, as far as it is on probation."""
        trial = self._trial
        return trial.good_frames if trial else 0

    def is_news(self, pipeline: Pipeline, reason: str) -> bool:
        """Remembers that the serving pipeline is unfit; false if it does not serve, or is known.

        Args:
            pipeline: did not come back from a frame.
            reason: sentence that says so.
        """
        serving = self._serving
        if serving is None or serving.pipeline is not pipeline or self._unfit is pipeline:
            return False
        self._unfit = pipeline
        self.complain(reason)
        return True

    def complain(self, sentence: str, level: Level = Level.ERROR) -> None:
        """Tells of an error of what serves, until another model does."""
        self.findings = (Finding('model', level, sentence, hard=True),)

    def await_gap(self) -> None:
        """Waits for a gap between two frames, in which a step of loading disturbs least."""
        self.router.await_gap(GAP_S)

    def prepare(self, pipeline: Pipeline) -> None:
        """Waits until a pipeline can take over without a gap."""
        audience = self.audience  # it may leave meanwhile
        if audience is not None:
            audience.prepare(pipeline)

    def install(
        self, loaded: Loaded, change: Callable[[NodeState], NodeState], keep: bool = False
    ) -> None:
        """Makes a model the serving one; the state is written first, so that a crash finds it.

        Args:
            loaded: the new model, or the kept one; it is prepared.
            change: returns the new state, given the newest one.
            keep: whether the one before it stays open in any case.
        """
        state = self._history.change(lambda now: change(self.counted(now)))
        back = state.ways_back[0].edition if state.ways_back else NONE
        candidates = [item for item in (self._serving, self.previous) if item is not None]
        kept = [item for item in candidates if item.edition.matches(back)]
        self.previous = kept[0] if kept and (keep or self._keep_previous) else None
        self.findings = ()
        self.serve(loaded)

    def serve(self, loaded: Loaded) -> None:
        """Makes a model the serving one; the stored state has to name it already."""
        self._serving = loaded
        trial = None if self._history.state.committed else Trial(self._settings, self._now_ns)
        self._trial = trial
        previous = self.previous
        self.router.swap(loaded.pipeline, trial, previous.pipeline if previous else None)

    def keep(self, loaded: Loaded) -> None:
        """Keeps a model open as the previous one; it is prepared."""
        self.previous = loaded
        self.router.keep(loaded.pipeline)

    def lend_previous(self) -> None:
        """Lends the kept model from the next frame on, before it is put into service.

        What is written still says that the other one serves: `install` has to follow.
        """
        serving, previous = self._serving, self.previous
        if serving is not None and previous is not None:
            self.router.swap(previous.pipeline, None, serving.pipeline)

    def end_watch(self) -> None:
        """Closes the kept model if it was kept for a watch only."""
        if not self._keep_previous:
            self.give_back_previous()

    def give_back_previous(self) -> None:
        """Closes the kept previous model, if there is one; returns when its memory is free."""
        if self.previous is not None:
            self.previous = None
            self.router.drop_kept()
            with suppress(TimeoutError):  # a frame has it, or it hangs
                self._aside.do(_nothing).result(GIVE_BACK_S)

    def let_go(self, pipeline: Pipeline) -> None:
        """Closes a pipeline that is no longer used."""
        try:
            audience = self.audience
            if audience is not None:
                audience.forget(pipeline)
        finally:
            pipeline.close()

    def do_aside(self, work: Callable[[], None]) -> None:
        """Queues work that may take long for a thread of its own, which does it in order."""
        self._aside.do(work)

    def close(self) -> None:
        """Closes every model; frames that have begun are finished first."""
        if self._serving is not None and self.good_frames:
            self._history.count(self._serving.edition, self.good_frames)
        self._serving = self.previous = None
        self.router.close()
        self._aside.finish()

    def _retire(self, pipeline: Pipeline) -> None:
        self.do_aside(partial(self.let_go, pipeline))

    def counted(self, state: NodeState) -> NodeState:
        """Returns the state that knows how often the serving model was good."""
        serving = self._serving
        if serving is None:
            return state
        return probation.on_good_frames(state, serving.edition, self.good_frames)

    def _note(self, pipeline: Pipeline) -> None:
        """Remembers that the serving model gives good frames; returns at once."""
        serving = self._serving
        if serving is not None and serving.pipeline is pipeline:
            self._history.count(serving.edition, 1)

    def _prove(self, pipeline: Pipeline) -> None:
        """Remembers that the serving model is proven; returns at once, since frames wait."""
        serving = self._serving
        if serving is not None and serving.pipeline is pipeline:
            self._history.prove(serving.package, self._proven)


def _nothing() -> None:
    """Comes after what was queued before."""
