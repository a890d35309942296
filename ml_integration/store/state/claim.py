"""Sees to it that what a node remembers belongs to one process at a time."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from ml_integration.store.state.durable import hold, make_folder

_FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Claim:
    """Lock on the memory of a node, until it is closed or the process ends, however it ends.

    A place that cannot be written or has no locks is nobody's: a single node has to work there.

    Args:
        path: the lock file, made if missing; it is never removed.

    Attributes:
        holder: who else holds it, in words; empty if nobody does.
    """

    def __init__(self, path: Path) -> None:
        self.holder = ''
        self._descriptor: int | None = None
        with suppress(OSError):
            make_folder(path.parent)
            self._descriptor = os.open(path, _FLAGS, 0o600)
            self._take()

    def close(self) -> None:
        """Lets others have it."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _take(self) -> None:
        assert self._descriptor is not None  # it was opened
        if hold(self._descriptor):
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, f'{os.getpid()}\n'.encode(), 0)
            return
        number = os.pread(self._descriptor, 32, 0).decode('ascii', 'replace').strip()
        self.holder = f'process {number}' if number.isdecimal() else 'another process'
