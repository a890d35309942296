"""Looks from time to time whether what decides about models is open to everybody."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

from ml_integration.core.left_behind import join_or_leave
from ml_integration.deploy.niceness import NICEST
from ml_integration.store.trust.exposure import Exposure, Places

PERIOD_S = 60.0
"""Time between two looks [s]."""
_JOIN_S = 1.0


class ExposureWatch:
    """A low-priority thread that looks at folders and their rights.

    Args:
        places: where to look.
        tell: is called with each finding once, from that thread.

    Attributes:
        found: what was found at the last look.
    """

    def __init__(self, places: Places, tell: Callable[[Exposure], None]) -> None:
        self.found: tuple[Exposure, ...] = ()
        self._places = places
        self._tell = tell
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._loop, name='ml_exposure', daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends the watch; a look that hangs on a dead disk is left behind."""
        self._stopped.set()
        join_or_leave(self._thread, _JOIN_S, 'a look at folders')

    def _loop(self) -> None:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICEST)
        while not self._stopped.is_set():
            self._look()
            self._stopped.wait(PERIOD_S)

    def _look(self) -> None:
        try:
            found = self._places.exposures()
        except (OSError, RuntimeError):  # no descriptors, a loop of links: there is another look
            return
        new = [one for one in found if one not in self.found]
        self.found = found
        for one in new:
            if not self._stopped.is_set():
                self._tell(one)
