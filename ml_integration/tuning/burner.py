"""Keeps CPUs busy to a share that is kept to, as other programs of a robot do.

Work and pauses take turns every few milliseconds; how long each works follows from the CPU time
that it has really had, so that the share holds on any machine that has that much to give.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np

from ml_integration.tuning.child import Child

BURNER = 'ml_integration.tuning.burner'
PERIOD_S = 0.01
ANSWER_S = 10.0
MOST_OWED_S = 0.1
"""Most CPU time that is caught up with later, after others had the CPU [s]."""


class Load:
    """Processes that take CPU time."""

    def __init__(self, children: list[Child]) -> None:
        self._children = children

    def measured_percent(self) -> float:
        """Returns what they have taken since the last call [%, 100 is one CPU]."""
        return sum(float(child.ask('?', ANSWER_S)['percent']) for child in self._children)


@contextmanager
def background_load(percent: float) -> Iterator[Load]:
    """Takes CPU time in the block.

    Args:
        percent: how much, 100 is one CPU; several processes share more than that.
    """
    count = -(-percent // 100)
    with ExitStack() as resources:
        logs = Path(resources.enter_context(tempfile.TemporaryDirectory()))
        children = []
        for number in range(int(count)):
            children.append(Child([BURNER, str(percent / count)], logs / f'{number}.log'))
            resources.callback(children[-1].end)
        load = Load(children)
        load.measured_percent()  # returns when all have begun
        yield load


def _burn(share: float, questions: queue.SimpleQueue[str]) -> None:
    """Works a share of the time, and answers how large it was since the last question."""
    data = np.ones((64, 64))
    since_s, had_s = time.monotonic(), time.process_time()
    owed_from_s, paid_s = since_s, had_s
    while True:
        due_s = paid_s + share * (time.monotonic() - owed_from_s)
        if due_s - time.process_time() > MOST_OWED_S:
            owed_from_s, paid_s = time.monotonic(), time.process_time()
        until_s = time.monotonic() + PERIOD_S
        while time.process_time() < due_s and time.monotonic() < until_s:
            data = np.cos(data @ data)
        time.sleep(max(0.0, until_s - time.monotonic()))
        if not questions.empty():
            questions.get()
            now_s, has_s = time.monotonic(), time.process_time()
            percent = 100.0 * (has_s - had_s) / max(1e-9, now_s - since_s)
            since_s, had_s = now_s, has_s
            print(json.dumps({'percent': percent}), flush=True)


def _read(questions: queue.SimpleQueue[str]) -> None:
    for line in sys.stdin:
        questions.put(line)
    os._exit(0)


if __name__ == '__main__':
    asked: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(asked,), daemon=True).start()
    _burn(float(sys.argv[1]) / 100.0, asked)
