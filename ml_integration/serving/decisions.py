"""Decides on a rollout by what is known, stores each decision, and has it done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from ml_integration.core.findings import Level
from ml_integration.core.pipeline import Pipeline
from ml_integration.core.rollout.judgment import Judgment, Verdict
from ml_integration.core.rollout.settings import RolloutSettings
from ml_integration.deploy.history import History
from ml_integration.deploy.rollout.groups import ALONE, Group, Report, group_of, heard
from ml_integration.deploy.rollout.hands import Hands
from ml_integration.deploy.rollout.moves import STEPS, Do, Move, ended
from ml_integration.deploy.rollout.settling import ACTION
from ml_integration.deploy.rollout.steps import OPEN, Gate, on_judgment, share_of
from ml_integration.errors import MlIntegrationError, SupersededError
from ml_integration.serving.judging import Judging
from ml_integration.serving.rollout_evidence import measure
from ml_integration.serving.rollout_snapshot import Snapshot
from ml_integration.serving.shadow import NO_COUNTS
from ml_integration.serving.stagehand import Stagehand, Surroundings
from ml_integration.serving.witness import Witness
from ml_integration.store.state.node_state import Edition
from ml_integration.store.state.rollout_state import Phase, RolloutState

ENDED_RUNS = 2
"""Frames of a step that the engine had to end in a candidate that has a share of them."""


def always_open(settings: RolloutSettings) -> Gate:
    """Says that the robot's state allows every step."""
    return OPEN


def nobody() -> Mapping[str, Report]:
    """Returns the reports of no other nodes."""
    return {}


