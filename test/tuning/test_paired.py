from collections.abc import Callable
from itertools import product

import numpy as np
import pytest

from ml_integration.tuning.paired import LEAST_BLOCKS, paired, signed_rank_p


def every_sign(differences: np.ndarray) -> float:
    """The p value by trying every combination of signs."""
    sizes = np.abs(differences)
    ranks = np.array([(sizes < one).sum() + ((sizes == one).sum() + 1) / 2 for one in sizes])
    got = ranks[differences > 0].sum()
    sums = np.array([np.dot(signs, ranks) for signs in product((0, 1), repeat=len(ranks))])
    return float(min(1.0, 2 * min((sums <= got).mean(), (sums >= got).mean())))


@pytest.mark.parametrize('differences', [
    [0.1, 0.2, -0.3, 0.4, 0.5, 0.6, 0.7],
    [1, 1, -1, 2, 2, 3, -3, 4],  # equal sizes
    [-0.1, -0.2, -0.3, -0.4, -0.5],
])  # fmt: skip
def test_p_is_that_of_all_combinations_of_signs(differences: list[float]) -> None:
    array = np.array(differences, float)
    assert signed_rank_p(array) == pytest.approx(every_sign(array))


def test_zeros_count_for_nothing() -> None:
    assert signed_rank_p(np.zeros(40)) == 1.0
    with_zero, without = np.array([0.0, 1, 2, 3, -4]), np.array([1.0, 2, 3, -4])
    assert signed_rank_p(with_zero) == signed_rank_p(without)


@pytest.fixture
def figures() -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    def make(ratio: float, blocks: int = LEAST_BLOCKS, noise: float = 0.05):
        random = np.random.default_rng(7)
        first = np.exp(random.normal(0, 0.5, blocks))  # what falls on both of a pair
        return first, ratio * first * np.exp(random.normal(0, noise, blocks))

    return make


def test_a_gain_is_found_through_noise_that_falls_on_both(figures) -> None:
    result = paired(*figures(0.8))
    assert result.better
    assert result.low < 0.2 < result.high
    assert not paired(*reversed(figures(0.8))).better
    assert paired(*reversed(figures(0.8))).worse


@pytest.mark.parametrize(('ratio', 'blocks', 'noise'), [
    (1.0, LEAST_BLOCKS, 0.05),  # nothing differs
    (0.97, 200, 0.01),  # sure, and too little
    (0.5, LEAST_BLOCKS - 1, 0.01),  # large, of too few blocks
    (0.93, LEAST_BLOCKS, 0.5),  # drowned
])  # fmt: skip
def test_what_does_not_differ(figures, ratio: float, blocks: int, noise: float) -> None:
    assert not paired(*figures(ratio, blocks, noise)).differs
