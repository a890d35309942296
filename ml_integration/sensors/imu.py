"""Inertial measurements: sensor_msgs/msg/Imu."""

from __future__ import annotations

from typing import Any

import numpy as np

from ml_integration.core.datatypes import Frame
from ml_integration.ops.samples import SAMPLES, check_formats

NAMES = (
    *(f'angular_velocity.{axis}' for axis in 'xyz'),
    *(f'linear_acceleration.{axis}' for axis in 'xyz'),
    *(f'orientation.{axis}' for axis in 'xyzw'),
)


class Imu:
    """Turns sensor_msgs/msg/Imu into one row of samples.

    The columns are `angular_velocity.x` to `.z` [rad/s], `linear_acceleration.x` to `.z` [m/s^2]
    and the quaternion `orientation.x` to `.w`.

    Args:
        formats: has to hold 'samples'.

    Raises:
        SettingError: it does not.
    """

    message_type = 'sensor_msgs/msg/Imu'
    kind = 'samples'

    def __init__(self, formats: tuple[str, ...]) -> None:
        check_formats(formats, 'sensors.imu')

    def decode(self, message: Any, stamp_ns: int) -> Frame:
        """Reads one measurement as (1, 10) float64.

        Raises:
            MessageError: never; every message of this type can be read.
        """
        turning, pushing, pose = (
            message.angular_velocity,
            message.linear_acceleration,
            message.orientation,
        )
        row = np.array(
            [[turning.x, turning.y, turning.z, pushing.x, pushing.y, pushing.z,
              pose.x, pose.y, pose.z, pose.w]],
            np.float64,
        )  # fmt: skip
        row.flags.writeable = False
        return Frame(row, SAMPLES, stamp_ns, message.header.frame_id, NAMES)
