"""Lines for the person who sets up, and the log of everything else."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

TAIL_LINES = 25


class StepError(Exception):
    """A command of a step failed.

    Args:
        program: What was run.
        status: Its exit status.
        output: What it printed.
    """

    def __init__(self, program: str, status: int, output: str) -> None:
        super().__init__(f'{program} ended with status {status}')
        self.tail = '\n'.join(output.splitlines()[-TAIL_LINES:])


class Journal:
    """Prints one line per step and collects the commands' output in a file.

    Args:
        log: File that receives the output; begun anew.
        steps: How many steps will be announced at most.
    """

    def __init__(self, log: Path, steps: int) -> None:
        self._log = log
        self._steps = steps
        self._number = 0
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text('')

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Announces a step and, when the block ends, says how long it took."""
        self._number += 1
        print(f'[{self._number}/{self._steps}] {title} ... ', end='', flush=True)
        start = time.monotonic()
        try:
            yield
        except BaseException:
            print('failed', flush=True)
            raise
        print(f'{time.monotonic() - start:.0f} s', flush=True)

    def skip(self) -> None:
        """Counts a step that is up to date, so that numbers stay the same on every run."""
        self._number += 1

    def run(
        self, command: Sequence[str | Path], environment: Mapping[str, str], show: bool = False
    ) -> None:
        """Runs a command with its output in the log.

        Args:
            command: Program and arguments.
            environment: The whole environment of the command.
            show: Let the output through to the terminal: the command reports its own progress.

        Raises:
            StepError: The exit status was not zero.
        """
        words = [os.fspath(word) for word in command]
        wanted = None if show else subprocess.PIPE
        done = subprocess.run(
            words,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=wanted,
            stderr=subprocess.STDOUT if wanted else None,
            text=True,
            errors='replace',
        )
        output = done.stdout or ''
        # In one piece, since steps may run commands side by side.
        with self._log.open('a') as log:
            log.write(f'$ {shlex.join(words)}\n{output}')
        if done.returncode != 0:
            raise StepError(Path(words[0]).name, done.returncode, output)

    def explain(self, failure: StepError) -> None:
        """Prints the end of the failed command's output, what failed and where the log is."""
        print(failure.tail, file=sys.stderr)
        print(f'Set-up stopped: {failure}; the whole log: {self._log}', file=sys.stderr)
