"""Demos as programs: a ROS domain of their own, interrupts, exit codes."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ml_integration.demos.demo.view import View
from ml_integration.demos.own_domain import use_own_domain
from ml_integration.errors import MlIntegrationError

INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run_demo(name: str, out: Path, play: Callable[[View], None]) -> int:
    """Plays a demo in a ROS domain of its own.

    Args:
        name: of the program, for errors.
        out: folder for what the demo writes; it is made.
        play: the demo; it raises MlIntegrationError when something went wrong.

    Returns:
        The exit code: 1 when something went wrong, 130 when the demo was interrupted.
    """
    view = View(sys.stdout)
    _set(signal.default_int_handler)
    try:
        out.mkdir(parents=True, exist_ok=True)
        use_own_domain()
        play(view)
    except MlIntegrationError as error:
        view.rest()
        print(f'{name}: {error}', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        _set(signal.SIG_IGN)
        view.say('interrupted; nothing is left running')
        return 130
    finally:
        view.rest()
        _set(signal.SIG_IGN)
    return 0


@contextmanager
def undisturbed_end() -> Iterator[None]:
    """Ignores interrupts after the block: ending the children takes bounded time."""
    try:
        yield
    finally:
        _set(signal.SIG_IGN)


@contextmanager
def undivided() -> Iterator[None]:
    """Puts interrupts off to the end of the block, so that all that it starts can be ended."""
    came: list[int] = []
    _set(lambda number, frame: came.append(number))
    try:
        yield
    finally:
        _set(signal.default_int_handler)
    if came:
        raise KeyboardInterrupt


def _set(handler: Any) -> None:
    for number in INTERRUPTS:
        signal.signal(number, handler)
