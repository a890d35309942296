"""Words beside an object in a drawn picture."""

from __future__ import annotations

import numpy as np

from ml_integration.ops.detections import Detections


def caption(found: Detections, index: int, label: str) -> str:
    """Returns name, score and, as far as they are known, track and distance of an object."""
    parts = [label, f'{found.scores[index]:.2f}']
    if found.ids is not None and found.ids[index]:
        parts.append(f'#{found.ids[index]}')
    if found.centers_m is not None and np.isfinite(found.centers_m[index]).all():
        parts.append(f'{np.linalg.norm(found.centers_m[index]):.1f} m')
    return ' '.join(parts)
