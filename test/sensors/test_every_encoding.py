"""Every encoding that ROS names works, or the documentation says that it is refused."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from ml_integration.errors import MessageError
from ml_integration.ops.picture_input import FORMATS
from ml_integration.ops.pixel_formats import pixel_format
from ml_integration.sensors.image import Image

DOCUMENT = Path(__file__).parents[2] / 'docs/manifest.md'
HEADER = 'include/sensor_msgs/sensor_msgs/image_encodings.hpp'
COLORS = ('rgb', 'rgba', 'bgr', 'bgra', 'mono', 'bayer_rggb', 'bayer_bggr', 'bayer_gbrg',
          'bayer_grbg')  # fmt: skip
TYPES = ('8U', '8S', '16U', '16S', '32S', '32F', '64F')
NAMES = (
    *(f'{color}{bits}' for color in COLORS for bits in (8, 16)),
    *(f'{kind}C{channels}' for kind in TYPES for channels in (1, 2, 3, 4)),
    *('uyvy', 'yuv422', 'yuyv', 'yuv422_yuy2', 'nv12', 'nv21', 'nv24'),
)


def constants() -> set[str]:
    """The encodings of the header of `sensor_msgs` that is installed here."""
    places = [*os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep), sys.prefix]
    headers = [Path(place) / HEADER for place in places if (Path(place) / HEADER).is_file()]
    text = headers[0].read_text() if headers else ''
    return set(re.findall(r'const char \w+\[\] = "(\w+)";', text))


def rows() -> dict[str, str]:
    """What the documentation says of each encoding."""
    _, _, text = DOCUMENT.read_text().partition('## Encodings of pictures')
    table = [line.split('|') for line in text.partition('\n## ')[0].splitlines() if '|' in line]
    return {name: cells[2] for cells in table for name in re.findall(r'`(\w+)`', cells[1])}


def picture(encoding: str) -> SimpleNamespace:
    pixel = pixel_format(encoding)
    step = 8 * pixel.channels * int(re.sub(r'\D', '', pixel.dtype)) // 8
    return SimpleNamespace(
        header=SimpleNamespace(frame_id='eye'),
        height=4,
        width=8,
        encoding=encoding,
        is_bigendian=0,
        step=step,
        data=bytes(step * pixel.rows(4)),
    )


def test_no_constant_of_ros_is_forgotten() -> None:
    assert constants() <= set(NAMES)
    assert set(NAMES) <= rows().keys()


@pytest.mark.parametrize('encoding', NAMES)
@pytest.mark.parametrize('color', FORMATS)
def test_it_becomes_a_picture_or_is_refused_by_name_as_documented(
    encoding: str, color: str
) -> None:
    sensor, refused = Image(FORMATS[color]), 'refused' in rows()[encoding]
    if not refused:
        frame = sensor.decode(picture(encoding), 0)
        assert frame.format in FORMATS[color]
        assert frame.data.shape == ((4, 8) if color == 'gray' else (4, 8, 3))
        return
    with pytest.raises(MessageError, match=f"'{encoding}'") as error:
        sensor.decode(picture(encoding), 0)
    assert error.value.field == 'encoding'


def test_nv24_with_padding_is_refused_because_nobody_says_where_it_is() -> None:
    padded = picture('nv24')
    padded.step, padded.data = 10, bytes(10 * 12)
    with pytest.raises(MessageError, match='nv24') as error:
        Image(FORMATS['rgb']).decode(padded, 0)
    assert error.value.field == 'step'
