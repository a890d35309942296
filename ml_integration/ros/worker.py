"""The thread that takes messages from a mailbox, one at a time."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from time import monotonic_ns
from typing import Any

from ml_integration.core.monitor import Monitor
from ml_integration.errors import MlIntegrationError
from ml_integration.ros.mailbox import Letter, Mailbox

LOG_PERIOD_S = 5.0


class Worker:
    """Runs `handle` for the newest message until it is stopped.

    Args:
        handle: processes one message; what it raises costs that message only.
        monitor: counts what arrives, what is displaced and what fails.
        logger: an rclpy logger.
    """

    def __init__(self, handle: Callable[[Letter], None], monitor: Monitor, logger: Any) -> None:
        self._handle = handle
        self._monitor = monitor
        self._logger = logger
        self._mailbox = Mailbox()
        self._busy_since_ns = 0
        self._thread = threading.Thread(target=self._loop, name='ml_worker', daemon=True)

    def start(self) -> None:
        self._thread.start()

    def receive(self, message: Any) -> None:
        """The subscription's callback: leaves the message and returns at once."""
        now_ns = monotonic_ns()
        self._monitor.received(now_ns, len(message) if isinstance(message, bytes) else 0)
        if self._mailbox.put(message, now_ns):
            self._monitor.displaced(now_ns)

    def busy_s(self) -> float:
        """How long the frame under way has been in work [s]; 0 when there is none."""
        since_ns = self._busy_since_ns
        return (monotonic_ns() - since_ns) / 1e9 if since_ns else 0.0

    def stop(self) -> None:
        """Finishes the frame under way and ends the thread."""
        self._mailbox.close()
        if self._thread.is_alive():
            self._thread.join()

    def _loop(self) -> None:
        while (letter := self._mailbox.take()) is not None:
            self._busy_since_ns = monotonic_ns()
            self._process(letter)
            self._busy_since_ns = 0

    def _process(self, letter: Letter) -> None:
        try:
            self._handle(letter)
        except MlIntegrationError as error:
            self._failed(str(error), '')
        except Exception as error:
            self._failed(f'{type(error).__name__}: {error}', f'\n{traceback.format_exc()}')

    def _failed(self, sentence: str, details: str) -> None:
        self._monitor.failed(sentence, monotonic_ns())
        self._logger.error(
            f'frame dropped: {sentence}{details}', throttle_duration_sec=LOG_PERIOD_S
        )
