"""The thread that takes messages from a mailbox."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Sequence
from time import monotonic_ns
from typing import Any

from ml_integration.core.monitor import Monitor
from ml_integration.core.stats import InputKey
from ml_integration.errors import MlIntegrationError
from ml_integration.ros.inference.mailbox import Letter, Mailbox

LOG_PERIOD_S = 5.0

Failed = Callable[[Exception], None]
"""Counts and logs what one frame has raised."""


class Worker:
    """Runs `handle` for the newest messages until it is stopped.

    Args:
        handle: processes messages of different cameras; it reports what a frame raises, so that
            this costs no other one, and does not stop the next ones when it raises itself.
        monitor: counts what arrives, what is displaced and what fails.
        logger: an rclpy logger.
        mailbox: where the messages wait; one for a single camera if not given.
        most: tells how many messages to take at a time.
        inputs: what the monitor calls the messages of each camera.
    """

    def __init__(
        self,
        handle: Callable[[Sequence[Letter], Failed], None],
        monitor: Monitor,
        logger: Any,
        mailbox: Mailbox | None = None,
        most: Callable[[], int] = lambda: 1,
        inputs: Sequence[InputKey] = (InputKey(),),
    ) -> None:
        self._handle = handle
        self._monitor = monitor
        self._logger = logger
        self._mailbox = mailbox or Mailbox()
        self._most = most
        self._inputs = inputs
        self._busy_since_ns = 0
        self._thread = threading.Thread(target=self._loop, name='ml_worker', daemon=True)

    def start(self) -> None:
        self._thread.start()

    def receive(self, message: Any, camera: int = 0) -> None:
        """The subscription's callback: leaves the message and returns at once."""
        now_ns = monotonic_ns()
        size = len(message) if isinstance(message, bytes) else 0
        key = self._inputs[camera]
        self._monitor.received(key.stream, key.tensor, now_ns, size)
        if self._mailbox.put(message, now_ns, camera):
            self._monitor.displaced(key.stream, now_ns)

    def busy_s(self) -> float:
        """How long the frames under way have been in work [s]; 0 when there are none."""
        since_ns = self._busy_since_ns
        return (monotonic_ns() - since_ns) / 1e9 if since_ns else 0.0

    def stop(self) -> None:
        """Finishes the frames under way and ends the thread."""
        self._mailbox.close()
        if self._thread.is_alive():
            self._thread.join()

    def _loop(self) -> None:
        while letters := self._mailbox.take(self._most()):
            self._busy_since_ns = monotonic_ns()
            try:
                self._handle(letters, self._failed)
            except Exception as error:
                self._failed(error)
            self._busy_since_ns = 0

    def _failed(self, error: Exception) -> None:
        if isinstance(error, MlIntegrationError):
            sentence, details = str(error), ''
        else:
            sentence = f'{type(error).__name__}: {error}'
            details = '\n' + ''.join(traceback.format_exception(error))
        self._monitor.failed(sentence, monotonic_ns())
        self._logger.error(
            f'frame dropped: {sentence}{details}', throttle_duration_sec=LOG_PERIOD_S
        )
