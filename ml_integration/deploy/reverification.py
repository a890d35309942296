"""Checks from time to time whether the serving model's files have changed on disk."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

from ml_integration.deploy.background import NICEST
from ml_integration.deploy.deployment import Deployment
from ml_integration.errors import MlIntegrationError


class Reverification:
    """A low-priority thread that quarantines a version whose files were changed.

    The model in memory was opened from verified bytes and serves on; what is quarantined is
    the version on disk, so that nothing loads it again.

    Args:
        deployment: holds the serving model.
        period_s: gives the time between two checks [s]; 0 for no checks.
        alarm: is called with what was found, each time.
    """

    def __init__(
        self, deployment: Deployment, period_s: Callable[[], float], alarm: Callable[[str], None]
    ) -> None:
        self._deployment = deployment
        self._period_s = period_s
        self._alarm = alarm
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._loop, name='ml_reverify', daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()

    def _loop(self) -> None:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICEST)
        while not self._stopped.wait(self._period_s() or 1.0):
            if not self._period_s():
                continue
            try:
                self._alarm(self._deployment.look_for_tampering())
            except MlIntegrationError:  # nothing serves at the moment
                continue
