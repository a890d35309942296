"""A process that answers lines: a request as JSON on its input, the answer on its output.

It ends when its input does, so also when the benchmark is killed.
"""

from __future__ import annotations

import json
import selectors
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from ml_integration.ros.client.child_process import ChildProcess

Answer = TypeVar('Answer')
PATIENCE_S = 30.0


class LineProcess:
    """The asking side.

    Args:
        module: the Python module to run; it calls `serve`.
        arguments: its command line.
        environment: all of its variables.
        log: where its error output goes.
    """

    def __init__(
        self, module: str, arguments: Sequence[str], environment: Mapping[str, str], log: Path
    ) -> None:
        self._process = ChildProcess(
            ['-m', module, *arguments], log, environment, name=module, asked=True
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def ask(self, request: Any, answer: type[Answer], patience_s: float = PATIENCE_S) -> Answer:
        """Sends a dataclass and returns the answering one.

        Raises:
            TimeoutError: there was no answer in time, or the process has ended.
        """
        assert self._process.stdin is not None and self._process.stdout is not None
        with suppress(BrokenPipeError):  # it has ended, which the next line finds out
            print(json.dumps(asdict(request)), file=self._process.stdin, flush=True)
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            line = self._process.stdout.readline() if selector.select(patience_s) else ''
        if not line:
            raise TimeoutError(f'{self._process.name} (pid {self.pid}) did not answer {request}')
        return answer(**json.loads(line))

    def end(self) -> None:
        """Closes its input and waits for the end; kills it when that takes too long."""
        self._process.end()


def serve(request: type[Any], answer: Callable[[Any], Any]) -> None:
    """The answering side: until the input ends."""
    for line in sys.stdin:
        print(json.dumps(asdict(answer(request(**json.loads(line))))), flush=True)
