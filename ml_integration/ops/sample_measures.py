"""Measures rows of numbers: what is missing in them, and what stands still."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ml_integration.core.datatypes import Array
from ml_integration.ops.picture_measures import content_hash

SAMPLE_MEASURES = ('mean', 'std', 'nan_share', 'stuck_channels', 'content_hash')
"""What `measure_samples` tells."""
MOST_ROWS = 256
"""Of a longer window, so many of the newest rows are measured."""


def measure_samples(tables: Sequence[Array]) -> dict[str, float]:
    """Measures the rows of a window.

    `nan_share` is that of values that are not finite; `mean` and `std` are of the others, over
    rows and columns; `stuck_channels` is the number of columns that are the same in all rows.
    `content_hash` is a number of 32 bits that is the same for identical newest messages.

    Args:
        tables: (N, C) each, the oldest first, all with the same columns.

    Returns:
        SAMPLE_MEASURES; NaN where there is nothing to be told, such as what is stuck in one row.
    """
    measures = dict.fromkeys(SAMPLE_MEASURES, float('nan'))
    rows = np.concatenate(tables[-MOST_ROWS:])[-MOST_ROWS:]
    if not rows.size:
        return measures
    finite = np.isfinite(rows)
    values = rows[finite]
    measures['content_hash'] = content_hash(tables[-1])
    measures['nan_share'] = 1.0 - values.size / rows.size
    if values.size:
        measures['mean'], measures['std'] = float(values.mean()), float(values.std())
    if len(rows) > 1:
        measures['stuck_channels'] = float(np.count_nonzero((rows == rows[0]).all(axis=0)))
    return measures
