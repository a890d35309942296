"""Rolls a new version out in steps, while its node is active."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from time import monotonic_ns

from ml_integration.core.findings import Level
from ml_integration.core.left_behind import join_or_leave
from ml_integration.core.pipeline import Pipeline
from ml_integration.core.rollout.judgment import Evidence, Judgment, Verdict
from ml_integration.core.rollout.settings import RolloutSettings
from ml_integration.deploy.history import History
from ml_integration.deploy.rollout import persons, steps
from ml_integration.deploy.rollout.groups import ALONE, Group, Report, group_of, heard
from ml_integration.deploy.rollout.hands import Hands
from ml_integration.deploy.rollout.moves import Do, Move, ended
from ml_integration.deploy.rollout.settling import ACTION
from ml_integration.deploy.rollout.steps import OPEN, Gate, on_judgment, share_of
from ml_integration.errors import MlIntegrationError, SupersededError, SwapError
from ml_integration.serving.judging import Judging
from ml_integration.serving.shadow import NO_COUNTS, Counts
from ml_integration.serving.stagehand import Stagehand, Surroundings
from ml_integration.serving.witness import Witness
from ml_integration.store.state.node_state import Edition
from ml_integration.store.state.rollout_state import Phase, RolloutState

LOOK_S = 1.0
"""Time between two looks at what is known [s]."""
_JOIN_S = 2.0


def always_open(settings: RolloutSettings) -> Gate:
    """Says that the robot's state allows every step."""
    return OPEN


