"""Child processes: started with a log file, watched, and ended with all that they started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from ml_integration.errors import MlIntegrationError
from ml_integration.ros.client.waiting import WAIT_S, wait_until

# What to send, and how long to wait for the end then [s].
LAST_WORDS = ((signal.SIGINT, 5.0), (signal.SIGTERM, 2.0))
TAIL_LINES = 20


class ChildProcess:
    """A process and what it has written so far.

    Args:
        command: program and arguments; `-m module ...` runs this Python.
        log: where its output goes; only its errors, when it is asked by lines.
        environment: all of its variables; None: those of this process.
        name: what it is called in errors.
        asked: its input and output are pipes, `stdin` and `stdout`; otherwise it has no input.
        apart: it is in a group of its own, so that Ctrl-C in the terminal is for the parent, which
            ends its children in order; otherwise who ends the parent's group ends it too.
    """

    def __init__(
        self,
        command: Sequence[str],
        log: Path,
        environment: Mapping[str, str] | None = None,
        *,
        name: str = '',
        asked: bool = False,
        apart: bool = True,
    ) -> None:
        self.name = name or ' '.join(command[:2])
        self._log = log
        with log.open('wb') as output:
            self._process = subprocess.Popen(
                [sys.executable, *command] if command[0] == '-m' else list(command),
                stdin=subprocess.PIPE if asked else subprocess.DEVNULL,
                stdout=subprocess.PIPE if asked else output,
                stderr=output if asked else subprocess.STDOUT,
                text=True,
                env=None if environment is None else dict(environment),
                start_new_session=apart,
            )
        self.stdin, self.stdout = self._process.stdin, self._process.stdout

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def log(self) -> str:
        return self._log.read_text(errors='replace')

    @property
    def returncode(self) -> int | None:
        """Exit code; None while the process runs, negative if a signal ended it."""
        return self._process.poll()

    def check(self) -> None:
        """Raises MlIntegrationError with the end of the log when the process has ended."""
        if self.returncode is not None:
            raise self._failure(f'the process has ended with exit code {self.returncode}')

    def with_log(self, error: MlIntegrationError) -> MlIntegrationError:
        """Adds the end of the log to an error about this process, unless it has a hint."""
        return error if error.hint else self._failure(error.what)

    def wait_for_log(self, text: str, timeout_s: float = WAIT_S) -> None:
        """Waits until `text` is in the log.

        Raises:
            MlIntegrationError: it never was, or the process ended without it.
        """
        wait_until(lambda: text in self.log or self.returncode is not None,
                   f'{text!r} in the log:\n{self.log}', timeout_s)  # fmt: skip
        if text not in self.log:
            raise self._failure(f'ended without {text!r} in its log')

    def wait(self, timeout_s: float = WAIT_S) -> int:
        """Waits for the end and returns the exit code."""
        return self._process.wait(timeout_s)

    def send(self, number: signal.Signals) -> None:
        """Sends a signal."""
        os.kill(self.pid, number)

    def stop(self, timeout_s: float = WAIT_S) -> int:
        """Ends it as Ctrl-C would and returns the exit code."""
        if self.returncode is None:
            self.send(signal.SIGINT)
        return self.wait(timeout_s)

    def end(self) -> None:
        """Asks it to end, more and more firmly, and kills what is left of all it started."""
        if self.stdin is not None:
            with suppress(BrokenPipeError):
                self.stdin.close()
            with suppress(subprocess.TimeoutExpired):  # who is asked by lines ends with them
                self.wait(LAST_WORDS[0][1])
        for number, patience_s in LAST_WORDS:
            if self.returncode is None:
                self.send(number)
                with suppress(subprocess.TimeoutExpired):
                    self.wait(patience_s)
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()
        if self.stdout is not None:
            self.stdout.close()

    def _failure(self, what: str) -> MlIntegrationError:
        tail = '\n  '.join(self.log.splitlines()[-TAIL_LINES:]) or '(nothing)'
        hint = f'The end of {self._log}:\n  {tail}'
        return MlIntegrationError(what, where=self.name, hint=hint)


def start_node(
    node: str, module: str, arguments: Sequence[str], log: Path,
    environment: Mapping[str, str] | None = None, *, apart: bool = True,
) -> ChildProcess:  # fmt: skip
    """Starts a node in a process of its own.

    Args:
        node: the node's name, which the process is called in errors too.
        module: the Python module to run.
        arguments: what follows `--ros-args`.
        log: where its output goes.
        environment: all of its variables; None: those of this process.
        apart: as of `ChildProcess`.
    """
    command = ['-m', module, '--ros-args', '-r', f'__node:={node}', *arguments]
    return ChildProcess(command, log, environment, name=f'/{node}', apart=apart)


def parameters(values: Mapping[str, object]) -> list[str]:
    """Returns parameters as a command line has them after `--ros-args`."""
    return [part for name, value in values.items() for part in ('-p', f'{name}:={value}')]
