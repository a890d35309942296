"""What a rollout is judged by: what became of an observation in both models."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Side:
    """What became of one observation in one model.

    Attributes:
        latency_ms: time that the model took for it, all its stages [ms]; NaN if it did not come
            back.
        valid: whether it gave a result that passed validation.
        late: whether it was past its deadline.
        error: type name of the exception that ended it; empty if there was none.
    """

    latency_ms: float
    valid: bool
    late: bool = False
    error: str = ''


@dataclass(frozen=True, slots=True)
class Pair:
    """One observation in both models.

    Attributes:
        stream: that it belongs to; '' for the only one of a node.
        stamp_ns: of the observation [ns].
        now_ns: when the pair was complete [ns, steady clock].
        stable: what became of it in the model that serves; None: that one did not see it.
        candidate: the same of the new one; None: it was skipped for want of time.
        disagreement: of both results, 0: the same; None where there are not two.
    """

    stream: str
    stamp_ns: int
    now_ns: int
    stable: Side | None
    candidate: Side | None
    disagreement: float | None = None
