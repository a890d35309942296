"""Messages of rclpy and of bags become the same values; what is odd in them is bounded."""

from __future__ import annotations

import pytest
from bags import STORE, typed
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.serialization import serialize_message

from ml_integration.core.findings import Level
from ml_integration.fleet.messages import LONGEST_TEXT, MOST_VALUES, read_report
from ml_integration.fleet.status import Report

KIND = 'diagnostic_msgs/msg/DiagnosticArray'


def array(*statuses: DiagnosticStatus) -> DiagnosticArray:
    message = DiagnosticArray(status=list(statuses))
    message.header.stamp.sec, message.header.stamp.nanosec = 12, 34
    return message


def both(message: DiagnosticArray) -> tuple[Report, Report]:
    """What is read from ROS, and from the same message in a bag."""
    assert typed(KIND)
    return read_report(message), read_report(
        STORE.deserialize_cdr(bytes(serialize_message(message)), KIND)
    )


def test_all_that_a_status_says_is_read() -> None:
    values = [KeyValue(key='rate [Hz]', value='9.5'), KeyValue(key='topic', value='/camera')]
    status = DiagnosticStatus(
        level=b'\x01', name='robot/detector: input', message='slow', hardware_id='/robot/detector',
        values=values,
    )  # fmt: skip
    live, bagged = both(array(status))
    assert live == bagged
    assert live.stamp_ns == 12_000_000_034
    (found,) = live.statuses
    assert (found.node, found.concern, found.level) == ('robot/detector', 'input', Level.WARN)
    assert (found.message, found.hardware_id) == ('slow', '/robot/detector')
    assert found.number('rate [Hz]') == 9.5 and not found.stale


@pytest.mark.parametrize(
    ('byte', 'level', 'stale'),
    [(b'\x00', Level.OK, False), (b'\x02', Level.ERROR, False), (b'\x03', Level.WARN, True),
     (b'\xff', Level.ERROR, False)],
)  # fmt: skip
def test_levels_that_there_are_and_those_that_are_not(
    byte: bytes, level: Level, stale: bool
) -> None:
    live, bagged = both(array(DiagnosticStatus(level=byte, name='x')))
    assert live == bagged
    assert [(one.level, one.stale) for one in live.statuses] == [(level, stale)]


def test_what_never_ends_is_cut() -> None:
    long = 'x' * (LONGEST_TEXT + 1)
    values = [KeyValue(key=f'{number}', value=long) for number in range(MOST_VALUES + 1)]
    (status,) = read_report(
        array(DiagnosticStatus(name=long, message=long, values=values))
    ).statuses
    assert len(status.name) == len(status.message) == LONGEST_TEXT
    assert len(status.values) == MOST_VALUES and len(status.values['0']) == LONGEST_TEXT
