"""Progress bar for a terminal."""

from __future__ import annotations

import sys
from typing import TextIO

from ml_integration.errors import escaped

_WIDTH = 30


class ProgressBar:
    """Draws on stderr while it is a terminal, and leaves nothing behind.

    Args:
        title: what is being worked on.
        stream: where to draw; stderr if not given.
    """

    def __init__(self, title: str, stream: TextIO | None = None) -> None:
        self._title = escaped(title)
        self._stream = stream or sys.stderr
        self._last = ''

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(self, *_: object) -> None:
        self._draw('')

    def show(self, done: int, total: int) -> None:
        """Draws how much is done.

        Args:
            done: bytes.
            total: bytes; 0 when that is not known.
        """
        text = f'{done / 1e6:.1f} MB'
        if total:
            filled = _WIDTH * min(done, total) // total
            text = f'[{"#" * filled:{_WIDTH}}] {100 * done // total:3} %  {text}'
        self._draw(f'{self._title}  {text}')

    def _draw(self, text: str) -> None:
        if text != self._last and self._stream.isatty():
            self._stream.write(
                f'\r{text:{len(self._last)}}' if text else f'\r{" " * len(self._last)}\r'
            )
            self._stream.flush()
            self._last = text
