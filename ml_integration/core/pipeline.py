"""The straight line from a message to a prediction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import perf_counter_ns
from typing import Any

from ml_integration.core.batching import Batch, split_rows
from ml_integration.core.contracts import Sensor, Session, Task
from ml_integration.core.datatypes import Frame, ModelDescription, Prediction, Tensors


class StageClock:
    """Measures stages: each lap is the time since the last one, or since what was left out."""

    def __init__(self, now_ns: Callable[[], int]) -> None:
        self._now_ns = now_ns
        self._last_ns = now_ns()
        self.stage_ms: dict[str, float] = {}

    def lap(self, stage: str) -> None:
        now_ns = self._now_ns()
        self.stage_ms[stage] = (now_ns - self._last_ns) / 1e6
        self._last_ns = now_ns

    def leave_out(self) -> None:
        """Counts the time since the last lap for no stage."""
        self._last_ns = self._now_ns()


@dataclass(slots=True)
class Work:
    """A frame on its way through a pipeline.

    Attributes:
        frame: the input.
        tensors: the model's inputs, (1, ...) each, valid until the row is prepared again.
        geometry: what postprocessing needs to know of preprocessing.
        clock: measures this frame's stages.
        outputs: the model's outputs, (1, ...) each, valid until the next run.
        together: how many frames ran together with this one, itself included.
    """

    frame: Frame
    tensors: Tensors
    geometry: Any
    clock: StageClock
    outputs: Tensors = field(default_factory=dict)
    together: int = 1


class Pipeline:
    """A sensor, a task and the session of their model. Used by one thread at a time.

    The three belong together because they change together: another model may want other
    pixels, other decoding and other labels.

    Args:
        sensor: makes frames of messages.
        task: makes inputs of frames, and results of outputs.
        session: the model.
        model: what it is.
        now_ns: the steady time [ns].
        batch: room for frames that run together; None: they run one after another.
    """

    def __init__(
        self,
        sensor: Sensor,
        task: Task,
        session: Session,
        model: ModelDescription,
        now_ns: Callable[[], int] = perf_counter_ns,
        batch: Batch | None = None,
    ) -> None:
        self.sensor = sensor
        self.task = task
        self.session = session
        self.model = model
        self._now_ns = now_ns
        self._batch = batch
        self._tasks = (task,) if batch is None else batch.tasks

    @property
    def batch_size(self) -> int:
        """How many frames can run together."""
        return len(self._tasks)

    def run(self, message: Any, sequence: int = 0) -> Prediction:
        """Processes one sensor message.

        Raises:
            FrameError: this message cannot be processed; the next one may be.
        """
        work = self.prepare(message, sequence)
        self.infer([work])
        return self.finish(work)

    def prepare(self, message: Any, sequence: int = 0, row: int = 0) -> Work:
        """Brings one message to where the model runs.

        Args:
            message: the sensor's message.
            sequence: counts the messages of the subscription from 0.
            row: its place in the batch, below `batch_size`.

        Raises:
            FrameError: this message cannot be processed; the row can be used again.
        """
        clock = StageClock(self._now_ns)
        frame = self.sensor.decode(message, sequence)
        clock.lap('decode')
        tensors, geometry = self._tasks[row].preprocess(frame)
        clock.lap('preprocess')
        return Work(frame, tensors, geometry, clock)

    def infer(self, works: Sequence[Work]) -> None:
        """Runs the model once, for what was prepared for the rows 0, 1, 2 ... in this order.

        Raises:
            InferenceError: the engine failed on them.
        """
        for work in works:
            work.clock.leave_out()
        if len(works) == 1 or self._batch is None:
            (work,) = works
            work.outputs = self.session.run(work.tensors)
        else:
            together = len(works)
            outputs = self.session.run(self._batch.rows(together))
            rows = split_rows(outputs, together, str(self.model.identity))
            for work, work.outputs in zip(works, rows, strict=True):
                work.together = together
        for work in works:
            work.clock.lap('infer')

    def finish(self, work: Work) -> Prediction:
        """Makes a result of the model's outputs, and judges it.

        Raises:
            FrameError: the outputs of this frame cannot be read.
        """
        frame, clock = work.frame, work.clock
        clock.leave_out()
        result = self.task.postprocess(work.outputs, work.geometry)
        clock.lap('postprocess')
        verdict = self.task.validate(result, frame)
        clock.lap('validate')
        model = self.model.identity
        return Prediction(frame, model, result, verdict, clock.stage_ms, work.together)

    def close(self) -> None:
        self.session.close()
