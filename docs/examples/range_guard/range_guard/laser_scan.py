"""A sensor: sensor_msgs/msg/LaserScan becomes a row of numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from ml_integration.core.datatypes import Frame
from ml_integration.errors import MessageError


class LaserScan:
    """Turns a scan into the columns `ranges.0`, `ranges.1` and so on [m].

    What the laser did not hit is as far away as it can see.
    """

    message_type = 'sensor_msgs/msg/LaserScan'
    kind = 'samples'  # the encoder that takes these frames

    def __init__(self, formats: tuple[str, ...]) -> None:
        self._format = formats[0]

    def decode(self, message: Any, stamp_ns: int) -> Frame:
        """Reads one scan as (1, beams) float64."""
        if not message.range_max > 0:
            raise MessageError('range_max', message.range_max, 'more than 0 m')
        ranges = np.array(message.ranges, np.float64)
        ranges[~np.isfinite(ranges)] = message.range_max
        names = tuple(f'ranges.{beam}' for beam in range(len(ranges)))
        return Frame(ranges[None], self._format, stamp_ns, message.header.frame_id, names)
