"""Shows each run to the watches of a node."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic_ns
from weakref import WeakKeyDictionary

from ml_integration.core.abilities import Measuring, Signaling
from ml_integration.core.arrivals import Observation
from ml_integration.core.datatypes import Prediction
from ml_integration.core.pipeline import Pipeline
from ml_integration.core.watches import Seen, Watch
from ml_integration.ops.picture_measures import measure_depth

MOST_OF_TIME = 0.02
"""Share of the time that measuring takes at most: what is told of a second are means, and frames
that come so fast, or on a machine so slow, that this is not enough, are worth more than those."""
LONGEST_PAUSE_NS = 200_000_000
"""Longest time without a measure of a stream [ns]: a second is to be made of several."""


@dataclass(frozen=True, slots=True)
class Telling:
    """Parts of a pipeline that tell something of a run.

    Asking a class whether it has an ability takes longer than all else here, so it is done once.

    Attributes:
        measuring: encoders by the name of their tensor, and what the names of measures begin with.
        depths: companions that are depth images, by name, and what their measures begin with.
        signaling: the task, if it is.
    """

    measuring: tuple[tuple[str, str, Measuring], ...]
    depths: tuple[tuple[str, str], ...]
    signaling: Signaling | None

    @staticmethod
    def of(pipeline: Pipeline) -> Telling:
        inputs, task = pipeline.wiring.inputs, pipeline.task
        encoders = ((item, item.encoders[0]) for item in inputs)
        measuring = tuple(
            (item.tensor, f'{item.source.topic}: ' if len(inputs) > 1 else '', encoder)
            for item, encoder in encoders
            if isinstance(encoder, Measuring)
        )
        depths = tuple(
            (item.tensor, f'{item.source.topic}: ')
            for item in pipeline.wiring.companions
            if item.source.kind == 'image'
        )
        return Telling(measuring, depths, task if isinstance(task, Signaling) else None)

    def _measures(self, prediction: Prediction) -> Iterator[tuple[str, float]]:
        """Yields what is measured of each input and of the depth images that come with them.

        Names begin with the topic where the model has several inputs, and for what comes beside.
        """
        for tensor, of, encoder in self.measuring:
            for name, value in encoder.measure(prediction.frames[tensor]).items():
                yield f'{of}{name}', value
        for name, of in self.depths:
            if frames := prediction.frames.get(name, ()):
                for measure, value in measure_depth(frames[-1]).items():
                    yield f'{of}{measure}', value

    def of_run(self, prediction: Prediction) -> tuple[Mapping[str, float], Mapping[str, float]]:
        """Returns what the encoders measure of a run, and what the task tells of its result."""
        signaling = self.signaling
        signals = {} if signaling is None else signaling.signals(prediction.result)
        return dict(self._measures(prediction)), signals


class Watching:
    """Measures what goes in and what comes out, once for all watches; a sink.

    Where that would take too much of the time, only some of the runs are measured.

    Args:
        watches: get each run.
        now_ns: the steady time [ns].
        serving: gives the pipeline that serves; None: each one that has a result.
        most_of_time: share of the time that measuring takes at most.
    """

    name = 'watching'

    def __init__(
        self,
        watches: Sequence[Watch],
        now_ns: Callable[[], int] = monotonic_ns,
        serving: Callable[[], Pipeline] | None = None,
        most_of_time: float = MOST_OF_TIME,
    ) -> None:
        self._watches = tuple(watches)
        self._serving = serving
        self._now_ns = now_ns
        self._most_of_time = most_of_time
        # Nobody but its owner keeps a pipeline, which holds the tensors of a model.
        self._telling: WeakKeyDictionary[Pipeline, Telling] = WeakKeyDictionary()
        self._due_ns: dict[str, int] = {}

    def take(self, observation: Observation, prediction: Prediction, pipeline: Pipeline) -> None:
        """Shows one run."""
        stream, now_ns = observation.stream, self._now_ns()
        measures, signals = self._told(stream, prediction, pipeline, now_ns)
        lent = self._serving is not None and pipeline is not self._serving()
        seen = Seen(stream, now_ns, measures, signals, prediction, pipeline, lent)
        for watch in self._watches:
            watch.take(seen)

    def _told(
        self, stream: str, prediction: Prediction, pipeline: Pipeline, now_ns: int
    ) -> tuple[Mapping[str, float], Mapping[str, float]]:
        """Returns measures and signals of a run; nothing if it is not the stream's turn."""
        if now_ns < self._due_ns.setdefault(stream, now_ns):
            return {}, {}
        telling = self._telling.get(pipeline)
        if telling is None:
            telling = self._telling[pipeline] = Telling.of(pipeline)
        told = telling.of_run(prediction)
        spent_ns = self._now_ns() - now_ns
        pause_ns = int(spent_ns * len(self._due_ns) / self._most_of_time)
        self._due_ns[stream] = now_ns + min(pause_ns, LONGEST_PAUSE_NS)
        return told
