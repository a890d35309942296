"""Takes an observation through decoding, encoding, the model and its task to a prediction."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from time import perf_counter_ns
from typing import Any, Protocol

import numpy as np

from ml_integration.core.arrivals import Inbox, Observation
from ml_integration.core.batching import split_rows
from ml_integration.core.contracts import FreeSized, MessageTypes, Session, Task, Topic
from ml_integration.core.datatypes import (
    Array,
    Geometry,
    ModelDescription,
    Prediction,
    Reason,
)
from ml_integration.core.drift_reference import Reference
from ml_integration.core.stage_contracts import SecondModel, Stage
from ml_integration.core.wiring import Input, Wiring
from ml_integration.core.work import Frames, Memory, StageClock, Work, decoded_frames
from ml_integration.errors import FrameError


class Second(SecondModel, Protocol):
    """Second model as the pipeline of the first one sees it."""

    def begin(self, deadline_ns: int | None) -> None:
        """Begins an observation.

        Args:
            deadline_ns: when runs give up [ns, steady clock]; None: never.
        """

    def omitted(self) -> Sequence[Reason]:
        """Returns why frames of the observation have no result."""

    def interrupt(self) -> None:
        """Ends the run that is under way, as `Session.interrupt` does."""

    def close(self) -> None:
        """Closes the model."""


class Pipeline:
    """Sensors, encoders, a task and the session of their model. Used by one thread at a time.

    They belong together because they change together: another model may want other pixels,
    other decoding and other labels.

    Args:
        wiring: fills the model's inputs.
        task: makes results of outputs.
        session: the model.
        model: what it is.
        now_ns: the steady time [ns].
        stages: work on the results, by name, in this order.
        seconds: open models of those stages that follow with one, by the stage's name.
        reference: what is usual for the model, if that is known.

    Attributes:
        stuck: True while a thread that nobody waits for any more hangs in it; no other thread
            may use it meanwhile.
    """

    def __init__(
        self,
        wiring: Wiring,
        task: Task,
        session: Session,
        model: ModelDescription,
        now_ns: Callable[[], int] = perf_counter_ns,
        stages: Mapping[str, Stage] | None = None,
        seconds: Mapping[str, Second] | None = None,
        reference: Reference | None = None,
    ) -> None:
        self.wiring = wiring
        self.task = task
        self.session = session
        self.model = model
        self.reference = reference
        self.batch_size = wiring.batch_size
        self.stuck = False
        self.stages = dict(stages or {})
        self.seconds = dict(seconds or {})
        self._identities = {
            name: second.description.identity for name, second in self.seconds.items()
        }
        self._now_ns = now_ns
        self._memories: dict[str, Memory] = {}
        self._rows = [wiring.row(number) for number in range(self.batch_size)]
        self._growing = _growing(wiring.inputs)
        pictures = (item.tensor for item in wiring.inputs if item.sensor.kind == 'image')
        self.picture = next(pictures, '')

    def inbox(self, stream: str) -> Inbox:
        """Makes an inbox that keeps a stream's messages as this model needs them.

        The stream begins anew: its messages are counted from 0, and nothing is remembered of it.
        """
        self.forget(stream)
        sources = [item.source for item in self.wiring.sources]
        return Inbox(stream, sources, self.wiring.trigger)

    def forget(self, stream: str) -> None:
        """Forgets what it remembers of a stream."""
        self._memories.pop(stream, None)

    def state(self, stream: str) -> dict[str, Array]:
        """Returns what the next run of a stream is fed back, by tensor; empty for zeros."""
        memory = self._memories.get(stream)
        return dict(memory.state) if memory is not None else {}

    def restore(self, stream: str, state: Mapping[str, Array]) -> None:
        """Makes the next run of a stream begin with this state, and with no other memory."""
        self._memories[stream] = Memory(dict(state))

    def run(self, observation: Observation) -> Prediction:
        """Processes one observation.

        Raises:
            FrameError: it cannot be processed; the next one may be.
        """
        work = self.prepare(observation)
        self.infer([work])
        return self.finish(work)

    def prepare(self, observation: Observation, row: int = 0) -> Work:
        """Decodes an observation and writes its tensors into a row of the batch.

        Args:
            observation: the messages.
            row: its place in the batch, below `batch_size`.

        Raises:
            FrameError: it cannot be processed; the row can be used again.
        """
        clock = StageClock(self._now_ns)
        memory = self._memory(observation)
        frames = {
            item.tensor: decoded_frames(item, observation, memory) for item in self.wiring.sources
        }
        clock.lap('decode')
        geometry = {
            item.tensor: item.encoders[row](frames[item.tensor]) for item in self.wiring.inputs
        }
        tensors = self._rows[row]
        for name, encoder in self._growing.items():
            tensors[name] = encoder.tensor
        self._fill(tensors, geometry, memory)
        clock.lap('encode')
        return Work(observation, frames, memory, tensors, geometry, clock)

    def infer(self, works: Sequence[Work], deadline_ns: int | None = None) -> None:
        """Runs the model once on the works prepared for the rows 0, 1, 2 ... in this order.

        Args:
            works: the observations.
            deadline_ns: when the engine gives up [ns, steady clock]; None: never.

        Raises:
            DeadlineError: it did.
            InferenceError: the engine failed on them.
        """
        for work in works:
            work.clock.leave_out()
            work.deadline_ns = deadline_ns
        if len(works) == 1:
            (work,) = works
            work.outputs = self.session.run(work.tensors, deadline_ns)
            self._remember(work)
        else:
            together = len(works)
            rows = {name: array[:together] for name, array in self.wiring.rows.items()}
            every = self.session.run(rows, deadline_ns)
            used = {spec.name: every[spec.name] for spec in self.model.outputs}
            outputs = split_rows(used, together, str(self.model.identity))
            for work, work.outputs in zip(works, outputs, strict=True):
                work.together = together
        for work in works:
            work.clock.lap('infer')

    def finish(self, work: Work) -> Prediction:
        """Makes a result of the model's outputs, and judges it.

        Raises:
            FrameError: the outputs of this observation cannot be read.
        """
        clock = work.clock
        clock.leave_out()
        with np.errstate(all='ignore'):  # numbers that are none are for validation to report
            result = self.task.postprocess(work.outputs, work.geometry)
            clock.lap('postprocess')
            for second in self.seconds.values():
                second.begin(work.deadline_ns)
            for name, stage in self.stages.items():
                result = self._staged(work, name, stage, result)
                clock.lap(name)
            verdict = self.task.validate(result, work.geometry)
            clock.lap('validate')
        return Prediction(
            work.observation.stamp_ns,
            self._frame_id(work.frames),
            work.frames,
            self.model.identity,
            result,
            verdict,
            clock.stage_ms,
            work.together,
            self._identities,
            tuple(self._omitted()),
        )

    @property
    def topics(self) -> tuple[Topic, ...]:
        """Topics of the results of the task and the stages."""
        of_stages = (topic for stage in self.stages.values() for topic in stage.topics)
        return (*self.task.topics, *of_stages)

    @property
    def remembers(self) -> bool:
        """Whether results build on those before: a state is fed back, or a stage keeps one."""
        keeping = (stage.begin() is not None for stage in self.stages.values())
        return bool(self.wiring.states) or any(keeping)

    def encode_stages(
        self, prediction: Prediction, header: Any, messages: MessageTypes
    ) -> Iterator[tuple[str, Any]]:
        """Builds the messages of the stages, and names the topic of each."""
        for stage in self.stages.values():
            yield from stage.encode(prediction, header, messages)

    def interrupt(self) -> None:
        """Ends the run of the engine that is under way on another thread, where it can."""
        self.session.interrupt()
        for second in self.seconds.values():
            second.interrupt()

    def close(self) -> None:
        self.session.close()
        for second in self.seconds.values():
            second.close()

    def _omitted(self) -> Iterator[Reason]:
        for name, second in self.seconds.items():
            for reason in second.omitted():
                detail = f'{second.description.identity}: {reason.detail}'
                yield Reason(f'{name}: {reason.kind}', detail)

    def _staged(self, work: Work, name: str, stage: Stage, result: Any) -> Any:
        memory = work.memory.stages
        if name not in memory:
            memory[name] = stage.begin()
        return stage(result, memory[name], work.frames, work.observation.stamp_ns)

    def _memory(self, observation: Observation) -> Memory:
        memory = self._memories.get(observation.stream)
        if memory is None or observation.restarted:
            memory = self._memories[observation.stream] = Memory()
        return memory

    def _fill(self, tensors: dict[str, Array], geometry: Geometry, memory: Memory) -> None:
        """Writes the tensors that are not made of messages: states, sizes, sized constants."""
        for state in self.wiring.states:
            tensor, fed_back = tensors[state.tensor], memory.state.get(state.tensor)
            if fed_back is not None and fed_back.shape != tensor.shape:
                memory.state.clear()
                raise FrameError(
                    f"'{state.state_of}' has changed its size and cannot be fed back",
                    got=str(list(fed_back.shape)),
                    expected=f"{list(tensor.shape)}, the size of '{state.tensor}'",
                    hint='The state is forgotten. Export the model with fixed sizes.',
                )
            tensor[...] = 0 if fed_back is None else fed_back
        for size in self.wiring.sizes:
            width, height = geometry[size.size_of].source_wh
            order = (height, width) if size.order == 'hw' else (width, height)
            tensors[size.tensor][...] = order
        for constant in self.wiring.constants:
            width, height = geometry[constant.picture].target_wh
            old = tensors[constant.tensor]
            shape = (*old.shape[:-2], height, width)
            if old.shape != shape:
                tensors[constant.tensor] = np.full(shape, constant.value, old.dtype)

    def _remember(self, work: Work) -> None:
        """Keeps the states for the next run; drops them all if a value is not finite."""
        fed_back = [(item.tensor, work.outputs[item.state_of]) for item in self.wiring.states]
        if all(np.isfinite(array).all() for _, array in fed_back):
            work.memory.state.update({tensor: array.copy() for tensor, array in fed_back})
        else:
            work.memory.state.clear()

    def _frame_id(self, frames: Frames) -> str:
        trigger = self.wiring.trigger.tensor
        return frames[trigger][-1].frame_id if trigger else ''


def _growing(inputs: Sequence[Input]) -> Mapping[str, FreeSized]:
    """Returns the encoders whose tensors follow the frames in size; such models run no batches."""
    return {
        item.tensor: encoder
        for item in inputs
        if isinstance(encoder := item.encoders[0], FreeSized)
        and None in item.source.spec.shape[1:]
    }
