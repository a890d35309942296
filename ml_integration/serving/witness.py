"""Sees what a rollout is judged by: frames that are served, that are lent, that are compared."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from time import monotonic_ns

import numpy as np

from ml_integration.core.arrivals import Observation
from ml_integration.core.datatypes import Prediction
from ml_integration.core.pipeline import Pipeline
from ml_integration.core.rollout.judgment import Stage
from ml_integration.core.rollout.pair import Pair, Side
from ml_integration.serving.judging import Judging
from ml_integration.serving.shadow import Shadow
from ml_integration.serving.sides import side_of

RECENT = 500
"""Latencies of the stable model that its p99 is taken of."""


@dataclass(frozen=True, slots=True)
class Trial:
    """Candidate that is tried, and who wants to know how it does.

    Attributes:
        candidate: `name@version`.
        stable: the same of the model before it.
        stage: that is judged.
        judging: is told.
        deadline_ms: gives the time after which a result is late [ms]; 0: never.
    """

    candidate: str
    stable: str
    stage: Stage
    judging: Judging
    deadline_ms: Callable[[], float]


class Witness:
    """Tells the judge of each frame once, and gives a shadow what is served; a sink.

    A frame that is lent to the candidate is told with what became of it in both models. Used by
    the frame loop's thread, but for `compared`, which is the shadow's.

    Attributes:
        trial: the one under way, if there is one.
        shadow: compares both models in spare time, if there is one.
    """

    name = 'rollout'

    def __init__(self) -> None:
        self.trial: Trial | None = None
        self.shadow: Shadow | None = None
        self._held: dict[str, Pair] = {}
        self._latencies: deque[float] = deque(maxlen=RECENT)

    @property
    def stable_p99_ms(self) -> float:
        """Latency of the stable model [ms]; NaN if nobody has seen it."""
        latencies = [one for one in tuple(self._latencies) if not math.isnan(one)]
        return float(np.quantile(latencies, 0.99)) if latencies else math.nan

    def take(self, observation: Observation, prediction: Prediction, pipeline: Pipeline) -> None:
        """Takes a result that is out, or was held back because it is not valid."""
        trial, shadow = self.trial, self.shadow
        if shadow is not None:
            shadow.take(observation, prediction, pipeline)
        if trial is not None:
            self._served(trial, observation, pipeline, side_of(prediction, trial.deadline_ms()))

    def failed(self, observation: Observation, pipeline: Pipeline, reason: str) -> None:
        """Takes an observation that failed."""
        trial, shadow = self.trial, self.shadow
        if trial is not None and self._is_lent(trial, pipeline):  # `lent` tells of it
            return
        if shadow is not None:
            shadow.failed(observation, pipeline, reason)
        if trial is not None:
            self._served(trial, observation, pipeline, Side(math.nan, False, error='unknown'))

    def lent(self, pair: Pair) -> None:
        """Takes what became of an observation that the candidate was lent and could not do."""
        held = self._held.pop(pair.stream, None)
        trial = self.trial
        if trial is None:
            return
        if held is not None and held.stamp_ns != pair.stamp_ns:
            trial.judging.add(held)
        trial.judging.add(pair)

    def compared(self, pair: Pair) -> None:
        """Takes a pair of the shadow."""
        trial, shadow = self.trial, self.shadow
        if trial is None:
            return
        trial.judging.add(pair)
        if shadow is not None and shadow.has_lost_candidate:
            trial.judging.fault('a run in the shadow did not come back')

    def _served(
        self, trial: Trial, observation: Observation, pipeline: Pipeline, side: Side
    ) -> None:
        by, stream = str(pipeline.model.identity), observation.stream
        if by == trial.stable:
            self._latencies.append(side.latency_ms)
        if trial.stage is Stage.SHADOW:  # the shadow tells of both
            return
        held = self._held.pop(stream, None)
        if held is not None:
            trial.judging.add(held)
        pair = Pair(stream, observation.stamp_ns, monotonic_ns(), None, None)
        if by == trial.stable:  # the candidate may have been lent this frame before
            self._held[stream] = replace(pair, stable=side)
        elif by == trial.candidate:
            trial.judging.add(replace(pair, candidate=side))

    def _is_lent(self, trial: Trial, pipeline: Pipeline) -> bool:
        lent = trial.stage is Stage.CANARY
        return lent and str(pipeline.model.identity) == trial.candidate
