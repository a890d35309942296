"""What a rollout is judged by: what became of the same observations in both models."""

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
        kind: kind of the verdict on its result, such as 'not_finite'; empty if it is valid, or
            nobody tells.
        spare: whether it ran in spare time, after the other's result was out: then its latency
            tells more of the machine than of the model.
    """

    latency_ms: float
    valid: bool
    late: bool = False
    error: str = ''
    kind: str = ''
    spare: bool = False


@dataclass(frozen=True, slots=True)
class Pair:
    """One observation in both models.

    Attributes:
        stream: that it belongs to; '' for the only one of a node.
        stamp_ns: of the observation [ns].
        now_ns: when the pair was complete [ns, steady clock].
        stable: what became of it in the model that serves; None: that one did not see it.
        candidate: the same of the new one; None: it was skipped for want of time.
        disagreement: of both results, 0: the same, 1: nothing in common; None where there are
            not two.
        weight: how much both say, such as the number of objects; 0: nothing to compare.
    """

    stream: str
    stamp_ns: int
    now_ns: int
    stable: Side | None
    candidate: Side | None
    disagreement: float | None = None
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class TruthScores:
    """Scores of both models against truth, for the same frames.

    Attributes:
        stable: score of the model that serves; NaN where nothing could be scored.
        candidate: that of the new one, likewise.
        frames: number of frames that both are about: of one block, not of all so far.
        higher_is_better: False for an error.
        name: such as 'mAP50-95'.
    """

    stable: float
    candidate: float
    frames: int
    higher_is_better: bool = True
    name: str = 'score'


@dataclass(frozen=True, slots=True)
class Told:
    """What became of a model's results, since it is counted; see `core.outcomes.Tally`.

    Attributes:
        useful: results that were of use.
        total: results of which anything was told.
    """

    useful: int = 0
    total: int = 0
