"""Waiting for something to become true, for a bounded time."""

from __future__ import annotations

import time
from collections.abc import Callable

from ml_integration.errors import MlIntegrationError

WAIT_S = 30.0
CHECK_S = 0.02


def nothing() -> None:
    """Checks nothing."""


def wait_until(
    condition: Callable[[], object],
    what: str,
    timeout_s: float = WAIT_S,
    check: Callable[[], object] = nothing,
    every_s: float = CHECK_S,
) -> None:
    """Returns as soon as `condition()` is true.

    Args:
        condition: is asked again and again.
        what: is waited for, in words.
        timeout_s: how long to wait [s].
        check: is called in between; what it raises ends the wait.
        every_s: pause between two looks [s].

    Raises:
        MlIntegrationError: it never became true.
    """
    end = time.monotonic() + timeout_s
    while not condition():
        check()
        if time.monotonic() > end:
            raise MlIntegrationError(f'waited {timeout_s:g} s in vain for {what}')
        time.sleep(every_s)
