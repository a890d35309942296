"""What is usual for a model: blocks of a recording, and how far they stray."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ml_integration.core.blocks import BlockRule
from ml_integration.core.score_calibration import ScoreCalibration

DAY_BLOCKS = 86400
"""Blocks of a second in a day."""
ENOUGH, FEW = (300, 4.0), (60, 1.0)
"""Fewest blocks, and fewest that do not depend on each other, of a reference that can promise one
false alarm a day, and one an hour: `python -m benchmarks.drift` measures it."""
Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Limits:
    """How far the signals of a stable stream stray, as far as a reference can tell.

    A signal's distance from its center is measured in its scale, and is that of the nearest of
    `in_a_row` blocks: the largest one of a stretch exceeds `level` with `per_block` as its rate
    per block; beyond it the tail is a generalized Pareto one of the scale `step` and `shape`. All
    were found in two ways, by resampling the reference's blocks and by simulating a process of
    the same dependence; a third row is what every signal may be away.

    Attributes:
        center: (S,) mean of each signal.
        scale: (S,) its standard deviation, or what is at least taken for it; > 0.
        level: (3, S) distance, in scales, found in each way.
        step: (3, S) likewise.
        shape: (3, S) 0 for a tail that is exponential, more for a heavier one.
        per_block: how often a block exceeds `level`.
        in_a_row: blocks that a signal has to be away, all on the same side.
        independent: at least as many blocks without dependence on each other say as much as these.
    """

    center: Numbers
    scale: Numbers
    level: Numbers
    step: Numbers
    shape: Numbers
    per_block: float
    in_a_row: int
    independent: float

    def allowed(self, per_day: float) -> Numbers:
        """Returns how far each signal (S,) may be away, in scales, for a rate of false alarms.

        Args:
            per_day: false alarms of all signals together per day of blocks of a second.
        """
        each = per_day / DAY_BLOCKS / max(1, len(self.center))
        rarer = max(0.0, math.log(self.per_block / each))
        shape = np.maximum(self.shape, 1e-6)
        found: Numbers = (self.level + self.step * np.expm1(shape * rarer) / shape).max(axis=0)
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """Reference of a model.

    Attributes:
        model: `name@version` of the model it was made with.
        sha256: of that model's file.
        names: of the S signals.
        blocks: (B, S) float32, their means over each block; NaN where nothing was told.
        rule: says when a block ends.
        limits: how far they stray.
        data: sha256 of the recordings.
        made_by: version of the software.
        calibration: of the scores of a classifier, where the recordings had labels.
    """

    model: str
    sha256: str
    names: tuple[str, ...]
    blocks: npt.NDArray[np.float32]
    rule: BlockRule
    limits: Limits
    data: str
    made_by: str
    calibration: ScoreCalibration | None = None

    @property
    def fewest_per_day(self) -> float:
        """Smallest rate of false alarms that it is long enough for; infinite for none."""
        count, independent = len(self.blocks), self.limits.independent
        for (blocks, apart), per_day in ((ENOUGH, 1.0), (FEW, 24.0)):
            if count >= blocks and independent >= apart:
                return per_day
        return math.inf

    def __str__(self) -> str:
        of = f'{self.rule.seconds:g} s' if self.rule.seconds else f'{self.rule.frames} frames'
        return f'{len(self.blocks)} blocks of {of}, {len(self.names)} signals'
