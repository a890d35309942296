"""Acts of the rollout demo: a better version goes all the way, a bad one goes back."""

from __future__ import annotations

import time
from collections.abc import Callable

from ml_integration.demos.demo.view import View
from ml_integration.demos.rollout_demo.screen import Screen
from ml_integration.demos.rollout_demo.stage import BAD, BETTER, OLD
from ml_integration.demos.rollout_demo.watcher import Told, Watcher
from ml_integration.errors import MlIntegrationError

START_S, STEPS_S = 60.0, 300.0
"""Longest waits for the first result, and for the end of a rollout [s]."""
AFTER_S = 2.0
"""Time that is shown after each act [s]."""


class Play:
    """The acts, each of which says what it does and what came of it.

    Args:
        watcher: makes it happen.
        view: where it is told.

    Attributes:
        decisions: what was decided, and when [s, steady clock].
        began_s: when the first act began [s, steady clock].
    """

    def __init__(self, watcher: Watcher, view: View) -> None:
        self._watcher, self._view = watcher, view
        self.began_s = time.monotonic()
        self._screen = Screen(view, self.began_s)
        self.decisions: list[Told] = []

    def promote(self) -> None:
        """Rolls the better version out until it serves every frame, and keeps it."""
        self._say(f'1. {OLD} serves a camera of drawn scenes; {BETTER} knows one kind more')
        self._watcher.camera.start()
        self._wait(lambda: self._watcher.made and self._watcher.told, 'a result', START_S)
        self._roll_out(BETTER)
        self._wait(lambda: self._is(BETTER, 'promoted', 'rolled back', 'halted'), 'the end')
        self._expect('promoted')
        self._pause()
        self._say('   $ ros2 service call /detector/rollout/promote std_srvs/srv/Trigger')
        self._watcher.keep()
        self._wait(lambda: self._watcher.told[-1].watched, 'the watch to end')

    def take_back(self) -> int:
        """Rolls the bad version out; returns how many of its results were published."""
        self._say(f'2. {BAD} is a careless export: its labels are one line off')
        self._roll_out(BAD)
        self._wait(lambda: self._is(BAD, 'promoted', 'rolled back', 'halted'), 'the end')
        self._expect('rolled back')
        self._pause()
        return sum(one.model == BAD for one in self._watcher.made)

    def _roll_out(self, reference: str) -> None:
        self._say(f'   $ ros2 param set /detector rollout.candidate {reference}')
        self._watcher.roll_out(reference)

    def _is(self, candidate: str, *phases: str) -> bool:
        told = self._watcher.told[-1]
        return told.candidate == candidate and told.phase in phases

    def _expect(self, phase: str) -> None:
        told = self._watcher.told[-1]
        if told.phase != phase:
            raise MlIntegrationError(told.decision, where='/detector', expected=phase)

    def _pause(self) -> None:
        end = time.monotonic() + AFTER_S
        self._wait(lambda: time.monotonic() > end, 'some time')

    def _wait(
        self, condition: Callable[[], object], what: str, timeout_s: float = STEPS_S
    ) -> None:
        """Waits, and tells meanwhile what is decided."""

        def look() -> bool:
            self._tell()
            return bool(condition())

        self._watcher.wait(look, what, timeout_s)

    def _tell(self) -> None:
        if not self._watcher.told:
            return
        told = self._watcher.told[-1]
        known = self.decisions[-1].decision if self.decisions else ''
        if told.decision and told.decision != known:
            self.decisions.append(told)
            self._say(f'   {told.decision}', told.at_s)
        self._screen.show(told)

    def _say(self, text: str, at_s: float | None = None) -> None:
        seconds = (time.monotonic() if at_s is None else at_s) - self.began_s
        self._view.say(f'{seconds:5.1f} s {text}')
