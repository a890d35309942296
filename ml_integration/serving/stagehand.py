"""Brings the models of a rollout where its state says: opens them, lends them, compares them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass
from time import monotonic_ns

from ml_integration.core.findings import Level
from ml_integration.core.rollout.judgment import Stage
from ml_integration.core.rollout.settings import RolloutSettings
from ml_integration.core.spare_cpu import SpareCpu
from ml_integration.deploy.rollout.hands import CHANGE_S, Hands, Wanted
from ml_integration.deploy.rollout.moves import STEPS, Do, Move
from ml_integration.deploy.rollout.steps import share_of, stage_of
from ml_integration.errors import MlIntegrationError, SwapError
from ml_integration.serving.judging import Judging
from ml_integration.serving.rollout_evidence import EvidenceSource
from ml_integration.serving.shadow import Comparer, Feeding, Pairing, Shadow
from ml_integration.serving.witness import Trial, Witness
from ml_integration.store.state.rollout_state import Phase, RolloutState

LEAST_TIMEOUT_MS, TIMEOUT_TIMES = 100.0, 10.0
"""A candidate that has some of the frames may take so long for one [ms], or so many times the p99
of the stable model."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a rollout has around it while its node is active.

    Attributes:
        settings: gives the current settings.
        feeding: keeps messages for the models.
        deadline_ms: gives the time after which a result is late [ms]; 0: never.
        limit_candidate: limits the time of a frame in the candidate [ms].
        tell: is called with what a person should read.
        changed: is called with each change of what serves.
        evidence: what is measured once a second.
        requests: looks for a request once a second, and begins it with what it is given.
        has_room: tells whether the machine has so many CPUs to spare; None: as the system says.
        comparer: gets the results of both models too.
        now_ns: the steady time that the seconds of a step are counted in [ns].
    """

    settings: Callable[[], RolloutSettings]
    feeding: Feeding
    deadline_ms: Callable[[], float]
    limit_candidate: Callable[[float], None]
    tell: Callable[[Level, str], None]
    changed: Callable[[Future[str]], None]
    evidence: Sequence[EvidenceSource] = ()
    requests: Callable[[Callable[[str], str]], None] = lambda start: None
    has_room: Callable[[float], bool] | None = None
    comparer: Comparer | None = None
    now_ns: Callable[[], int] = monotonic_ns


class Stagehand:
    """Does what the moves of a rollout say. Used by one thread at a time.

    Args:
        hands: have the models.
        witness: sees the frames.
        judging: is told of them.
        around: the node.
        opened: is called when models are open, or cannot be, by any thread.

    Attributes:
        is_opening: whether a step waits for models to be open.
    """

    def __init__(
        self,
        hands: Hands,
        witness: Witness,
        judging: Judging,
        around: Surroundings,
        opened: Callable[[], None],
    ) -> None:
        self._hands = hands
        self._witness = witness
        self._judging = judging
        self._around = around
        self._opened = opened
        self._opening: Future[str] | None = None
        self.is_opening = False

    def do(self, move: Move, serves: bool) -> None:
        """Does what a move says.

        Args:
            move: the decision.
            serves: whether the candidate serves every frame.

        Raises:
            MlIntegrationError: it cannot be done.
        """
        if move.do in STEPS:
            self.enter(move.state)
        elif move.do is Do.TAKE_BACK:
            self._take_back(move.state, serves)
        elif move.do is Do.PARK:
            self._hands.park()
            self._rest()
        elif move.do is Do.FINISH:
            self.leave()
            self._hands.finish()

    def enter(self, state: RolloutState) -> None:
        """Begins the step of a state, at once or when its models are open.

        Raises:
            MlIntegrationError: it cannot.
        """
        wanted = self._wanted(state)
        self.is_opening, self._opening = bool(wanted), None
        if not wanted:
            self.begin(state)
        elif not self._hands.busy:  # what a person has asked for comes first
            self._opening = self._hands.open(wanted)
            self._opening.add_done_callback(lambda _: self._opened())

    def look(self, state: RolloutState) -> None:
        """Begins a step that waited, if its models are open by now.

        Raises:
            MlIntegrationError: they cannot be opened.
        """
        opening = self._opening
        if self.is_opening and opening is None:
            self.enter(state)
        elif opening is not None and opening.done():
            self._opening = None
            opening.result()
            self.begin(state)

    def begin(self, state: RolloutState) -> None:
        """Begins a step with what is open; without a shadow if there is none.

        Raises:
            MlIntegrationError: it cannot.
        """
        self._hands.check()
        stage = stage_of(state)
        self._shadow(stage)
        self._judging.begin(stage)
        self._witness.trial = Trial(
            state.candidate.model,
            state.stable.model,
            stage,
            self._judging,
            self._around.deadline_ms,
        )
        for source in self._around.evidence:
            source.begin(state)
        if stage is Stage.CANARY:
            self._share(state)
        elif stage is Stage.WATCH:
            self._promote(state)
        self.is_opening, self._opening = False, None

    def leave(self) -> None:
        """Lets go of everything but what serves."""
        self._hands.drop()
        self._rest()

    def _take_back(self, state: RolloutState, serves: bool) -> None:
        """Lets the stable model have every frame, and closes the candidate."""
        if serves:
            self._hands.stop_at_once(state.candidate)
        self.leave()
        if not serves:
            return
        future = self._hands.take_back(state.reason)
        wait([future], CHANGE_S)
        future.add_done_callback(self._around.changed)
        error = future.exception() if future.done() else SwapError('the disk does not answer')
        if error is not None:
            self._around.tell(Level.ERROR, f'{state.candidate} is not taken back: {error}')

    def _rest(self) -> None:
        self.is_opening, self._opening = False, None
        self._witness.trial = None
        shadow, self._witness.shadow = self._witness.shadow, None
        if shadow is not None:
            shadow.close()
        self._around.limit_candidate(math.inf)

    def _wanted(self, state: RolloutState) -> Wanted:
        serves = self._hands.serving.edition.matches(state.candidate)
        return Wanted(
            state.candidate,
            state.stable,
            spare=self._witness.shadow is None,
            to_serve=state.phase is not Phase.SHADOW and self._hands.lacks(state.candidate),
            to_return=serves and not self._hands.has_way_back,
        )

    def _shadow(self, stage: Stage) -> None:
        """Compares from now on, if there are two models for it."""
        spare = self._hands.take_spare()
        if spare is not None:
            around = self._around
            has_room = around.has_room or SpareCpu().has_room
            self._witness.shadow = Shadow(
                Pairing(*spare),
                around.feeding,
                self._witness.compared,
                around.deadline_ms,
                has_room=lambda: has_room(around.settings().spare_cpus),
                comparer=around.comparer,
            )
        if self._witness.shadow is not None:
            self._witness.shadow.apart = stage is not Stage.SHADOW

    def _share(self, state: RolloutState) -> None:
        p99_ms = self._witness.stable_p99_ms
        limit_ms = max(LEAST_TIMEOUT_MS, TIMEOUT_TIMES * p99_ms)
        self._around.limit_candidate(limit_ms if math.isfinite(p99_ms) else math.inf)
        self._hands.share(share_of(state, self._around.settings()))

    def _promote(self, state: RolloutState) -> None:
        self._around.limit_candidate(math.inf)
        if self._hands.serving.edition.matches(state.candidate):
            return
        future = self._hands.promote()
        future.add_done_callback(self._around.changed)
        if not future.done():
            raise SwapError(f'{state.candidate} cannot be promoted: the disk does not answer')
        error = future.exception()
        if isinstance(error, MlIntegrationError):
            raise error
        future.result()