def nobody() -> Mapping[str, Report]:
    """Returns the reports of no other nodes."""
    return {}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A rollout at one moment.

    Attributes:
        state: of the rollout.
        share: of the frames that the candidate gets, from 0 to 1.
        opening: whether a step waits for models to be open.
        seconds: since the step began [s].
        frames: that the candidate has seen in it.
        reason: why it is where it is, or what it waits for.
        evidence: what each criterion knows.
        counts: of what was compared in spare time.
    """

    state: RolloutState
    share: float = 0.0
    opening: bool = False
    seconds: float = 0.0
    frames: int = 0
    reason: str = ''
    evidence: tuple[Evidence, ...] = ()
    counts: Counts = NO_COUNTS


class Rollout:
    """Decides once a second, on a thread of its own, and acts at once on what is certain.

    What a decision makes of the state is stored before anything is done. Thread-safe.

    Args:
        hands: have the models.
        history: the node's memory over restarts.
        witness: sees the frames.
        around: the node.
        gate: tells whether the robot's state allows a step.
        reports: gives the newest report of each other node of the group.
        look_s: time between two looks [s].
    """

    def __init__(
        self,
        hands: Hands,
        history: History,
        witness: Witness,
        around: Surroundings,
        gate: Callable[[RolloutSettings], Gate] = always_open,
        reports: Callable[[], Mapping[str, Report]] = nobody,
        look_s: float = LOOK_S,
    ) -> None:
        self._hands = hands
        self._history = history
        self._witness = witness
        self._around = around
        self._gate = gate
        self._reports = reports
        self._look_s = look_s
        self._judging = Judging(around.settings, self._stop_at_once)
        self._stagehand = Stagehand(hands, witness, self._judging, around)
        self._deciding = threading.Lock()
        self._judgment: Judgment | None = None
        self._wished = ''
        self._woken = threading.Event()
        self._ended = False
        self._thread = threading.Thread(target=self._loop, name='ml_rollout', daemon=True)

    @property
    def state(self) -> RolloutState:
        """Where it is."""
        return self._history.rollout.state

    def snapshot(self) -> Snapshot:
        """Returns what is to be told of it; nobody waits."""
        state, judgment, shadow = self.state, self._judgment, self._witness.shadow
        if not state.has_candidate:
            return Snapshot(state, share_of(state, self._around.settings()), reason=state.reason)
        holds = judgment is not None and judgment.verdict is Verdict.HOLD and state.under_way
        return Snapshot(
            state,
            share_of(state, self._around.settings()),
            self._stagehand.is_opening,
            self._judging.seconds if state.under_way else 0.0,
            self._judging.frames,
            judgment.reason if judgment is not None and holds else state.reason,
            judgment.evidence if judgment is not None else (),
            shadow.counts if shadow is not None else NO_COUNTS,
        )

    def begin(self) -> None:
        """Goes on with a rollout that is under way."""
        with self._deciding:
            if self.state.under_way and not self._is_changed(self.state):
                self._try(lambda: self._stagehand.enter(self.state))
        self._thread.start()

    def close(self) -> None:
        """Stops deciding, and lets go of everything but what serves."""
        self._ended = True
        self._woken.set()
        join_or_leave(self._thread, _JOIN_S, 'a rollout')
        self._stagehand.leave()

    def look_soon(self) -> None:
        """Has it look at once, such as after a change of what serves."""
        self._woken.set()

    def check(self, reference: str) -> None:
        """Refuses a candidate that no rollout can take.

        Raises:
            MlIntegrationError: with the reason.
        """
        self._checked(reference)

    def wish(self, reference: str) -> None:
        """Begins a rollout soon; what prevents it is told."""
        self._wished = reference
        self._woken.set()

    def start(self, reference: str) -> str:
        """Begins a rollout; returns a sentence that says so.

        Args:
            reference: the candidate, such as name@version.

        Raises:
            MlIntegrationError: it cannot be begun.
        """
        with self._deciding:
            return self._start(reference)

    def promote(self) -> str:
        """Takes all steps that are left at once; a promoted candidate is watched no longer.

        Raises:
            MlIntegrationError: there is nothing to promote.
        """

        def promoted(state: RolloutState, seconds: float) -> Move:
            if self._hands.busy:
                raise SwapError('a model is being loaded', hint='Ask again.')
            move = persons.promote(state, seconds)
            if state.under_way:
                self._judging.accept()
            return move

        return self._on_behalf(promoted)

    def pause(self) -> str:
        """Keeps the candidate where it is; it is still taken back if it is bad.

        Raises:
            MlIntegrationError: nothing is under way.
        """
        return self._on_behalf(lambda state, seconds: persons.pause(state))

    def resume(self) -> str:
        """Lets a paused or halted rollout go on; its step begins anew.

        Raises:
            MlIntegrationError: nothing is paused or halted.
        """
        return self._on_behalf(lambda state, _: persons.resume(state, self._around.settings()))

    def abort(self) -> str:
        """Takes the candidate back; it may be rolled out again.

        Raises:
            MlIntegrationError: there is no candidate.
        """
        return self._on_behalf(persons.abort)

    def unfit(self, pipeline: Pipeline, reason: str) -> bool:
        """Takes note that a pipeline did not come back from a frame; any thread may call it.

        Returns:
            False if that is not for a rollout to decide.
        """
        state = self.state
        is_tried = state.phase in (Phase.CANARY, Phase.PROMOTED) and state.under_way
        if not is_tried or str(pipeline.model.identity) != state.candidate.model:
            return False
        self._judging.fault(reason)
        return True

    def _on_behalf(self, decide: Callable[[RolloutState, float], Move]) -> str:
        """Does what a person wants."""
        with self._deciding:
            self._end_if_changed()
            state = self.state
            seconds = self._judging.seconds if state.under_way else 0.0
            self._act(decide(state, seconds))
            return self.state.reason

    def _stop_at_once(self, judgment: Judgment) -> None:
        """Gives the candidate no more frames; everything else comes after it."""
        if self.state.phase is not Phase.SHADOW:
            self._hands.stop_at_once(self.state.candidate)
        self._woken.set()

    def _loop(self) -> None:
        while not self._ended:
            self._woken.wait(self._look_s)
            self._woken.clear()
            if not self._ended:
                self._try(self._look)

    def _try(self, work: Callable[[], None]) -> None:
        """Goes on whatever comes of some work."""
        try:
            work()
        except Exception as error:
            if not self._ended:
                self._around.tell(Level.ERROR, f'rollout: {type(error).__name__}: {error}')

    def _look(self) -> None:
        with self._deciding:
            self._begin_wished()
            self._around.requests(self._start)
            self._end_if_changed()
            if self.state.under_way:
                self._open()
            self._decide()

    def _begin_wished(self) -> None:
        wished, self._wished = self._wished, ''
        if not wished:
            return
        try:
            self._start(wished)
        except MlIntegrationError as error:
            self._around.tell(Level.ERROR, f'no rollout of {wished}: {error}')

    def _start(self, reference: str) -> str:
        edition = self._checked(reference)
        state = self.state
        if state.under_way and state.candidate.matches(edition):
            raise SwapError(f'{edition} is being rolled out already, in {state.phase.value}')
        move = steps.start(state, edition, self._hands.serving.edition)
        self._stagehand.leave()
        self._act(move)
        return self.state.reason

    def _checked(self, reference: str) -> Edition:
        """Returns the candidate that is meant, which may be rolled out."""
        state = self._history.rollout.heed_releases()
        candidate = self._hands.admit(reference)
        assert candidate.manifest is not None  # it was read just now
        edition = Edition.of(candidate.manifest)
        if not (state.under_way and state.candidate.matches(edition)):
            steps.start(state, edition, self._hands.serving.edition)
        return edition

    def _end_if_changed(self) -> None:
        state = self.state
        if state.has_candidate and self._is_changed(state):
            move = ended(state, self._judging.seconds, 'the serving model was changed')
            self._act(replace(move, do=Do.FINISH))

    def _is_changed(self, state: RolloutState) -> bool:
        """Tells whether something else serves than a rollout has left there."""
        waits = state.promoted and self._stagehand.is_opening
        return not (self._serves(state.serving) or (waits and self._serves(state.stable)))

    def _open(self) -> None:
        """Begins the step that waits for its models."""
        state = self.state
        try:
            self._stagehand.look(state)
        except SupersededError:  # a swap came in between
            self._stagehand.enter(state)
        except MlIntegrationError as error:
            self._around.tell(Level.ERROR, f'{state.candidate} cannot be opened: {error}')
            if self._serves(state.candidate):
                self._stagehand.begin(state)  # it is watched as far as can be
            else:
                why = f'it cannot be opened: {error}'
                self._act(ended(state, self._judging.seconds, why))

    def _decide(self) -> None:
        settings = self._around.settings()
        group = self._group(settings)
        state = self.state
        self._judgment = judgment = self._judged(state)
        if state.has_candidate or group.back:
            self._act(on_judgment(state, judgment, settings, self._gate(settings), group))

    def _group(self, settings: RolloutSettings) -> Group:
        if not settings.group:
            return ALONE
        reports = self._reports()
        state = self._history.rollout.change(lambda now: heard(now, reports))
        return group_of(state, settings.group, reports)

    def _judged(self, state: RolloutState) -> Judgment:
        if not state.under_way:
            return Judgment(Verdict.HOLD, '', 0.0)
        self._measure()
        judgment = self._judging.judge()
        if judgment.verdict is Verdict.ROLL_BACK or not self._waits():
            return judgment
        return replace(judgment, verdict=Verdict.HOLD, reason='a model is being loaded')

    def _waits(self) -> bool:
        """Tells whether a model is being loaded, for a step or for somebody else."""
        return self._stagehand.is_opening or self._hands.busy

    def _measure(self) -> None:
        now_ns = monotonic_ns()
        for source in self._around.evidence:
            try:
                for telling in source.measure(now_ns):
                    self._judging.tell(telling)
            except Exception as error:
                what, why = source.name, f'{type(error).__name__}: {error}'
                self._judging.problem(what, why)

    def _act(self, move: Move) -> None:
        """Stores a decision, does what it says, and tells of it."""
        before = self.state
        serves = move.do is Do.TAKE_BACK and self._serves(before.candidate)
        # Until it is done, so that the next process does it where this one could not.
        running = move.state.running or serves
        self._history.rollout.change(lambda _: replace(move.state, running=running))
        try:
            self._do(move, serves)
        except MlIntegrationError as error:
            self._tell(move)
            if move.do is Do.TAKE_BACK:
                raise
            self._act(ended(self.state, 0.0, str(error)))
            return
        if serves:
            self._history.rollout.change(lambda now: replace(now, running=False))
        self._tell(move)

    def _serves(self, edition: Edition) -> bool:
        return self._hands.serving.edition.matches(edition)

    def _do(self, move: Move, serves: bool) -> None:
        if move.do in (Do.SHADOW, Do.SHARE, Do.PROMOTE):
            self._stagehand.enter(move.state)
        elif move.do is Do.TAKE_BACK:
            self._stagehand.take_back(move.state, serves)
        elif move.do is Do.PARK:
            self._stagehand.park()
        elif move.do is Do.FINISH:
            self._stagehand.finish()

    def _tell(self, move: Move) -> None:
        if not move.sentence:
            return
        state = move.state
        level = Level.WARN if move.do in (Do.TAKE_BACK, Do.PARK) else Level.OK
        self._around.tell(level, move.sentence)
        numbers = '; '.join(one.numbers for one in move.evidence if one.n)
        reason = f'{move.sentence} [{numbers}]' if numbers else move.sentence
        self._history.log(ACTION, state.candidate.model, state.stable.model, reason=reason)
