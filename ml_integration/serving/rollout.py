"""Rolls a new version out in steps, while its node is active."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

from ml_integration.core.findings import Level
from ml_integration.core.left_behind import join_or_leave
from ml_integration.core.pipeline import Pipeline
from ml_integration.core.rollout.settings import RolloutSettings
from ml_integration.deploy.history import History
from ml_integration.deploy.rollout import persons, steps
from ml_integration.deploy.rollout.groups import Report
from ml_integration.deploy.rollout.hands import Hands
from ml_integration.deploy.rollout.moves import Move
from ml_integration.deploy.rollout.steps import Gate
from ml_integration.errors import MlIntegrationError, SwapError
from ml_integration.serving.decisions import Decisions, always_open, nobody
from ml_integration.serving.rollout_snapshot import Snapshot
from ml_integration.serving.stagehand import Surroundings
from ml_integration.serving.witness import Witness
from ml_integration.store.state.node_state import Edition
from ml_integration.store.state.rollout_state import RolloutState

LOOK_S = 1.0
"""Time between two looks at what is known [s]."""
_JOIN_S = 2.0


class Rollout:
    """Decides once a second, on a thread of its own, and acts at once on what is certain.

    Thread-safe.

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
        self._around = around
        self._look_s = look_s
        self._deciding = threading.Lock()
        self._wished = ''
        self._woken = threading.Event()
        self._ended = False
        self._decisions = Decisions(
            hands, history, witness, around, gate, reports, self._woken.set
        )
        self._thread = threading.Thread(target=self._loop, name='ml_rollout', daemon=True)

    @property
    def state(self) -> RolloutState:
        """Where it is."""
        return self._decisions.state

    def snapshot(self) -> Snapshot:
        """Returns what is to be told of it; nobody waits."""
        return self._decisions.snapshot()

    def begin(self) -> None:
        """Goes on with a rollout that is under way."""
        with self._deciding:
            self._try(self._decisions.enter)
        self._thread.start()

    def close(self) -> None:
        """Stops deciding, and lets go of everything but what serves."""
        self._ended = True
        self._woken.set()
        join_or_leave(self._thread, _JOIN_S, 'a rollout')
        self._decisions.leave()

    def look_soon(self) -> None:
        """Has it look at once, such as after a change of what serves."""
        self._woken.set()

    def unfit(self, pipeline: Pipeline, reason: str) -> bool:
        """Takes note that a pipeline did not come back from a frame; any thread may call it.

        Returns:
            False if that is not for a rollout to decide.
        """
        return self._decisions.unfit(pipeline, reason)

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
            MlIntegrationError: there is nothing to promote, or another model is being loaded.
        """

        def promoted(state: RolloutState, seconds: float) -> Move:
            move = persons.promote(state, seconds)
            if self._hands.busy:
                raise SwapError('a model is being loaded', hint='Ask again.')
            self._decisions.accept()
            return move

        return self._on_behalf(promoted)

    def pause(self) -> str:
        """Keeps the candidate where it is; it is still taken back if it is bad.

        Raises:
            MlIntegrationError: nothing is under way.
        """
        return self._on_behalf(lambda state, _: persons.pause(state))

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

    def _on_behalf(self, decide: Callable[[RolloutState, float], Move]) -> str:
        """Does what a person wants."""
        with self._deciding:
            self._decisions.end_if_changed()
            self._decisions.act(decide(self.state, self._decisions.seconds))
            return self.state.reason

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
            self._decisions.end_if_changed()
            if self.state.under_way:
                self._decisions.open()
            self._decisions.decide()

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
        self._decisions.leave()
        self._decisions.act(move)
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
