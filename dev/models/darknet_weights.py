"""Read a Darknet .weights file in the order the layers ask for; every float must be used."""

from __future__ import annotations

import math
import struct

import numpy as np
from numpy.typing import NDArray

from dev.models.errors import DarknetError


class WeightReader:
    """A cursor over the floats of a .weights file.

    The file is three int32 (major, minor, revision), the number of pictures seen in training
    (int64 since version 0.2, int32 before) and then nothing but little-endian float32.
    """

    def __init__(self, content: bytes) -> None:
        """Read the header of `content`, the whole file."""
        if len(content) < 20:
            raise DarknetError(f'weights: {len(content)} bytes hold no header (expected 20)')
        major, minor, _ = struct.unpack_from('<3i', content)
        offset = 20 if major * 10 + minor >= 2 else 16
        if (len(content) - offset) % 4:
            raise DarknetError(
                f'weights: {len(content) - offset} bytes follow the header, expected a multiple '
                'of 4; the file is cut or is not a Darknet .weights file'
            )
        self._floats: NDArray[np.float32] = np.frombuffer(content, '<f4', offset=offset)
        self._position = 0

    @property
    def total(self) -> int:
        """Number of floats in the file."""
        return len(self._floats)

    def take(self, *shape: int, place: str) -> NDArray[np.float32]:
        """Next values of the file as an array of `shape`; `place` is named if they run out."""
        count = math.prod(shape)
        end = self._position + count
        if end > self.total:
            raise DarknetError(
                f'weights: too short at {place}: {count} values wanted, '
                f'{self.total - self._position} of {self.total} left; '
                'the weights do not belong to this cfg, or the file is cut'
            )
        values = self._floats[self._position : end].reshape(shape)
        self._position = end
        return values

    def finish(self) -> None:
        """Raise if values are left over: the network is not the one that was trained."""
        if self._position != self.total:
            raise DarknetError(
                f'weights: too long: the network uses {self._position} values, the file has '
                f'{self.total}; the weights do not belong to this cfg'
            )
