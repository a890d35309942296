"""Keys of a terminal, one by one, while something else goes on."""

from __future__ import annotations

import os
import re
import select
import sys
import termios
import time
import tty
from collections.abc import Iterator
from contextlib import contextmanager

KEY = re.compile(rb'\x1b[\[O][0-9;]*.|.', re.DOTALL)
"""A letter, or what a terminal sends for another key."""
NAMES = {b'\x1b[A': 'up', b'\x1b[B': 'down', b'\x1bOA': 'up', b'\x1bOB': 'down'}


class Keyboard:
    """Keys that were pressed and are still to be asked for; none where there is no terminal.

    Args:
        number: descriptor of the terminal; None if there is none.
    """

    def __init__(self, number: int | None) -> None:
        self._number = number
        self._pending = b''

    def pressed(self, timeout_s: float) -> str:
        """Waits for a key; returns its letter, 'up' or 'down', or an empty string after a while.

        Args:
            timeout_s: how long to wait [s].

        Raises:
            EOFError: the terminal is gone.
        """
        if self._number is None:
            time.sleep(timeout_s)
            return ''
        if not self._pending:
            self._pending = self._read(self._number, timeout_s)
        key = KEY.match(self._pending)
        if key is None:
            return ''
        self._pending = self._pending[key.end() :]
        return NAMES.get(key[0]) or key[0].decode('ascii', 'replace')

    @staticmethod
    def _read(number: int, timeout_s: float) -> bytes:
        waiting = select.poll()
        waiting.register(number, select.POLLIN)
        events = [event for _, event in waiting.poll(1e3 * timeout_s)]
        if any(event & ~select.POLLIN for event in events):
            raise EOFError
        return os.read(number, 1024) if events else b''


@contextmanager
def keyboard() -> Iterator[Keyboard]:
    """Lets keys through without Enter until the end of the block."""
    if sys.stdin is None or not sys.stdin.isatty():
        yield Keyboard(None)
        return
    number = sys.stdin.fileno()
    before = termios.tcgetattr(number)
    tty.setcbreak(number)
    # Ctrl-C takes away what was typed before it, also after it was said to be there.
    attributes = termios.tcgetattr(number)
    attributes[6][termios.VMIN] = attributes[6][termios.VTIME] = 0
    termios.tcsetattr(number, termios.TCSANOW, attributes)
    try:
        yield Keyboard(number)
    finally:
        termios.tcsetattr(number, termios.TCSADRAIN, before)
