"""Time from the start of a process to its first result."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from benchmarks.side_by_side.cells import Plan, say
from benchmarks.side_by_side.frame_source import SILENCE, Sent, Stream
from benchmarks.side_by_side.models import HEAVY
from benchmarks.side_by_side.observer import wait
from benchmarks.side_by_side.place import Place
from benchmarks.side_by_side.report import Series
from ml_integration.ros.client.child_process import ChildProcess

RATE_HZ = 30.0
REPEATS = 3
IMAGE = ('-r', 'image:=/start_up/image')
KINDS = ('naive', 'ours, first start', 'ours, again')


def compare_starts(place: Place, picture: Path, plan: Plan) -> list[Series]:
    """Seconds to the first result: naive, ours with a new state folder, and with the same again.

    What the node keeps in its state folder is at hand the second time, such as an optimized
    model.
    """
    state = place.out / 'state/start_up'
    taken: dict[str, list[float]] = {kind: [] for kind in KINDS}

    def ours() -> ChildProcess:
        return place.ours('start_up', HEAVY.reference, state, *IMAGE, deadline_ms=0.0)

    with ExitStack() as resources:
        camera = place.cameras.profile
        camera.ask(Stream(['/start_up/image'], str(picture), RATE_HZ), Sent)
        resources.callback(camera.ask, SILENCE, Sent)
        for repeat in range(min(REPEATS, plan.repeats)):
            say(f'start-up: {repeat + 1}')
            shutil.rmtree(state, ignore_errors=True)
            taken[KINDS[0]].append(
                _first_result_s(place, lambda: place.naive('start_up', HEAVY, os.environ, *IMAGE))
            )
            for kind in KINDS[1:]:
                taken[kind].append(_first_result_s(place, ours))
    say('')
    return [Series(f'start to first result, {kind}', 's', tuple(v)) for kind, v in taken.items()]


def _first_result_s(place: Place, start: Callable[[], ChildProcess]) -> float:
    with place.observer.results('/start_up/detections') as arrivals:
        begin_ns = time.time_ns()
        child = start()
        try:
            wait(lambda: arrivals, 'the first result')
        finally:
            child.end()
        return (arrivals[0].arrival_ns - begin_ns) / 1e9
