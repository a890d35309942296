"""The straight line from a message to a prediction."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter_ns
from typing import Any

from ml_integration.core.contracts import Sensor, Session, Task
from ml_integration.core.datatypes import ModelDescription, Prediction


class StageClock:
    """Measures consecutive stages: each lap is the time since the last one."""

    def __init__(self, now_ns: Callable[[], int]) -> None:
        self._now_ns = now_ns
        self._last_ns = now_ns()
        self.stage_ms: dict[str, float] = {}

    def lap(self, stage: str) -> None:
        now_ns = self._now_ns()
        self.stage_ms[stage] = (now_ns - self._last_ns) / 1e6
        self._last_ns = now_ns


class Pipeline:
    """A sensor, a task and the session of their model. Used by one thread at a time.

    The three belong together because they change together: another model may want other
    pixels, other decoding and other labels.
    """

    def __init__(
        self,
        sensor: Sensor,
        task: Task,
        session: Session,
        model: ModelDescription,
        now_ns: Callable[[], int] = perf_counter_ns,
    ) -> None:
        self.sensor = sensor
        self.task = task
        self.session = session
        self.model = model
        self._now_ns = now_ns

    def run(self, message: Any, sequence: int = 0) -> Prediction:
        """Processes one sensor message.

        Raises:
            FrameError: this message cannot be processed; the next one may be.
        """
        clock = StageClock(self._now_ns)
        frame = self.sensor.decode(message, sequence)
        clock.lap('decode')
        tensors, geometry = self.task.preprocess(frame)
        clock.lap('preprocess')
        outputs = self.session.run(tensors)
        clock.lap('infer')
        result = self.task.postprocess(outputs, geometry)
        clock.lap('postprocess')
        verdict = self.task.validate(result, frame)
        clock.lap('validate')
        return Prediction(frame, self.model.identity, result, verdict, clock.stage_ms)

    def close(self) -> None:
        self.session.close()
