"""A process that answers lines with lines, within bounded times; it never outlives its owner."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ml_integration.errors import MlIntegrationError

LAST_S = 1.0
"""Time that a process gets to end by itself [s]."""
TAIL_LINES = 3


class ChildError(MlIntegrationError):
    """Error: a process that measures has ended, hangs, or says that it cannot."""


class Child:
    """A process that is asked by lines.

    Args:
        command: module and arguments, which this Python runs.
        log: where its errors go.
    """

    def __init__(self, command: Sequence[str], log: Path) -> None:
        self._log = log
        self._rest = b''
        with log.open('wb') as errors:
            self._process = subprocess.Popen(
                [sys.executable, '-m', *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                # Ctrl-C in the terminal is for the owner, who ends its children.
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def ask(self, line: str, timeout_s: float) -> dict[str, Any]:
        """Sends a line and returns the answer.

        Raises:
            ChildError: there is none in time, the process has ended, or the answer is an error.
        """
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # the answer says why
            self._process.stdin.write(line.encode() + b'\n')
            self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._line(timeout_s))
        if 'refusal' in answer:
            raise ChildError(answer['refusal'])
        return answer

    def end(self) -> None:
        """Ends it with all that it has started."""
        if self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(LAST_S)
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _line(self, timeout_s: float) -> bytes:
        assert self._process.stdout is not None
        pipe, until_s = self._process.stdout.fileno(), time.monotonic() + timeout_s
        while b'\n' not in self._rest:
            ready, *_ = select.select([pipe], [], [], max(0.0, until_s - time.monotonic()))
            if not ready:
                raise ChildError(f'no answer within {timeout_s:.0f} s: it hangs')
            data = os.read(pipe, 65536)
            if not data:
                raise ChildError(self._end_in_words())
            self._rest += data
        line, _, self._rest = self._rest.partition(b'\n')
        return line

    def _end_in_words(self) -> str:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(LAST_S)
        code = self._process.returncode
        tail = ' / '.join(self._log.read_text(errors='replace').splitlines()[-TAIL_LINES:])
        if code is not None and code < 0:
            return f'the process was ended by {signal.Signals(-code).name}. {tail}'.strip()
        return f'the process has ended with exit code {code}. {tail}'.strip()
