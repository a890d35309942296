"""Decides when the serving model's files are looked at, and outlives whatever goes wrong."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from time import monotonic

from ml_integration.core.left_behind import join_or_leave
from ml_integration.deploy.file_watch import CONFIRM_S, FileReport, FileWatch, FileWatches
from ml_integration.deploy.niceness import NICEST
from ml_integration.errors import ModelError

TICK_S = 0.5
"""Time between two looks at the clock, the period and what is remembered [s]."""
SHARE = 0.1
"""Largest share of the time that is spent on looking, however short the period is."""
LATE_S = 60.0
"""Time that a look may take before that is told [s]."""
_JOIN_S = 1.0


class Reverification:
    """Watches the files of the serving model, beside the frames; it never dies.

    One thread looks at the clock, the period and what is remembered. Each look at the files has
    a thread of its own, of the lowest priority: one that hangs on a dead disk holds nobody up.

    Args:
        watch: looks and judges.
        period_s: gives the time between two looks [s]; 0 for no looks.
        changed: is called when what is known has changed.
    """

    def __init__(
        self,
        watch: FileWatch | FileWatches,
        period_s: Callable[[], float],
        changed: Callable[[], None],
    ) -> None:
        self._watch = watch
        self._period_s = period_s
        self._changed = changed
        self._report = FileReport()
        self._failed_look = self._failed_tick = ''
        self._look: threading.Thread | None = None
        self._started_s = self._ended_s = monotonic()
        self._looked_s: float | None = None
        self._stopped = threading.Event()
        self._tick()
        self._thread = threading.Thread(target=self._loop, name='ml_reverify', daemon=True)
        self._thread.start()

    @property
    def report(self) -> FileReport:
        """What is known about the files, and about the watch itself."""
        report = self._report
        trouble = self._failed_look or self._failed_tick or self._lateness()
        return replace(report, warnings=(*report.warnings, trouble)) if trouble else report

    @property
    def since_look_s(self) -> float | None:
        """Time since the last look [s]; None if there was none yet."""
        looked_s = self._looked_s
        return None if looked_s is None else monotonic() - looked_s

    def stop(self) -> None:
        """Ends the watch; what hangs in a read of a dead disk is left behind."""
        self._stopped.set()
        for thread in (self._thread, self._look):
            if thread is not None:
                join_or_leave(thread, _JOIN_S, 'a look at files')

    def _loop(self) -> None:
        while not self._stopped.wait(TICK_S):
            before = self._report, self._failed_tick, self._failed_look
            self._tick()
            if (self._report, self._failed_tick, self._failed_look) != before:
                with suppress(Exception):  # a listener must not end the watch
                    self._changed()

    def _tick(self) -> None:
        self._failed_tick = self._failure_of(self._remember) or self._failure_of(self._go_on)

    def _failure_of(self, work: Callable[[], None]) -> str:
        """Returns what went wrong, whatever it is: one look fails, and not the watch."""
        try:
            work()
        except ModelError:  # nothing serves at the moment
            return ''
        except Exception as error:
            return f'the files could not be looked at: {type(error).__name__}: {error}'
        return ''

    def _remember(self) -> None:
        self._report = self._watch.report()

    def _go_on(self) -> None:
        if self._is_due():
            look = threading.Thread(target=self._do_look, name='ml_look', daemon=True)
            look.start()
            self._look = look

    def _is_due(self) -> bool:
        period_s = self._period_s()
        if not period_s > 0 or (self._look is not None and self._look.is_alive()):
            return False
        took_s = self._ended_s - self._started_s
        wait_s = CONFIRM_S if self._report.suspicious else max(period_s, took_s / SHARE)
        return monotonic() - self._ended_s >= wait_s

    def _do_look(self) -> None:
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICEST)
        self._started_s = monotonic()
        self._failed_look = self._failure_of(lambda: self._watch.look(self._stopped.is_set))
        self._ended_s = monotonic()
        if not self._failed_look:
            self._looked_s = self._ended_s

    def _lateness(self) -> str:
        looking_s = monotonic() - self._started_s
        if self._started_s <= self._ended_s or looking_s < LATE_S:
            return ''
        return f'a look at the files takes {looking_s:.0f} s so far: does their disk answer?'
