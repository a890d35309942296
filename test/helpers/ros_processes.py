"""Real processes for tests: started with a log file, ended by pid, never left behind."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import gettempdir

import ml_integration
from ml_integration.ros.client.child_process import ChildProcess
from ml_integration.ros.client.waiting import WAIT_S, wait_until

__all__ = ['WAIT_S', 'Process', 'own_domain', 'wait_until']
DOMAINS = range(1, 101)  # the ports of higher ones collide with the system's own
_IMPORT_ROOT = Path(ml_integration.__file__).parents[1]


@contextmanager
def own_domain() -> Iterator[int]:
    """A ROS domain that no other test process on this machine uses until the end of the block."""
    for offset in DOMAINS:
        domain = DOMAINS[(os.getpid() + offset) % len(DOMAINS)]
        lock = Path(gettempdir()) / f'ml_integration_{os.getuid()}_domain_{domain}.lock'
        with lock.open('w') as held:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                continue
            yield domain
            return
    raise AssertionError('every ROS domain is in use by some test')


class Process(ChildProcess):
    """A process under test; it finds the package that the tests have imported.

    Args:
        command: program and arguments; `-m module ...` runs this Python.
        log: where stdout and stderr go.
        environment: variables to add.
    """

    def __init__(
        self, command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        paths = [str(_IMPORT_ROOT), *filter(None, [os.environ.get('PYTHONPATH')])]
        added = {
            'PYTHONPATH': os.pathsep.join(paths),
            'PYTHONUNBUFFERED': '1',
            'RCUTILS_COLORIZED_OUTPUT': '0',
            **(environment or {}),
        }
        super().__init__(list(map(str, command)), log, {**os.environ, **added})
