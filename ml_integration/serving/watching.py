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

    Args:
        watches: get each run.
        now_ns: the steady time [ns].
        serving: gives the pipeline that serves; None: each one that has a result.
    """

    name = 'watching'

    def __init__(
        self,
        watches: Sequence[Watch],
        now_ns: Callable[[], int] = monotonic_ns,
        serving: Callable[[], Pipeline] | None = None,
    ) -> None:
        self._watches = tuple(watches)
        self._serving = serving
        self._now_ns = now_ns
        # Nobody but its owner keeps a pipeline, which holds the tensors of a model.
        self._telling: WeakKeyDictionary[Pipeline, Telling] = WeakKeyDictionary()

    def take(self, observation: Observation, prediction: Prediction, pipeline: Pipeline) -> None:
        """Shows one run."""
        telling = self._telling.get(pipeline)
        if telling is None:
            telling = self._telling[pipeline] = Telling.of(pipeline)
        measures, signals = telling.of_run(prediction)
        lent = self._serving is not None and pipeline is not self._serving()
        now_ns, stream = self._now_ns(), observation.stream
        seen = Seen(stream, now_ns, measures, signals, prediction, pipeline, lent)
        for watch in self._watches:
            watch.take(seen)
