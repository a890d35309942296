"""Messages of sensors, some by hand and any that hypothesis makes up."""

from __future__ import annotations

import array
import math

from hypothesis import strategies as st
from sensor_msgs.msg import CompressedImage, Image, LaserScan, PointCloud2, PointField
from std_msgs.msg import Header

uint8 = st.integers(0, 2**8 - 1)
uint32 = st.integers(0, 2**32 - 1)
float32 = st.floats(width=32)
text = st.text(st.characters(codec='utf-8', min_codepoint=1), max_size=9)
data = st.binary(max_size=40).map(lambda content: array.array('B', content))
floats = st.lists(float32, max_size=9).map(lambda values: array.array('f', values))


@st.composite
def headers(draw: st.DrawFn) -> Header:
    header = Header(frame_id=draw(text))
    header.stamp.sec = draw(st.integers(-(2**31), 2**31 - 1))
    header.stamp.nanosec = draw(uint32)
    return header


IMAGES = st.builds(
    Image,
    header=headers(),
    height=uint32,
    width=uint32,
    encoding=text,
    is_bigendian=uint8,
    step=uint32,
    data=data,
)
COMPRESSED_IMAGES = st.builds(CompressedImage, header=headers(), format=text, data=data)
POINT_FIELDS = st.builds(PointField, name=text, offset=uint32, datatype=uint8, count=uint32)
POINT_CLOUDS = st.builds(
    PointCloud2,
    header=headers(),
    height=uint32,
    width=uint32,
    fields=st.lists(POINT_FIELDS, max_size=4),
    is_bigendian=st.booleans(),
    point_step=uint32,
    row_step=uint32,
    data=data,
    is_dense=st.booleans(),
)
LASER_SCANS = st.builds(
    LaserScan,
    header=headers(),
    angle_min=float32,
    angle_max=float32,
    angle_increment=float32,
    time_increment=float32,
    scan_time=float32,
    range_min=float32,
    range_max=float32,
    ranges=floats,
    intensities=floats,
)
MESSAGES = st.one_of(IMAGES, COMPRESSED_IMAGES, POINT_CLOUDS, LASER_SCANS)
EXAMPLES = [
    Image(header=Header(frame_id='cam'), encoding='mono8', height=1, width=3, data=[7] * 3),
    CompressedImage(header=Header(frame_id='cam'), format='jpeg', data=[7] * 5),
    PointCloud2(fields=[PointField(name='x'), PointField(name='range')], data=[7] * 9),
    LaserScan(ranges=[1.0, math.inf], intensities=[0.5]),
]
