"""Acts of the monitor demo: light, darkness, light again."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from rich.table import Table

from ml_integration.core.findings import Level
from ml_integration.demos.demo.view import View
from ml_integration.demos.monitor_demo.watcher import Watcher
from ml_integration.errors import MlIntegrationError

SCORE = 'mAP50'
SYMPTOMS = ('brightness', SCORE)
"""What a warning of darkness names: others, of a busy machine, do not count."""
SETTLE_S = 60.0
"""Time in which everybody has to be well, or to see that it is dark [s]."""
LINE_S = 3.0
LOST = 0.5
"""Share of the score in the light that is left in the dark, at most."""


@dataclass(frozen=True, slots=True)
class Noticed:
    """What one of the watchers said of the darkness.

    Attributes:
        who: the status, or the monitor.
        after_s: time since it fell [s].
        sentence: the reason.
    """

    who: str
    after_s: float
    sentence: str


class Play:
    """The acts, each of which says what it does and what came of it.

    Args:
        watcher: makes it happen.
        view: where it is told.
        calm_s: how long there is light before it falls dark [s].
    """

    def __init__(self, watcher: Watcher, view: View, calm_s: float) -> None:
        self._watcher, self._view, self._calm_s = watcher, view, calm_s
        self._told = 0
        self._next_s = 0.0
        self._began_s = time.monotonic()

    def light(self) -> float:
        """Shows the scene until all are well and know what is usual; returns the score."""
        self._say('1. a camera shows drawn scenes, and tells what they really show')
        self._watcher.camera.start()
        calm_s = time.monotonic() + self._calm_s
        self._wait(
            lambda: time.monotonic() > calm_s and self._all_well() and self._is_usual_known(),
            'everybody to be well and to know what is usual',
        )
        score = self._watcher.number('accuracy', SCORE)
        if score is None:
            raise MlIntegrationError('nothing is compared any more', where='accuracy')
        return score

    def darkness(self, score: float) -> tuple[Noticed, ...]:
        """Takes the light away until everybody has said so; returns who did, and when.

        Args:
            score: in the light.
        """
        self._say('2. darkness falls: 10 % of the light is left')
        begin_s, noticed = time.monotonic(), dict[str, Noticed]()
        self._watcher.camera.dark = True
        self._wait(lambda: self._all_notice(begin_s, noticed), 'everybody to see that it is dark')
        self._wait(lambda: self._is_lost(score), f'{SCORE} below half of {score:.2f}')
        return tuple(noticed.values())

    def light_again(self) -> None:
        """Gives the light back until everybody is well."""
        self._say('3. the light is back; a level falls after ten good seconds')
        self._watcher.camera.dark = False
        self._wait(self._all_well, 'everybody to be well again')

    def _all_notice(self, begin_s: float, noticed: dict[str, Noticed]) -> bool:
        """Adds who warns of darkness by now; returns whether everybody has done so."""
        for who in self._watcher.everybody:
            status = self._watcher.latest(who)
            if who in noticed or status is None or status.level == Level.OK:
                continue
            if any(symptom in status.message for symptom in SYMPTOMS):
                noticed[who] = Noticed(who, time.monotonic() - begin_s, status.message)
        return len(noticed) == len(self._watcher.everybody)

    def _all_well(self) -> bool:
        latest = map(self._watcher.latest, self._watcher.everybody)
        return all(status is not None and status.level == Level.OK for status in latest)

    def _is_usual_known(self) -> bool:
        known = (('content', 'usual brightness'), ('drift', 'blocks'), ('accuracy', SCORE))
        return all(self._watcher.number(*each) is not None for each in known)

    def _is_lost(self, score: float) -> bool:
        now = self._watcher.number('accuracy', SCORE)
        return now is not None and now < LOST * score

    def _wait(self, condition: Callable[[], object], what: str) -> None:
        """Waits, and tells meanwhile what is said."""

        def look() -> bool:
            self._tell()
            return bool(condition())

        self._watcher.wait(look, what, SETTLE_S)
        self._tell()

    def _tell(self) -> None:
        """Tells the levels that changed, and every few seconds the numbers."""
        said = self._watcher.said
        for one in said[self._told :]:
            self._say(f'   {one.who:20} {one.level.name:5} {one.sentence}', one.at_s)
        self._told = len(said)
        if (now_s := time.monotonic()) > self._next_s:
            self._next_s = now_s + LINE_S
            numbers = (
                ('brightness', self._watcher.number('content', 'brightness')),
                (SCORE, self._watcher.number('accuracy', SCORE)),
            )
            known = [f'{name} {value:.4g}' for name, value in numbers if value is not None]
            self._say(f'   {", ".join(known) or "nothing is known yet"}')

    def _say(self, text: str, at_s: float | None = None) -> None:
        seconds = (time.monotonic() if at_s is None else at_s) - self._began_s
        self._view.say(f'{seconds:5.1f} s {text}')


def table_of(noticed: tuple[Noticed, ...]) -> Table:
    """Makes the table of who noticed it, the first one first."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column('said by', no_wrap=True)
    table.add_column('after', justify='right', no_wrap=True)
    table.add_column('sentence')
    for one in sorted(noticed, key=lambda one: one.after_s):
        table.add_row(one.who, f'{one.after_s:.1f} s', one.sentence)
    return table
