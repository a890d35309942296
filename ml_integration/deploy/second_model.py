"""Runs the second model of a stage on pictures that the stage makes, such as crops."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from time import monotonic_ns
from typing import Any

from ml_integration.core.arrivals import Arrival, Observation
from ml_integration.core.datatypes import Frame, Reason
from ml_integration.core.inputs import StateInput
from ml_integration.core.pipeline import Pipeline
from ml_integration.core.work import Work
from ml_integration.errors import DeadlineError, ModelMismatchError
from ml_integration.ops.pixels import choose_format, convert
from ml_integration.store.package.manifest import Manifest
from ml_integration.store.package.package import ModelPackage

LATE = 3
"""Observations in a row for which it may be late before it is asked no more."""


class Passing:
    """Sensor of frames that are there already; it brings them to a wanted encoding.

    Args:
        formats: encodings that are wanted, the preferred one first.
    """

    message_type = 'sensor_msgs/msg/Image'
    kind = 'image'

    def __init__(self, formats: tuple[str, ...]) -> None:
        self._formats = formats

    def decode(self, message: Frame, stamp_ns: int) -> Frame:
        """Returns the frame, in another encoding if its own is not wanted.

        Raises:
            MessageError: it cannot be brought to a wanted one.
        """
        target = choose_format(message.format, self._formats)
        if target == message.format:
            return message
        return replace(message, data=convert(message.data, message.format, target), format=target)


class OpenSecondModel:
    """Second model that is open, in a pipeline of its own; see `SecondModel` and `Second`.

    What fails costs the frame that it was asked about its result, and nobody else anything. A
    model that is late again and again is asked no more, so that the first one keeps its pace.

    Args:
        pipeline: the loaded model; it is closed with this.
        package: the verified model; its bytes are not kept.
        now_ns: the steady time [ns].

    Raises:
        ModelMismatchError: it wants more than a picture.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        package: ModelPackage,
        now_ns: Callable[[], int] = monotonic_ns,
    ) -> None:
        _check(package.manifest)
        inputs = tuple(
            replace(item, sensor=Passing(item.encoders[0].formats))
            for item in pipeline.wiring.inputs
        )
        pipeline.wiring = replace(pipeline.wiring, inputs=inputs)
        self.description = pipeline.model
        self.task = pipeline.task
        self.package = package.without_bytes()
        self._pipeline = pipeline
        self._tensor = inputs[0].tensor
        self._now_ns = now_ns
        self._deadline_ns: int | None = None
        self._omitted: list[Reason] = []
        self._late = 0

    @property
    def batch_size(self) -> int:
        """Most frames that run together."""
        return self._pipeline.batch_size

    def begin(self, deadline_ns: int | None) -> None:
        """Begins an observation."""
        self._deadline_ns = deadline_ns
        self._omitted = []

    def omitted(self) -> Sequence[Reason]:
        """Returns why frames of the observation have no result."""
        return self._omitted

    def run(self, frames: Sequence[Frame]) -> list[Any]:
        """Runs the model on pictures, as many at once as it can."""
        results: list[Any] = []
        for first in range(0, len(frames), self.batch_size):
            results += self._together(frames[first : first + self.batch_size])
        return results

    def interrupt(self) -> None:
        """Ends the run that is under way."""
        self._pipeline.interrupt()

    def close(self) -> None:
        """Closes the model."""
        self._pipeline.close()

    def _together(self, frames: Sequence[Frame]) -> list[Any]:
        results: list[Any] = [None] * len(frames)
        if self._late >= LATE:
            text = f'it was late {LATE} times and is asked no more; ~/reload loads it again'
            self._omitted.append(Reason('given_up', text))
            return results
        works: list[tuple[int, Work]] = []
        for place, frame in enumerate(frames):
            with self._costs():
                works.append((place, self._prepared(frame, len(works))))
        if works:
            with self._costs():
                self._pipeline.infer([work for _, work in works], self._deadline_ns)
                self._late = 0
                for place, work in works:
                    with self._costs():
                        results[place] = self._finished(work)
        return results

    def _prepared(self, frame: Frame, row: int) -> Work:
        arrival = Arrival(frame, frame.stamp_ns, 0, 0)
        return self._pipeline.prepare(Observation('', arrival, {self._tensor: (arrival,)}), row)

    def _finished(self, work: Work) -> Any:
        """Returns a result; None if it is not valid."""
        prediction = self._pipeline.finish(work)
        self._omitted.extend(prediction.verdict.reasons)
        return prediction.result if prediction.verdict.ok else None

    @contextmanager
    def _costs(self) -> Iterator[None]:
        """Notes an exception inside as the reason why a result is missing.

        Raises:
            DeadlineError: the run was ended before its time, because the work ends.
        """
        try:
            yield
        except DeadlineError as error:
            if self._deadline_ns is None or self._now_ns() < self._deadline_ns:
                raise
            self._late += 1
            self._omitted.append(Reason('late', error.what))
        except Exception as error:  # such as a plug-in's own
            self._omitted.append(Reason('failed', str(error) or type(error).__name__))


def _check(manifest: Manifest) -> None:
    """Checks that nothing but one picture is needed: there is no stream of crops.

    Raises:
        ModelMismatchError: more is.
    """
    sensors = manifest.sensor_inputs
    states = [item.tensor for item in manifest.inputs if isinstance(item, StateInput)]
    alone = len(sensors) == 1 and sensors[0].kind == 'image' and not manifest.trigger.rate_hz
    if not alone or states:
        raise ModelMismatchError(
            str(manifest.identity),
            'a second model sees one picture and remembers nothing',
            ', '.join([*(f"{item.kind} on '{item.topic}'" for item in sensors), *states]),
            'one input of kind image, and no state',
            'Choose another model for the stage.',
        )
