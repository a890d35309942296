"""Demos as programs: a ROS domain of their own, interrupts, exit codes."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

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
    for number in INTERRUPTS:
        signal.signal(number, signal.default_int_handler)
    try:
        out.mkdir(parents=True, exist_ok=True)
        use_own_domain()
        play(view)
    except MlIntegrationError as error:
        print(f'{name}: {error}', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        _ignore_interrupts()
        view.say('interrupted; nothing is left running')
        return 130
    finally:
        _ignore_interrupts()
    return 0


@contextmanager
def undisturbed_end() -> Iterator[None]:
    """Ignores interrupts after the block: ending the children takes bounded time."""
    try:
        yield
    finally:
        _ignore_interrupts()


def _ignore_interrupts() -> None:
    """Keeps what ends the program from being interrupted; it takes bounded time."""
    for number in INTERRUPTS:
        signal.signal(number, signal.SIG_IGN)
