"""Which form pictures come in, as the robot says."""

from __future__ import annotations

import pytest

from ml_integration.core.transports import Transports, parse_transports
from ml_integration.errors import SettingError


@pytest.mark.parametrize(
    ('text', 'color', 'depth'),
    [
        ('raw', ('raw', 'image'), ('raw', 'image')),
        ('compressed', ('compressed', 'compressed_image'), ('compressed', 'compressed_image')),
        ('depth:compressedDepth', ('raw', 'image'), ('compressedDepth', 'compressed_image')),
        (' compressed , depth:raw ', ('compressed', 'compressed_image'), ('raw', 'image')),
    ],
)
def test_pictures_come_as_is_said_of_all_or_of_their_topic(
    text: str, color: tuple[str, str], depth: tuple[str, str]
) -> None:
    chosen = parse_transports(text, '/node')
    for topic, expected in (('color', color), ('depth', depth)):
        assert (chosen.of('image', topic), chosen.sensor('image', topic)) == expected


def test_what_is_no_picture_has_one_form() -> None:
    chosen = parse_transports('compressed', '/node')
    assert (chosen.of('imu', 'imu'), chosen.sensor('imu', 'imu')) == ('raw', 'imu')


@pytest.mark.parametrize(
    'text', ['', 'theora', 'compressed,', 'raw, compressed', 'depth:', ':raw', 'a:raw, a:raw']
)
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(SettingError, match=r'image_transport.*depth:compressedDepth'):
        parse_transports(text, '/node')


def test_a_topic_that_nobody_has_is_refused() -> None:
    chosen = parse_transports('depth:compressed', '/node')
    chosen.check_topics(['image', 'depth'], '/node')
    with pytest.raises(SettingError, match='topics of pictures: image'):
        chosen.check_topics(['image'], '/node')
    Transports().check_topics([], '/node')
