"""Inertial measurements: messages in, rows of named numbers out."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ml_integration.sensors.imu import Imu


def message(turning: Any, pushing: Any, pose: Any, frame_id: str = 'imu') -> SimpleNamespace:
    """A stand-in for sensor_msgs/msg/Imu."""
    return SimpleNamespace(
        header=SimpleNamespace(frame_id=frame_id),
        angular_velocity=SimpleNamespace(**dict(zip('xyz', turning, strict=True))),
        linear_acceleration=SimpleNamespace(**dict(zip('xyz', pushing, strict=True))),
        orientation=SimpleNamespace(**dict(zip('xyzw', pose, strict=True))),
    )


def test_every_value_is_in_the_column_of_its_name() -> None:
    frame = Imu(('samples',)).decode(message((1, 2, 3), (4, 5, 6), (7, 8, 9, 10)), 11)
    assert dict(zip(frame.names, frame.data[0].tolist(), strict=True)) == {
        'angular_velocity.x': 1,
        'angular_velocity.y': 2,
        'angular_velocity.z': 3,
        'linear_acceleration.x': 4,
        'linear_acceleration.y': 5,
        'linear_acceleration.z': 6,
        'orientation.x': 7,
        'orientation.y': 8,
        'orientation.z': 9,
        'orientation.w': 10,
    }
    assert frame.data.dtype == np.float64 and frame.data.shape == (1, 10)
    assert (frame.stamp_ns, frame.frame_id, frame.format) == (11, 'imu', 'samples')


NUMBERS = st.floats()


@given(st.lists(NUMBERS, min_size=10, max_size=10), st.integers(0, 2**62), st.text(max_size=9))
def test_any_measurement_can_be_read(row: list[float], stamp_ns: int, frame_id: str) -> None:
    measured = message(row[:3], row[3:6], row[6:], frame_id)
    frame = Imu(('samples',)).decode(measured, stamp_ns)
    np.testing.assert_array_equal(frame.data, [row])
    assert (frame.stamp_ns, frame.frame_id) == (stamp_ns, frame_id)


def test_frames_share_no_memory() -> None:
    sensor = Imu(('samples',))
    first = sensor.decode(message((1, 2, 3), (4, 5, 6), (7, 8, 9, 10)), 0)
    second = sensor.decode(message((0,) * 3, (0,) * 3, (0,) * 4), 0)
    assert not np.shares_memory(first.data, second.data)
    assert first.data[0, 0] == 1
    assert first.names is second.names
