"""The straight line of one frame, and of several that run together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic_ns
from typing import Any

from rclpy.node import Node

from ml_integration.core.monitor import Monitor
from ml_integration.core.pipeline import Pipeline, Work
from ml_integration.ros.inference.cameras import Camera
from ml_integration.ros.inference.mailbox import Letter
from ml_integration.ros.inference.model_serving import ModelServing
from ml_integration.ros.inference.worker import Failed
from ml_integration.ros.messages.reader import Reader, typed_header


@dataclass(frozen=True, slots=True)
class _Frame:
    """A frame that is ready to run, and whose it is."""

    letter: Letter
    header: Any
    work: Work


class FrameLine:
    """Serves messages: read, prepare, run, finish, publish, record. Used by the worker's thread.

    Args:
        node: whose clock tells the age of a frame.
        models: lend the pipeline, and are told how it did.
        cameras: where the results go.
        monitor: counts what becomes of the frames.
        reader: makes messages of serialized ones; None where they come typed.
        deadline_ms: tells the oldest age at which a frame is still worth processing [ms]; 0: any.
    """

    def __init__(
        self,
        node: Node,
        models: ModelServing,
        cameras: Sequence[Camera],
        monitor: Monitor,
        reader: Reader | None,
        deadline_ms: Callable[[], float],
    ) -> None:
        self._node = node
        self._models = models
        self._cameras = cameras
        self._monitor = monitor
        self._reader = reader
        self._deadline_ms = deadline_ms

    def serve(self, letters: Sequence[Letter], failed: Failed) -> None:
        """Serves one message of each of some cameras, as many in one run as the model takes."""
        with self._models.lease() as pipeline:
            for first in range(0, len(letters), pipeline.batch_size):
                self._run(pipeline, letters[first : first + pipeline.batch_size], failed)

    def _run(self, pipeline: Pipeline, letters: Sequence[Letter], failed: Failed) -> None:
        frames: list[_Frame] = []
        for letter in letters:
            with self._costs(1, failed):
                frame = self._begin(pipeline, letter, len(frames))
                if frame is not None:
                    frames.append(frame)
        if not frames:
            return
        with self._costs(len(frames), failed):
            pipeline.infer([frame.work for frame in frames])
            for frame in frames:
                with self._costs(1, failed):
                    self._end(pipeline, frame)

    def _begin(self, pipeline: Pipeline, letter: Letter, row: int) -> _Frame | None:
        """From the message to where the model runs; None when the frame is too old."""
        message = self._read(letter.message)
        header = typed_header(message.header)
        if self._is_stale(self._age_ms(header, letter)):
            self._monitor.stale(monotonic_ns(), letter.camera)
            return None
        return _Frame(letter, header, pipeline.prepare(message, letter.sequence, row))

    def _end(self, pipeline: Pipeline, frame: _Frame) -> None:
        """From the model's outputs to the published result."""
        letter, header = frame.letter, frame.header
        camera = self._cameras[letter.camera]
        prediction = pipeline.finish(frame.work)
        run_ns = monotonic_ns()
        if prediction.verdict.ok:
            camera.results.publish(pipeline.task, prediction, header)
        done_ns = monotonic_ns()
        publish_ms = (done_ns - run_ns) / 1e6
        # In the mailbox, and while other frames of the batch were in work.
        work_ms = publish_ms + sum(prediction.stage_ms.values())
        wait_ms = (done_ns - letter.arrived_ns) / 1e6 - work_ms
        stage_ms = {'wait': wait_ms, **prediction.stage_ms, 'publish': publish_ms}
        age_ms = self._age_ms(header, letter)
        self._models.record(prediction.verdict.ok)
        self._monitor.completed(
            prediction.verdict, age_ms, stage_ms, done_ns, letter.camera, prediction.together
        )
        camera.side_outputs.publish(pipeline, prediction, header)

    def _read(self, message: Any) -> Any:
        """The message's fields; what was handed over or came typed has them already."""
        serialized = isinstance(message, bytes) and self._reader is not None
        return self._reader(message) if serialized else message

    @contextmanager
    def _costs(self, frames: int, failed: Failed) -> Iterator[None]:
        """What is raised inside costs so many frames and no other one."""
        try:
            yield
        except Exception as error:
            for _ in range(frames):
                self._models.record(False)
                if self._node.context.ok():  # otherwise the process is ending, nothing to publish
                    failed(error)

    def _age_ms(self, header: Any, letter: Letter) -> float:
        """Time since the message's stamp [ms]; since its arrival when it has no stamp."""
        stamp_ns = header.stamp.sec * 1_000_000_000 + header.stamp.nanosec
        if not stamp_ns:
            return (monotonic_ns() - letter.arrived_ns) / 1e6
        return (self._node.get_clock().now().nanoseconds - stamp_ns) / 1e6

    def _is_stale(self, age_ms: float) -> bool:
        deadline_ms = self._deadline_ms()
        return bool(deadline_ms) and age_ms > deadline_ms
