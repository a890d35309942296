"""How much a score may pass 0 or 1, by the type that the model writes it in."""

from __future__ import annotations

import numpy as np
import pytest

from ml_integration.core.datatypes import TensorSpec
from ml_integration.ops.judging import rounding, without_rounding


def allowed(*dtypes: str) -> float:
    return rounding([TensorSpec(f'out{n}', dtype, (1,)) for n, dtype in enumerate(dtypes)])


@pytest.mark.parametrize(
    ('dtypes', 'score', 'shown'),
    [
        (['float16'], 1.0009765625, 1.0),  # the first half above 1
        (['float16'], 1.0009765625**2, 1.0),  # objectness times class, both rounded up
        (['float16'], -5e-4, 0.0),
        (['float16'], 1.01, 1.01),  # more than rounding
        (['float16'], -0.01, -0.01),
        (['float32', 'float16'], 1.0009765625, 1.0),  # boxes and scores apart
        (['float32'], 1.00005, 1.0),
        (['float32'], 1.0009765625, 1.0009765625),
        (['float64', 'int64'], 1.00005, 1.0),
        (['uint8'], 1.00005, 1.0),
        ([], 1.5, 1.5),
    ],
)
def test_only_rounding_is_taken_back(dtypes: list[str], score: float, shown: float) -> None:
    scores = np.array([0.5, score], np.float32)
    settled = without_rounding(scores, allowed(*dtypes))
    np.testing.assert_array_equal(settled, np.array([0.5, shown], np.float32))
    assert settled.dtype == np.float32


@pytest.mark.parametrize('bad', [np.nan, np.inf, -np.inf])
def test_what_is_no_number_stays_for_validation_to_report(bad: float) -> None:
    with np.errstate(all='raise'):
        settled = without_rounding(np.array([bad], np.float32), allowed('float16'))
    np.testing.assert_array_equal(settled, [bad])
