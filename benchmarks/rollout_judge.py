"""Simulates staged rollouts: who is taken back by chance, and how soon what is bad is found.

Nothing of a real model runs here: seconds of a stream are drawn, and the real judge and the real
steps decide. Neighboring seconds are alike, as on a robot: the load of the machine slows both
models at once (AR(1) of 0.9), the scene makes both err and disagree more or less (AR(1) of 0.9),
and scores against truth have a noise of their own (AR(1) of 0.7). After a rollout that was held
for half an hour a person is asked. `python -m benchmarks.rollout_judge`, under a minute of CPU.
"""

from __future__ import annotations

import argparse
import math
import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ml_integration.core.outcomes import interval_95
from ml_integration.core.rollout.judge import RolloutJudge
from ml_integration.core.rollout.judgment import Judgment, Stage
from ml_integration.core.rollout.pair import Pair, Side
from ml_integration.core.rollout.settings import RolloutSettings
from ml_integration.core.rollout.sums import (
    BUCKETS,
    CANDIDATE,
    LEAST_MS,
    STABLE,
    WIDTH,
    Both,
    Of,
    Rows,
    first_bucket,
)
from ml_integration.deploy.rollout.steps import on_judgment, share_of, stage_of, start
from ml_integration.store.state.node_state import Edition
from ml_integration.store.state.rollout_state import Phase, RolloutState