class Decisions:
    """Decides step by step; what a decision makes of the state is stored before it is done.

    One thread at a time uses it, but for `snapshot` and `unfit`.

    Args:
        hands: have the models.
        history: the node's memory over restarts.
        witness: sees the frames.
        around: the node.
        gate: tells whether the robot's state allows a step.
        reports: gives the newest report of each other node of the group.
        wake: is called when there is something to decide at once; any thread may do it.
    """

    def __init__(
        self,
        hands: Hands,
        history: History,
        witness: Witness,
        around: Surroundings,
        gate: Callable[[RolloutSettings], Gate],
        reports: Callable[[], Mapping[str, Report]],
        wake: Callable[[], None],
    ) -> None:
        self._hands = hands
        self._history = history
        self._witness = witness
        self._around = around
        self._gate = gate
        self._reports = reports
        self._wake = wake
        self._judging = Judging(around.settings, self._stop_at_once, around.now_ns)
        self._stagehand = Stagehand(hands, witness, self._judging, around, wake)
        self._judgment: Judgment | None = None
        self._ended_runs = 0

    @property
    def state(self) -> RolloutState:
        """Where the rollout is."""
        return self._history.rollout.state

    @property
    def seconds(self) -> float:
        """Time since the step began [s]; 0 if none is under way."""
        return self._judging.seconds if self.state.under_way else 0.0

    def snapshot(self) -> Snapshot:
        """Returns what is to be told of it; nobody waits."""
        state, judgment, shadow = self.state, self._judgment, self._witness.shadow
        share = share_of(state, self._around.settings())
        if not state.has_candidate:
            return Snapshot(state, share, reason=state.reason)
        holds = judgment is not None and judgment.verdict is Verdict.HOLD and state.under_way
        return Snapshot(
            state,
            share,
            self._stagehand.is_opening,
            self.seconds,
            self._judging.frames,
            judgment.reason if judgment is not None and holds else state.reason,
            judgment.evidence if judgment is not None else (),
            shadow.counts if shadow is not None else NO_COUNTS,
        )

    def unfit(self, pipeline: Pipeline, reason: str) -> bool:
        """Takes note that a pipeline did not come back from a frame; any thread may call it.

        Returns:
            False if that is not for a rollout to decide.
        """
        state = self.state
        is_tried = state.phase in (Phase.CANARY, Phase.PROMOTED) and state.under_way
        if not is_tried or str(pipeline.model.identity) != state.candidate.model:
            return False
        self._ended_runs += 1
        # A shorter limit than for all may also mean that the machine had no time for a moment.
        if pipeline.stuck or state.promoted or self._ended_runs >= ENDED_RUNS:
            self._judging.fault(reason)
        return True

    def enter(self) -> None:
        """Goes on with the step that was under way when the node was active before.

        Raises:
            MlIntegrationError: it cannot.
        """
        if self.state.under_way and not self._is_changed():
            self._stagehand.enter(self.state)

    def leave(self) -> None:
        """Lets go of everything but what serves."""
        self._stagehand.leave()

    def accept(self) -> None:
        """Accepts what was seen in the step under way; see the judge."""
        if self.state.under_way:
            self._judging.accept()

    def end_if_changed(self) -> None:
        """Ends a rollout if somebody else has changed what serves."""
        if self.state.has_candidate and self._is_changed():
            move = ended(self.state, self.seconds, 'the serving model was changed')
            self.act(replace(move, do=Do.FINISH))

    def open(self) -> None:
        """Begins the step that waits for its models, if they are open by now."""
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
                self.act(ended(state, self.seconds, f'it cannot be opened: {error}'))

    def decide(self) -> None:
        """Decides by what is known now."""
        settings = self._around.settings()
        group = self._group(settings)
        state = self.state
        self._judgment = judgment = self._judged(state)
        if state.has_candidate or group.back:
            self.act(on_judgment(state, judgment, settings, self._gate(settings), group))

    def act(self, move: Move) -> None:
        """Stores a decision, does what it says, and tells of it."""
        serves = move.do is Do.TAKE_BACK and self._serves(self.state.candidate)
        # Until it is done, so that the next process does it where this one could not.
        running = move.state.running or serves
        self._ended_runs *= move.do not in STEPS
        self._history.rollout.change(lambda _: replace(move.state, running=running))
        try:
            self._stagehand.do(move, serves)
        except MlIntegrationError as error:
            if move.do not in STEPS:
                raise
            self._tell(move)
            self.act(ended(self.state, 0.0, str(error)))
            return
        if serves:
            self._history.rollout.change(lambda now: replace(now, running=False))
        self._tell(move)

    def _stop_at_once(self, judgment: Judgment) -> None:
        """Gives the candidate no more frames; everything else comes after it."""
        if self.state.phase is not Phase.SHADOW:
            self._hands.stop_at_once(self.state.candidate)
        self._wake()

    def _serves(self, edition: Edition) -> bool:
        return self._hands.serving.edition.matches(edition)

    def _is_changed(self) -> bool:
        """Tells whether something else serves than a rollout has left there."""
        state = self.state
        waits = state.promoted and self._stagehand.is_opening
        return not (self._serves(state.serving) or (waits and self._serves(state.stable)))

    def _group(self, settings: RolloutSettings) -> Group:
        if not settings.group:
            return ALONE
        reports = self._reports()
        state = self._history.rollout.change(lambda now: heard(now, reports))
        return group_of(state, settings.group, reports)

    def _judged(self, state: RolloutState) -> Judgment:
        if not state.under_way:
            return Judgment(Verdict.HOLD, '', 0.0)
        measure(self._around.evidence, self._judging)
        judgment = self._judging.judge()
        if judgment.verdict is Verdict.ROLL_BACK or not self._waits():
            return judgment
        return replace(judgment, verdict=Verdict.HOLD, reason='a model is being loaded')

    def _waits(self) -> bool:
        """Tells whether a model is being loaded, for a step or for somebody else."""
        return self._stagehand.is_opening or self._hands.busy

    def _tell(self, move: Move) -> None:
        if not move.sentence:
            return
        state = move.state
        level = Level.WARN if move.do in (Do.TAKE_BACK, Do.PARK) else Level.OK
        self._around.tell(level, move.sentence)
        numbers = '; '.join(one.numbers for one in move.evidence if one.n)
        reason = f'{move.sentence} [{numbers}]' if numbers else move.sentence
        self._history.log(ACTION, state.candidate.model, state.stable.model, reason=reason)
