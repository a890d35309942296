"""What blocks of frames come to: percentiles, costs, and the comparison with the default."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from statistics import median

import numpy as np

from ml_integration.tuning.paired import Paired, paired
from ml_integration.tuning.trial import Block

GOALS = ('p50', 'p95', 'cpu')
"""What may be made smaller: usual latency, latency of slow frames, CPU time."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures of a candidate.

    Attributes:
        p50_ms: latency from arrival to result, the median [ms].
        p95_ms: the same, of which 5 % of the frames have more [ms].
        cpu_ms: CPU time per frame, pauses included [ms].
        memory_mb: memory that the engine and the model take [MB].
        lost: share of frames without a result.
        frames: number of frames that count.
    """

    p50_ms: float
    p95_ms: float
    cpu_ms: float
    memory_mb: float
    lost: float
    frames: int

    @classmethod
    def of(cls, blocks: Collection[Block]) -> Figures:
        """Sums up blocks; there is at least one."""
        spent = [value for block in blocks for value in block.latency_ms]
        p50_ms, p95_ms = np.percentile(spent, (50, 95)).tolist()
        lost = sum(block.lost for block in blocks)
        return cls(
            p50_ms,
            p95_ms,
            median(block.cpu_ms for block in blocks),
            max(block.memory_mb for block in blocks),
            lost / (len(spent) + lost),
            len(spent),
        )


def compare(goal: str, default: Mapping[int, Block], other: Mapping[int, Block]) -> Paired:
    """Compares the blocks of the rounds that both have.

    Args:
        goal: one of GOALS.
        default: blocks by round.
        other: those of a candidate; at least one round is in both.
    """
    rounds = sorted(default.keys() & other.keys())
    return paired(
        [_figure(goal, default[one]) for one in rounds],
        [_figure(goal, other[one]) for one in rounds],
    )


def _figure(goal: str, block: Block) -> float:
    match goal:
        case 'p50':
            return median(block.latency_ms)
        case 'p95':
            return float(np.percentile(block.latency_ms, 95))
    return max(block.cpu_ms, 1e-6)
