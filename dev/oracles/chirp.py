"""Makes a picture in which every error of a resize shows, the same one on each machine."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def chirp(width: int, height: int) -> npt.NDArray[np.uint8]:
    """Returns (H, W, 3) uint8: waves that get finer to the bottom right, and edges."""
    y, x = np.mgrid[:height, :width].astype(np.int64)
    channels = [(x * x * (3 + c) + y * y * (7 - 2 * c) + x * y) >> 9 for c in range(3)]
    stacked = np.stack(channels, axis=2)
    waves: npt.NDArray[np.uint8] = np.abs(stacked % 512 - 256).clip(0, 255).astype(np.uint8)
    waves[height // 8 : height // 4, width // 8 : width // 2] = (255, 0, 40)
    return waves
