"""Runs a node for long and watches what it holds: memory, threads and file descriptors.

`python -m benchmarks.long_run --minutes 10`: a VGA camera at 60 Hz. The verdict is about the time
after the warm-up: memory may grow by 2 %, by its straight line; the rest has to stay what it was.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmarks.side_by_side.frame_source import GO_ON, SILENCE, Sent, Stream
from benchmarks.side_by_side.models import LIGHT, make_models, make_pictures
from benchmarks.side_by_side.observer import Arrival, Observer, wait
from benchmarks.side_by_side.place import Cameras, Place
from benchmarks.side_by_side.process_usage import Usage, usage
from ml_integration.demos.own_domain import use_own_domain
from ml_integration.ros.client.child_process import ChildProcess

NODE = 'long_run'
RATE_HZ = 60.0
WARM_UP = 0.1
"""This share of the time is not judged."""
SAMPLES = 120
MAX_GROWTH = 0.02


@dataclass(frozen=True, slots=True)
class Sample:
    """Resources that the node held some time after the first result [s]."""

    at_s: float
    usage: Usage


@dataclass(frozen=True, slots=True)
class Verdict:
    """Verdict about the node after its warm-up.

    Attributes:
        minutes: how long it was watched.
        sent: frames that were sent.
        results: those of which a result came.
        p50_ms: from stamp to result, of all results [ms].
        p99_ms: the same.
        rss_mb: resident memory at the end [MB].
        rss_mb_per_hour: slope of the straight line through it.
        growth: what that line gains from its begin to its end, as a share of it.
        threads: fewest and most.
        descriptors: fewest and most open files.
        problems: what is not flat; empty when all is well.
    """

    minutes: float
    sent: int
    results: int
    p50_ms: float
    p99_ms: float
    rss_mb: float
    rss_mb_per_hour: float
    growth: float
    threads: tuple[int, int]
    descriptors: tuple[int, int]
    problems: tuple[str, ...]


def judge(samples: Sequence[Sample], arrivals: Sequence[Arrival], sent: int) -> Verdict:
    """Looks at everything after the warm-up; there have to be at least two samples of it."""
    judged = samples[int(len(samples) * WARM_UP) :]
    at_s = np.array([sample.at_s for sample in judged])
    rss_mb = np.array([sample.usage.rss_mb for sample in judged])
    slope, begin_mb = np.polyfit(at_s - at_s[0], rss_mb, 1).tolist()
    growth = slope * (at_s[-1] - at_s[0]) / begin_mb
    threads = _span([sample.usage.threads for sample in judged])
    descriptors = _span([sample.usage.descriptors for sample in judged])
    problems = [f'{name} went from {low} to {high}' for name, (low, high) in
                (('threads', threads), ('descriptors', descriptors)) if low != high]  # fmt: skip
    if growth > MAX_GROWTH:
        problems.append(f'memory grows: {growth:.1%} in {(at_s[-1] - at_s[0]) / 60:.1f} min')
    p50, p99 = np.percentile([arrival.age_ms for arrival in arrivals], (50, 99)).tolist()
    return Verdict(
        minutes=float(samples[-1].at_s - samples[0].at_s) / 60,
        sent=sent,
        results=len({arrival.number for arrival in arrivals}),
        p50_ms=p50,
        p99_ms=p99,
        rss_mb=float(rss_mb[-1]),
        rss_mb_per_hour=slope * 3600,
        growth=float(growth),
        threads=threads,
        descriptors=descriptors,
        problems=tuple(problems),
    )


def _span(values: Sequence[int]) -> tuple[int, int]:
    return min(values), max(values)


def watch(place: Place, picture: Path, minutes: float) -> tuple[list[Sample], Verdict]:
    """Runs node and camera and returns what was seen."""
    topic, camera = f'/{NODE}/image', place.cameras.profile
    with ExitStack() as resources:
        state = place.out / 'state' / NODE
        shutil.rmtree(state, ignore_errors=True)
        node = place.ours(NODE, LIGHT.reference, state, '-r', f'image:={topic}')
        resources.callback(node.end)
        arrivals = resources.enter_context(place.observer.results(f'/{NODE}/detections'))
        camera.ask(Stream([topic], str(picture), RATE_HZ), Sent)
        resources.callback(camera.ask, SILENCE, Sent)
        wait(lambda: arrivals, 'the first result')
        samples = _sampled(node, minutes * 60)
        sent = camera.ask(GO_ON, Sent).frames - arrivals[0].number
        return samples, judge(samples, list(arrivals), sent)


def _sampled(node: ChildProcess, seconds: float) -> list[Sample]:
    begin, samples = time.monotonic(), list[Sample]()
    while len(samples) <= SAMPLES:
        due_s = len(samples) * seconds / SAMPLES
        time.sleep(max(0.0, begin + due_s - time.monotonic()))
        node.check()
        samples.append(Sample(time.monotonic() - begin, usage(node.pid)))
    return samples


def main() -> int:
    """Entry point; returns 1 when something is not flat."""
    # So that the processes started here are ended.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    parser = argparse.ArgumentParser(prog='long_run', description=__doc__)
    parser.add_argument('--minutes', type=float, default=10.0)
    parser.add_argument('--out', type=Path, default=Path('out'))
    options = parser.parse_args()
    folder = options.out / 'bench'
    use_own_domain()
    picture = make_pictures(folder / 'pictures')['VGA']
    make_models(folder / 'models')
    with ExitStack() as resources:
        place = Place(folder, Observer(resources), Cameras(folder, resources))
        samples, verdict = watch(place, picture, options.minutes)
    document = {**asdict(verdict), 'samples': [asdict(sample) for sample in samples]}
    (options.out / 'long_run.json').write_text(json.dumps(document, indent=1) + '\n')
    for name, value in asdict(verdict).items():
        print(f'{name:16} {value}')
    print('not flat' if verdict.problems else 'flat')
    return int(bool(verdict.problems))


if __name__ == '__main__':
    sys.exit(main())
