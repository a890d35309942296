"""Headers that nobody may send are refused before a model sees them."""

from __future__ import annotations

from typing import Any

import pytest
from rclpy.serialization import serialize_message
from sensor_msgs.msg import Image, Imu, JointState
from std_msgs.msg import Float32MultiArray

from ml_integration.core import plugins
from ml_integration.errors import MessageError
from ml_integration.ops.stamps import MAX_FRAME_ID_BYTES
from ml_integration.ros.messages.message_types import message_type
from ml_integration.ros.messages.stamps import stamp_reader

SECOND_NS = 10**9
EVERY = [
    message_type(plugins.load('sensors', name).message_type) for name in plugins.names('sensors')
]


def message(kind: Any, sec: int = 0, nanosec: int = 0, frame_id: str = '') -> Any:
    made = kind()
    made.header.stamp.sec, made.header.stamp.nanosec = sec, nanosec
    made.header.frame_id = frame_id
    return made


def read(made: Any, raw: bool) -> int:
    return stamp_reader(type(made))(serialize_message(made) if raw else made)


@pytest.mark.parametrize('raw', [True, False])
@pytest.mark.parametrize('kind', EVERY)
@pytest.mark.parametrize(
    ('header', 'field', 'limit'),
    [
        ({'nanosec': 10**9}, 'header.stamp.nanosec', 'less than 1000000000'),
        ({'sec': 5, 'nanosec': 2**32 - 1}, 'header.stamp.nanosec', 'less than 1000000000'),
        ({'sec': -1}, 'header.stamp.sec', 'at least 0'),
        ({'sec': -(2**31), 'nanosec': 5}, 'header.stamp.sec', 'at least 0'),
        ({'frame_id': 'x' * 200_000}, 'header.frame_id', 'at most 256'),
        ({'frame_id': 'ä' * 129}, 'header.frame_id', 'at most 256'),
    ],
)
def test_a_header_that_nobody_may_send_is_refused_with_its_limit(
    kind: Any, raw: bool, header: dict[str, Any], field: str, limit: str
) -> None:
    with pytest.raises(MessageError, match=limit) as refused:
        read(message(kind, **header), raw)
    assert refused.value.field == field


@pytest.mark.parametrize('raw', [True, False])
@pytest.mark.parametrize('kind', EVERY)
def test_a_stamp_up_to_the_limits_is_read(kind: Any, raw: bool) -> None:
    frame_id = 'x' * MAX_FRAME_ID_BYTES
    assert read(message(kind), raw) == 0
    assert read(message(kind, 2**31 - 1, 999_999_999, frame_id), raw) == 2**31 * SECOND_NS - 1


def test_a_message_without_a_header_has_no_stamp() -> None:
    assert read(Float32MultiArray(), raw=True) == 0


@pytest.mark.parametrize('kind', [Image, Imu, JointState])
def test_a_message_that_ends_in_its_header_is_refused(kind: Any) -> None:
    whole = serialize_message(message(kind, 1, 2, 'eye'))
    for length in range(16):
        with pytest.raises(MessageError):
            stamp_reader(kind)(whole[:length])
