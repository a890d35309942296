"""Looks at the orders of the fleet again and again, beside the frames."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timezone

from ml_integration.core.left_behind import join_or_leave
from ml_integration.deploy.fleet_member import FleetMember
from ml_integration.errors import ModelError

_JOIN_S = 1.0


class OrdersWatch:
    """Lets a member of a fleet look, on a thread of its own; it never dies.

    Args:
        member: looks and acts.
        period_s: gives the time between two looks [s].
        changed: is called when what is to be told has changed.
    """

    def __init__(
        self, member: FleetMember, period_s: Callable[[], float], changed: Callable[[], None]
    ) -> None:
        self._member = member
        self._period_s = period_s
        self._changed = changed
        self._failure = ''
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._loop, name='ml_orders', daemon=True)
        self._thread.start()

    @property
    def complaints(self) -> tuple[str, ...]:
        """Sentences on what is not obeyed, or could not be looked at."""
        return (*self._member.complaints, *filter(None, (self._failure,)))

    def stop(self) -> None:
        """Ends the watch; what hangs in a read of a dead disk is left behind."""
        self._stopped.set()
        join_or_leave(self._thread, _JOIN_S, 'a look at the orders of the fleet')

    def _loop(self) -> None:
        while True:
            before = self.complaints
            self._look()
            if self.complaints != before and not self._stopped.is_set():
                with suppress(Exception):  # a listener must not end the watch
                    self._changed()
            if self._stopped.wait(self._period_s()):
                return

    def _look(self) -> None:
        try:
            self._member.look(datetime.now(timezone.utc))
        except ModelError:  # nothing serves at the moment
            return
        except Exception as error:  # one look fails, and not the watch
            self._failure = f'the orders of the fleet: {type(error).__name__}: {error}'
        else:
            self._failure = ''
