"""Memory that a process had and gave back is told as a peak."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from ml_integration.core.process_memory import (
    forget_peak,
    peak_mb,
    resident_mb,
    return_freed_memory,
)

SIZE_MB = 200


@pytest.mark.skipif(sys.platform != 'linux', reason='only Linux tells a peak')
def test_a_peak_outlives_what_was_given_back_until_it_is_forgotten() -> None:
    return_freed_memory()
    forget_peak()
    before_mb = resident_mb()
    array = np.ones(SIZE_MB * 1_000_000, np.uint8)
    with_it_mb = resident_mb()
    del array
    return_freed_memory()
    assert with_it_mb > before_mb + 0.9 * SIZE_MB
    assert resident_mb() < with_it_mb - 0.9 * SIZE_MB
    assert peak_mb() > with_it_mb - 0.1 * SIZE_MB  # the kernel counts in steps
    forget_peak()
    assert peak_mb() < with_it_mb - 0.9 * SIZE_MB
