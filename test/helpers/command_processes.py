"""Runs `ml_model` in processes of its own that can be starved or killed, many per second.

A server imports everything once and forks a child per command.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Outcome:
    """How a command ended: `status` is negative when a signal ended it."""

    status: int
    output: str

    @property
    def killed(self) -> bool:
        return self.status == -signal.SIGKILL


class CommandServer:
    """Starts commands; a context manager.

    Args:
        environment: of the commands, added to that of the tests.
        folder: for their outputs.
    """

    def __init__(self, environment: Mapping[str, str], folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self._folder = folder
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__))],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=_ROOT,
            # A thread of a mathematical library does not survive a fork.
            env={**os.environ, 'PYTHONPATH': str(_ROOT), 'OPENBLAS_NUM_THREADS': '1',
                 **environment},
        )  # fmt: skip
        self._ask()  # everything is imported

    def __enter__(self) -> CommandServer:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def start(self, *arguments: object, largest_file: int = -1) -> int:
        """Starts a command and returns its process id.

        Args:
            arguments: of ml_model.
            largest_file: no file may grow beyond this size [bytes], as on a full disk.
        """
        return self._ask('start', [str(argument) for argument in arguments], largest_file)

    def wait(self, process: int) -> Outcome:
        """Waits for the end of a command."""
        status = os.waitstatus_to_exitcode(self._ask('wait', process))
        return Outcome(status, (self._folder / str(process)).read_text())

    def run(self, *arguments: object, largest_file: int = -1) -> Outcome:
        return self.wait(self.start(*arguments, largest_file=largest_file))

    def _ask(self, *question: object) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        if question:
            self._process.stdin.write(json.dumps([*question, str(self._folder)]) + '\n')
            self._process.stdin.flush()
        return int(self._process.stdout.readline())


def _serve() -> None:
    from ml_integration.backends import onnx_runtime  # noqa: F401 - to have it imported
    from ml_integration.cli import main
    from ml_integration.core import plugins

    main.verbs()
    for kind, name in (('tasks', 'object_detection'), ('sensors', 'image')):
        plugins.load(kind, name)
    print(0, flush=True)
    for line in sys.stdin:
        verb, *rest, folder = json.loads(line)
        if verb == 'wait':
            print(os.waitpid(rest[0], 0)[1], flush=True)
            continue
        output = os.open(Path(folder) / 'output', os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
        process = os.fork()
        if not process:
            _child(rest[0], rest[1], output, main.main)
        os.close(output)
        (Path(folder) / 'output').rename(Path(folder) / str(process))
        print(process, flush=True)


def _child(arguments: Sequence[str], largest_file: int, output: int, main: object) -> None:
    import resource

    status = 70
    try:
        os.dup2(output, 1)
        os.dup2(output, 2)
        if largest_file >= 0:
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))
        status = main(arguments)  # type: ignore[operator]
        sys.stdout.flush()
    finally:
        os._exit(status)


if __name__ == '__main__':
    _serve()
