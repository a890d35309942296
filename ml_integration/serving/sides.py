"""Says what became of an observation in one model, for whoever judges a rollout."""

from __future__ import annotations

import math

from ml_integration.core.datatypes import Prediction
from ml_integration.core.rollout.pair import Side


def side_of(prediction: Prediction, deadline_ms: float = 0.0, spare: bool = False) -> Side:
    """Returns what became of an observation that has a result, valid or not.

    Args:
        prediction: the result.
        deadline_ms: time from which on it is late [ms]; 0: never.
        spare: whether it ran in spare time.
    """
    latency_ms = sum(prediction.stage_ms.values())
    late = 0.0 < deadline_ms < latency_ms
    kind = next((one.kind for one in prediction.verdict.reasons), '')
    return Side(latency_ms, prediction.verdict.ok, late, kind=kind, spare=spare)


def side_of_error(error: BaseException | type[BaseException]) -> Side:
    """Returns what became of an observation that an exception ended."""
    kind = error if isinstance(error, type) else type(error)
    return Side(math.nan, False, False, kind.__name__)
