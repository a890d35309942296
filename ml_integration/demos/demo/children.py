"""The demo's processes: started with a log file, watched, and ended by their own ids."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from ml_integration.errors import MlIntegrationError

# What to send, and how long to wait for the end then [s].
LAST_WORDS = ((signal.SIGINT, 5.0), (signal.SIGTERM, 2.0), (signal.SIGKILL, 2.0))
TAIL_LINES = 20


class Child:
    """One node as a process of its own.

    Args:
        node: the node's name.
        module: the Python module to run.
        arguments: what follows `--ros-args`.
        environment: all of its variables.
        log: where its output goes.
    """

    def __init__(
        self,
        node: str,
        module: str,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        log: Path,
    ) -> None:
        self.node = node
        self._log = log
        with log.open('wb') as output:
            self._process = subprocess.Popen(
                [sys.executable, '-m', module, '--ros-args', '-r', f'__node:={node}', *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(environment),
                # Ctrl-C in the terminal is for the demo, which ends its children in order.
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def check(self) -> None:
        """Raises MlIntegrationError with the end of the log when the process has ended."""
        code = self._process.poll()
        if code is not None:
            raise self._failure(f'the process has ended with exit code {code}')

    def with_log(self, error: MlIntegrationError) -> MlIntegrationError:
        """The same error about a node with the end of this node's log, unless it has a hint."""
        return error if error.hint else self._failure(error.what)

    def _failure(self, what: str) -> MlIntegrationError:
        lines = self._log.read_text(errors='replace').splitlines()[-TAIL_LINES:]
        tail = '\n  '.join(lines) or '(nothing)'
        return MlIntegrationError(
            what, where=f'/{self.node}', hint=f'The end of {self._log}:\n  {tail}'
        )

    def end(self) -> None:
        """Asks it to end, more and more firmly, and waits until it has."""
        for number, patience_s in LAST_WORDS:
            if self._process.poll() is not None:
                return
            self._process.send_signal(number)
            try:
                self._process.wait(patience_s)
            except subprocess.TimeoutExpired:
                continue
