"""Settings of Fast DDS for messages of a size."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pytest

from ml_integration.errors import MessageError, SettingError
from ml_integration.ops.dds_profile import (
    FRAGMENT_BYTES,
    LEAST_SEGMENT_BYTES,
    dds_profile,
    message_bytes,
    segment_bytes,
)


def numbers(profile: str, tag: str) -> list[int]:
    root = ElementTree.fromstring(profile)
    return [int(item.text or 0) for item in root.iter(f'{{http://www.eprosima.com}}{tag}')]


@pytest.mark.parametrize(
    ('size', 'encoding', 'count'),
    [
        ('3840x2160', 'bgr8', 3840 * 2160 * 3),
        ('1920X1080', 'mono8', 1920 * 1080),
        ('640x480', '32FC1', 640 * 480 * 4),
        ('640x480', 'nv12', 640 * 480 * 3 // 2),
        ('640x480', 'nv24', 640 * 480 * 3),
        ('24883252', 'bgr8', 24883252),
    ],
)
def test_the_size_of_a_message_follows_from_the_picture(
    size: str, encoding: str, count: int
) -> None:
    assert message_bytes(size, encoding) == count


@pytest.mark.parametrize('size', ['', '4K', '3840x', '3840*2160', '-5', '1e9', '3840x2160x3'])
def test_what_is_no_size_is_refused(size: str) -> None:
    with pytest.raises(SettingError, match='WIDTHxHEIGHT'):
        message_bytes(size)


def test_an_encoding_that_does_not_exist_is_refused() -> None:
    with pytest.raises(MessageError):
        message_bytes('640x480', 'rgb9')


@pytest.mark.parametrize('largest', [0, 6_220_800, 24_883_200, 99_532_800, 1_700_000_000])
def test_a_segment_holds_two_messages_and_the_queue_their_pieces(largest: int) -> None:
    profile = dds_profile(largest)
    (segment,), (queue,) = (
        numbers(profile, tag) for tag in ('segment_size', 'port_queue_capacity')
    )
    assert segment == segment_bytes(largest) >= max(LEAST_SEGMENT_BYTES, 2 * largest)
    assert queue >= 2 * largest // FRAGMENT_BYTES


def test_more_than_the_middleware_can_count_is_refused() -> None:
    with pytest.raises(SettingError, match='at most'):
        segment_bytes(2**31)