HZ = 100
CHUNK_S = 64
"""Seconds that are drawn at once."""
SETTINGS = RolloutSettings(watch_s=120.0, longest_s=1800.0)
OLD, NEW = Edition('model@1', 'a' * 64), Edition('model@2', 'b' * 64)
S = 1_000_000_000
_STEP = math.log(1.05)
Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A candidate, as it differs from the stable model.

    Attributes:
        name: for the table.
        slower: factor of its latency.
        spread: of the logarithm of its latency, besides the load of the machine.
        invalid: share of invalid results; the stable model has 0.2 %.
        errors: share of failed frames; the stable model has 0.1 %.
        late: share of missed deadlines; the stable model has 0.5 %.
        disagreement: mean over all scenes; 0: the same in each frame.
        better: by how much its score against truth is better; NaN: there is no truth.
        not_finite: share of results that are not finite.
        leak_mb: memory that it takes in each second [MB].
    """

    name: str
    slower: float = 1.0
    spread: float = 0.15
    invalid: float = 0.002
    errors: float = 0.001
    late: float = 0.005
    disagreement: float = 0.05
    better: float = math.nan
    not_finite: float = 0.0
    leak_mb: float = 0.0


CANDIDATES = (
    Candidate('identical', disagreement=0.0),
    Candidate('as good, other results'),
    Candidate('as good, with truth', better=0.0),
    Candidate('better by 0.04, with truth', disagreement=0.25, better=0.04),
    Candidate('10 % slower', slower=1.1),
    Candidate('2x slower', slower=2.0),
    Candidate('p99 1.33 x, limit 1.3 x', spread=0.33),
    Candidate('1 % of results not finite', not_finite=0.01),
    Candidate('5 % of results invalid', invalid=0.05),
    Candidate('3 % of frames fail', errors=0.03),
    Candidate('30 % of deadlines missed', late=0.3),
    Candidate('disagreement 0.31', disagreement=0.31),
    Candidate('half of the objects missing, with truth', disagreement=0.45, better=-0.35),
    Candidate('mAP -0.03, with truth', disagreement=0.08, better=-0.03),
    Candidate('leaks 2 MB/s', leak_mb=2.0),
)


def correlated(alike: float, count: int, rng: np.random.Generator) -> Iterator[Numbers]:
    """Draws stretches of a process of first order with the variance 1."""
    last = rng.standard_normal()
    while True:
        fresh = math.sqrt(1 - alike**2) * rng.standard_normal(count)
        for at in range(count):
            last = fresh[at] = alike * last + fresh[at]
        yield fresh


class Stream:
    """Seconds of a stream in both models.

    Args:
        candidate: the new one.
        rng: draws it.
    """

    def __init__(self, candidate: Candidate, rng: np.random.Generator) -> None:
        self._candidate, self._rng = candidate, rng
        self._load = correlated(0.9, CHUNK_S, rng)
        self._scene = correlated(0.9, CHUNK_S, rng)
        self._score = correlated(0.7, CHUNK_S, rng)
        self._routed = 0.0

    def seconds(self, stage: Stage, share: float) -> Iterator[tuple[Rows, int]]:
        """Draws sums of seconds with the number of frames that the candidate was served."""
        while True:
            rows, served = self._chunk(stage, share)
            yield from zip(rows, served, strict=True)

    def _chunk(self, stage: Stage, share: float) -> tuple[Rows, list[int]]:
        candidate, rows = self._candidate, np.zeros((CHUNK_S, WIDTH))
        load, scene = next(self._load), np.exp(0.4 * next(self._scene) - 0.08)
        both = np.full(CHUNK_S, HZ)
        mine = both if stage is Stage.SHADOW else self._served(share)
        others = both if stage is Stage.SHADOW else both - mine
        self._side(rows, STABLE, replace(candidate, slower=1.0, spread=0.15, invalid=0.002,
                   errors=0.001, late=0.005), load, scene, others)  # fmt: skip
        self._side(rows, CANDIDATE, candidate, load, scene, mine)
        rows[:, Both.PAIRS] = rows[:, Both.COMPARED] = HZ
        rows[:, Both.DISAGREEMENT] = HZ * np.minimum(candidate.disagreement * scene, 1.0)
        if not math.isnan(candidate.better):
            level = 0.75 + 0.1 * (scene - 1)
            own = candidate.better + 0.04 * next(self._score)
            rows[:, Both.TRUTHS] = HZ
            rows[:, Both.STABLE_SCORE] = HZ * level
            rows[:, Both.CANDIDATE_SCORE] = HZ * (level + own)
        return rows, mine.tolist()

    def _served(self, share: float) -> npt.NDArray[np.int64]:
        ends = np.floor(self._routed + share * HZ * np.arange(CHUNK_S + 1) + 1e-9)
        self._routed = (self._routed + share * HZ * CHUNK_S) % 1.0
        return np.diff(ends).astype(np.int64)

    def _side(
        self, rows: Rows, side: int, model: Candidate, load: Numbers, scene: Numbers,
        timed: npt.NDArray[np.int64],
    ) -> None:  # fmt: skip
        """Fills in one model: it sees each frame, and is timed where it is served."""
        rng = self._rng
        rows[:, side + Of.FRAMES] = HZ
        rows[:, side + Of.ERRORS] = rng.binomial(HZ, np.minimum(model.errors * scene, 1.0))
        rows[:, side + Of.INVALID] = rng.binomial(HZ, np.minimum(model.invalid * scene, 1.0))
        rows[:, side + Of.TIMED] = timed
        rows[:, side + Of.LATE] = rng.binomial(timed, model.late)
        second = np.repeat(np.arange(CHUNK_S), timed)
        spread = model.spread * rng.standard_normal(len(second))
        logs = math.log(10.0 * model.slower / LEAST_MS) + 0.25 * load[second] + spread
        at = np.clip(np.ceil(logs / _STEP).astype(np.int64), 0, BUCKETS - 1)
        counts = np.bincount(second * BUCKETS + at, minlength=CHUNK_S * BUCKETS)
        first = first_bucket(side)
        rows[:, first : first + BUCKETS] = counts.reshape(CHUNK_S, BUCKETS)


@dataclass(frozen=True, slots=True)
class Ending:
    """How a rollout ended.

    Attributes:
        phase: promoted and watched, rolled back or halted.
        seconds: since it began.
        served: frames that the candidate was served until then.
        at: phase in which that was decided.
        why: the criterion that decided.
    """

    phase: Phase
    seconds: int
    served: int
    at: Phase
    why: str


def roll_out(candidate: Candidate, rng: np.random.Generator) -> Ending:
    """Rolls a candidate out, with the real judge and the real steps."""
    judge, stream = RolloutJudge(lambda: SETTINGS), Stream(candidate, rng)
    state, now_s, served = start(RolloutState(), NEW, OLD).state, 0, 0
    judge.begin(Stage.SHADOW, 0)
    while True:
        shadow = state.phase is Phase.SHADOW
        for row, count in stream.seconds(stage_of(state), share_of(state, SETTINGS)):
            now_s += 1
            judge.add_second(row, count, now_s * S)
            served += 0 if shadow else count
            judge.add_memory(500.0 + candidate.leak_mb * now_s, 0.0, now_s * S)
            _show_not_finite(judge, candidate, count, now_s, rng)
            judgment = judge.judge(now_s * S)
            step = on_judgment(state, judgment, SETTINGS)
            if step.state.phase != state.phase or step.state.step != state.step:
                break
            if step.state.watched:
                break
        if not step.state.under_way:
            return Ending(step.state.phase, now_s, served, state.phase, _why(judgment))
        state = step.state
        judge.begin(stage_of(state), now_s * S)


def _show_not_finite(
    judge: RolloutJudge, candidate: Candidate, frames: int, now_s: int, rng: np.random.Generator
) -> None:
    if candidate.not_finite and rng.binomial(frames, candidate.not_finite):
        bad = Side(10.0, False, kind='not_finite')
        judge.add(Pair('', 0, now_s * S, Side(10.0, True), bad))


def _why(judgment: Judgment) -> str:
    if judgment.hard or not judgment.evidence:
        return re.split(r' \(| [0-9]', judgment.reason)[0]
    return judgment.evidence[0].criterion


def rate(count: int, runs: int) -> str:
    """Returns a count with the 95 % interval of its share."""
    low, high = interval_95(count, runs)
    return f'{count} of {runs} ({low:.1%} to {high:.1%})'


def told(candidate: Candidate, runs: int, seed: int) -> str:
    """Returns a line of the table."""
    ends = [roll_out(candidate, np.random.default_rng((seed, run))) for run in range(runs)]
    of = {phase: [one for one in ends if one.phase is phase] for phase in Phase}
    back = of[Phase.ROLLED_BACK]
    delay = served = why = ''
    if back:
        low, middle, high = np.quantile([one.seconds for one in back], (0.05, 0.5, 0.95))
        delay = f'{middle:.0f} ({low:.0f} to {high:.0f})'
        served = f'{np.median([one.served for one in back]):.0f}'
        reasons = Counter(f'{one.why} in {one.at.value}' for one in back)
        why = ', '.join(f'{reason} {count}' for reason, count in reasons.most_common(3))
    columns = (
        candidate.name,
        rate(len(of[Phase.PROMOTED]), runs),
        rate(len(back), runs),
        str(len(of[Phase.HALTED])),
        delay,
        served,
        why,
    )
    return '| ' + ' | '.join(columns) + ' |'


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--runs', type=int, default=100, help='rollouts of the identical one')
    parser.add_argument('--others', type=int, default=8, help='rollouts of each other one')
    parser.add_argument('--only', default='', help='beginning of the name of one candidate')
    parser.add_argument('--seed', type=int, default=0)
    args = parser.parse_args()
    print(
        '| candidate | promoted and watched | rolled back | person asked | '
        'delay [s], 5 to 95 % | frames it was served | why |'
    )
    print('|---|---|---|---|---|---|---|')
    for number, candidate in enumerate(CANDIDATES):
        if candidate.name.startswith(args.only):
            runs = args.others if number else args.runs
            print(told(candidate, runs, args.seed + 100 * number), flush=True)
    print(f'\n{time.process_time():.0f} s of CPU')


if __name__ == '__main__':
    main()
