"""Runs a model for `Crew`: reads a trial and then requests for blocks, and answers each.

Streams, mailbox and frame loop are those of a node, with a thread of their own as there.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Protocol, TextIO

from ml_integration.core.arrivals import CLOCK, Observation
from ml_integration.core.batching import BatchSettings
from ml_integration.core.cpus import process_cpus
from ml_integration.core.datatypes import Prediction
from ml_integration.core.monitor import Monitor
from ml_integration.core.pipeline import Pipeline
from ml_integration.core.process_memory import resident_mb
from ml_integration.deploy.calibration import Calibration
from ml_integration.deploy.loading import Loader
from ml_integration.deploy.router import Router
from ml_integration.errors import MlIntegrationError, RecordingError
from ml_integration.recordings import HasTopics, Recorded, open_recording
from ml_integration.serving.frame_loop import FrameLoop
from ml_integration.serving.loop_settings import LoopSettings
from ml_integration.serving.playback import WHOLE_S, Ticks, read_recorded
from ml_integration.serving.streams import Stream
from ml_integration.store.package.package import ModelPackage, read_package
from ml_integration.store.state.measurements import Measurements
from ml_integration.store.trust.policy import load_trust
from ml_integration.tuning.trial import Block, Material, Opened, Trial

LAST_S = 5.0
"""Longest wait for the results of the last frames of a block [s]."""
QUIET_SHARE, QUIET_S, LOOK_S = 0.1, 0.5, 0.02
"""CPU below which threads have stopped to wait busily; time that they get for it [s]."""
SECOND_NS = 1_000_000_000

Step = Sequence[tuple[str, Recorded]]
"""Messages up to one that starts a run, with the topic in the manifest of each."""


class Measures(Protocol):
    """Measures blocks of frames.

    Attributes:
        opened: what the model came to.
    """

    opened: Opened

    def block(self, first: int, count: int, before_mb: float) -> Block: ...


class Measuring:
    """A model that is open and runs blocks of frames.

    Args:
        trial: what to run, and how.
    """

    def __init__(self, trial: Trial) -> None:
        package = package_of(trial)
        began_s = time.perf_counter()
        loader = _loader(trial)
        pipeline = loader.load(package)
        load_s = time.perf_counter() - began_s
        self._pipeline = _on_first_cpu(pipeline, loader, package)
        self._steps = tuple(steps_of(trial.material, self._pipeline))
        self._period_s = 1.0 / trial.material.rate_hz
        self._results = _Results()
        names = [f'camera{i}' for i in range(trial.cameras)] if trial.cameras > 1 else ['']
        topic = self._pipeline.wiring.trigger_topic
        self._streams = [Stream(name, topic, self._results) for name in names]
        keys = [key for name in names for key in self._pipeline.wiring.input_keys(name)]
        self._monitor = Monitor(time.monotonic_ns(), keys, WHOLE_S)
        router = Router()
        router.swap(self._pipeline)
        settings = LoopSettings(batch_timeout_ms=BatchSettings().timeout_ms)
        self._loop = FrameLoop(
            router, self._streams, self._monitor, time.monotonic_ns, _log, settings
        )
        self._loop.start()
        self._origin_ns = 0
        self._frames_mb = _megabytes(self._steps)
        session = self._pipeline.session
        self.opened = Opened(
            getattr(session, 'threads', 0),
            getattr(session, 'spinning', ''),
            session.device,
            session.fallback,
            load_s,
        )

    def block(self, first: int, count: int, before_mb: float) -> Block:
        """Runs frames at their pace.

        Args:
            first: number of the first step; all that are there are gone through again and again.
            count: number of steps; the first is only for warming up.
            before_mb: memory of the process before it did anything [MB].
        """
        failed = self._monitor.stats(time.monotonic_ns()).total.failed
        self._results.begin()
        began_cpu_s, began_s = time.process_time(), time.monotonic()
        for number in range(count):
            time.sleep(max(0.0, began_s + number * self._period_s - time.monotonic()))
            self._bring_in(self._steps[(first + number) % len(self._steps)])
        time.sleep(max(0.0, began_s + count * self._period_s - time.monotonic()))
        until_s = time.monotonic() + LAST_S
        while self._loop.has_work() and time.monotonic() < until_s:
            time.sleep(0.001)
        cpu_s = time.process_time() - began_cpu_s
        total = self._monitor.stats(time.monotonic_ns())
        frames = count * len(self._streams)
        spent = self._results.spent_ms
        block = Block(
            tuple(spent[len(self._streams) :]),
            1e3 * cpu_s / frames,
            max(0.0, resident_mb() - before_mb - self._frames_mb),
            frames - len(spent),
            total.last_error if total.total.failed > failed else '',
        )
        _fall_silent()
        return block

    def close(self) -> None:
        self._loop.stop()
        self._pipeline.close()

    def _bring_in(self, step: Step) -> None:
        last_ns = step[-1][1].stamp_ns
        # Time never goes back, so that nothing that the model remembers is dropped.
        self._origin_ns += round(self._period_s * SECOND_NS)
        for topic, recorded in step:
            stamp_ns = self._origin_ns + recorded.stamp_ns - last_ns
            for stream in self._streams:
                self._loop.receive(stream, topic, recorded, stamp_ns)


class _Results:
    """Takes the time of each result when it would be published."""

    name = 'results'

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        self.spent_ms: list[float] = []

    def take(self, observation: Observation, prediction: Prediction, pipeline: Pipeline) -> None:
        spent_ns = time.monotonic_ns() - observation.trigger.arrived_ns
        self.spent_ms.append(spent_ns / 1e6)


def steps_of(material: Material, pipeline: Pipeline) -> Iterator[Step]:
    """Yields the messages for each run of a model, as many as there are and were asked for.

    Raises:
        RecordingError: there is none.
    """
    trigger = pipeline.wiring.trigger_topic
    waiting: list[tuple[str, Recorded]] = []
    found = 0
    for topic, recorded in messages_of(material, pipeline.wiring.trigger.rate_hz):
        waiting.append((topic, recorded))
        if topic == trigger:
            yield tuple(waiting)
            waiting, found = [], found + 1
            if found >= material.steps:
                return
    if not found:
        what = f"it has no message that starts a run: none on '{trigger}'"
        raise RecordingError(what, where=material.path)


def messages_of(material: Material, clock_hz: float) -> Iterator[tuple[str, Recorded]]:
    """Yields messages with the topic in the manifest that each is for; unreadable ones are not.

    Args:
        material: where they are.
        clock_hz: rate of the clock that starts the runs [Hz]; 0 if messages do.
    """
    recording = open_recording(Path(material.path))
    if isinstance(recording, HasTopics):
        recording = recording.only(material.routes)
    ticks, messages = Ticks(clock_hz), iter(recording)
    while True:
        try:
            recorded = next(messages, None)
        except RecordingError:
            continue
        if recorded is None:
            return
        yield from ((CLOCK, tick) for tick in ticks.until(recorded.recorded_ns))
        for topic in material.routes.get(recorded.topic, ()):
            yield topic, recorded


def _loader(trial: Trial) -> Loader:
    return Loader(
        execution=trial.execution,
        batch=BatchSettings(max_size=trial.batch),
        streams=trial.cameras,
        reader_for=read_recorded,
        calibration=Calibration(Measurements(), _log),
    )


def _on_first_cpu(pipeline: Pipeline, loader: Loader, package: ModelPackage) -> Pipeline:
    """Returns the model with its frame loop on the first CPU, if it keeps to one at all.

    Sessions take turns with the CPUs. Where others keep one of them busy, that alone would make
    a large difference between two processes that do the same.
    """
    for _ in process_cpus():
        cpus = pipeline.session.cpus
        if not cpus or min(process_cpus()) in cpus:
            break
        pipeline.close()
        pipeline = loader.load(package, fresh=True)
    return pipeline


def package_of(trial: Trial) -> ModelPackage:
    """Reads the model of a trial."""
    key = Path(trial.model_key) if trial.model_key else None
    return read_package(Path(trial.package), load_trust('digest', None, key))


def _megabytes(steps: Sequence[Step]) -> float:
    """Returns about how much memory the messages take [MB]."""
    messages = (recorded.message for step in steps for _, recorded in step)
    return sum(len(getattr(one, 'data', b'')) for one in messages) / 1e6


def _fall_silent() -> None:
    """Waits until no thread of this process waits busily any more, for a bounded time."""
    until_s = time.monotonic() + QUIET_S
    while time.monotonic() < until_s:
        before_s = time.process_time()
        time.sleep(LOOK_S)
        if time.process_time() - before_s < QUIET_SHARE * LOOK_S:
            return


def _log(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def _read_requests(requests: queue.SimpleQueue[str]) -> None:
    for line in sys.stdin:
        requests.put(line)
    # Who asks is gone, and the engine may never come back.
    with suppress(ProcessLookupError):
        os.killpg(os.getpid(), signal.SIGKILL)  # with what this process has started
    os._exit(0)


def _answers() -> TextIO:
    """Keeps stdout for answers; what libraries print goes to stderr."""
    private = os.dup(1)
    os.dup2(2, 1)
    return os.fdopen(private, 'w', encoding='utf-8', buffering=1)


def answer_requests(measure: Callable[[Trial], Measures]) -> int:
    """Answers the requests on stdin until it is closed.

    Args:
        measure: opens what measures a trial.
    """
    answers = _answers()
    requests: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_read_requests, args=(requests,), daemon=True).start()
    trial = Trial.read(requests.get())
    before_mb = resident_mb()
    try:
        measuring = measure(trial)
    except MlIntegrationError as error:
        print(json.dumps({'refusal': str(error)}), file=answers)
        return 1
    print(json.dumps(asdict(measuring.opened)), file=answers)
    while True:
        first, count = json.loads(requests.get())
        print(json.dumps(asdict(measuring.block(first, count, before_mb))), file=answers)


if __name__ == '__main__':
    sys.exit(answer_requests(Measuring))
