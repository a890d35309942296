"""Real processes for tests: started with a log file, ended by pid, never left behind."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import gettempdir

import ml_integration

WAIT_S = 30.0
DOMAINS = range(1, 101)  # the ports of higher ones collide with the system's own
_IMPORT_ROOT = Path(ml_integration.__file__).parents[1]


def wait_until(condition: Callable[[], object], what: str, timeout_s: float = WAIT_S) -> None:
    """Returns as soon as `condition()` is true; fails with `what` when it never is."""
    end = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f'waited {timeout_s:g} s in vain for {what}')
        time.sleep(0.02)


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


class Process:
    """A process under test and what it has written so far.

    Args:
        command: program and arguments; `-m module ...` runs this Python.
        log: where stdout and stderr go.
        environment: variables to add.
    """

    def __init__(
        self, command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        if command[0] == '-m':
            command = [sys.executable, *command]
        self._log = log
        paths = [str(_IMPORT_ROOT), *filter(None, [os.environ.get('PYTHONPATH')])]
        with log.open('wb') as output:
            self._process = subprocess.Popen(
                list(map(str, command)),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={
                    **os.environ,
                    'PYTHONPATH': os.pathsep.join(paths),
                    'PYTHONUNBUFFERED': '1',
                    'RCUTILS_COLORIZED_OUTPUT': '0',
                    **(environment or {}),
                },
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def log(self) -> str:
        return self._log.read_text(errors='replace')

    @property
    def returncode(self) -> int | None:
        """None while it runs."""
        return self._process.poll()

    def wait_for_log(self, text: str, timeout_s: float = WAIT_S) -> None:
        """Waits until `text` is in the log; fails at once when the process ends without it."""
        wait_until(
            lambda: text in self.log or self.returncode is not None,
            f'{text!r} in the log:\n{self.log}',
            timeout_s,
        )
        assert text in self.log, f'no {text!r} in the log of an ended process:\n{self.log}'

    def wait(self, timeout_s: float = WAIT_S) -> int:
        """Waits for the end and returns the exit code."""
        return self._process.wait(timeout_s)

    def send(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def stop(self, timeout_s: float = WAIT_S) -> int:
        """Ends it as Ctrl-C would and returns the exit code."""
        if self.returncode is None:
            self.send(signal.SIGINT)
        return self.wait(timeout_s)

    def end(self) -> None:
        """Ends it whatever it does, with everything it started; for the end of a test."""
        with suppress(subprocess.TimeoutExpired):
            self.stop(5.0)
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()
