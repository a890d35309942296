"""The simulation of rollouts ends as the real judge decides, the same with the same seed."""

from __future__ import annotations

import numpy as np

from benchmarks.rollout_judge import CANDIDATES, Ending, roll_out, told
from ml_integration.store.state.rollout_state import Phase


def ending(name: str, seed: int = 1) -> Ending:
    candidate = next(one for one in CANDIDATES if one.name.startswith(name))
    return roll_out(candidate, np.random.default_rng(seed))


def test_an_identical_one_is_promoted_and_a_bad_one_is_not() -> None:
    assert ending('identical').phase is Phase.PROMOTED
    bad = ending('1 % of results not finite')
    assert (bad.phase, bad.at, bad.served) == (Phase.ROLLED_BACK, Phase.SHADOW, 0)
    assert bad.why == 'a result is not finite'
    assert ending('identical') == ending('identical')


def test_the_table_has_a_line_for_each() -> None:
    line = told(CANDIDATES[7], 2, 0)
    assert line.startswith('| 1 % of results not finite | 0 of 2 ')
    assert line.count('|') == 8
