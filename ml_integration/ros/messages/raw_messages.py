"""Messages read from their serialized bytes without copying what is large.

They have the typed messages' attributes, so a sensor takes either. Arrays are read-only views
of the bytes, in the publisher's byte order; everything else is a Python number or text.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from std_msgs.msg import Header

from ml_integration.core.datatypes import Array
from ml_integration.ops.cdr import CdrReader

Reader = Callable[[bytes], Any]
"""Makes a message of its serialized bytes; raises MessageError."""


@dataclass(frozen=True, slots=True)
class RawTime:
    """builtin_interfaces/msg/Time."""

    sec: int
    nanosec: int


@dataclass(frozen=True, slots=True)
class RawHeader:
    """std_msgs/msg/Header; `typed_header` makes a real one of it."""

    stamp: RawTime
    frame_id: str


@dataclass(frozen=True, slots=True, eq=False)
class RawImage:
    """sensor_msgs/msg/Image; `data`: (N,) uint8."""

    header: RawHeader
    height: int
    width: int
    encoding: str
    is_bigendian: int
    step: int
    data: Array


@dataclass(frozen=True, slots=True, eq=False)
class RawCompressedImage:
    """sensor_msgs/msg/CompressedImage; `data`: (N,) uint8."""

    header: RawHeader
    format: str
    data: Array


@dataclass(frozen=True, slots=True)
class RawPointField:
    """sensor_msgs/msg/PointField; `offset` in bytes, `datatype` as in its constants."""

    name: str
    offset: int
    datatype: int
    count: int


@dataclass(frozen=True, slots=True, eq=False)
class RawPointCloud2:
    """sensor_msgs/msg/PointCloud2; `data`: (N,) uint8."""

    header: RawHeader
    height: int
    width: int
    fields: tuple[RawPointField, ...]
    is_bigendian: bool
    point_step: int
    row_step: int
    data: Array
    is_dense: bool


@dataclass(frozen=True, slots=True, eq=False)
class RawLaserScan:
    """sensor_msgs/msg/LaserScan; `ranges` [m] and `intensities`: (N,) float32."""

    header: RawHeader
    angle_min: float
    angle_max: float
    angle_increment: float
    time_increment: float
    scan_time: float
    range_min: float
    range_max: float
    ranges: Array
    intensities: Array


def reader_for(type_name: str) -> Reader | None:
    """The reader of e.g. 'sensor_msgs/msg/Image'; None where the typed message has to do."""
    read = _FIELDS.get(type_name)
    return None if read is None else partial(_read, read)


def read_header(buffer: bytes) -> RawHeader:
    """The header alone, of any serialized message that begins with one."""
    return _header(CdrReader(buffer))


def typed_header(header: Any) -> Header:
    """Makes a header that goes into a typed message, of a raw or a typed one."""
    typed = Header(frame_id=header.frame_id)
    typed.stamp.sec = header.stamp.sec
    typed.stamp.nanosec = header.stamp.nanosec
    return typed


def _read(read: Callable[[CdrReader], Any], buffer: bytes) -> Any:
    cdr = CdrReader(buffer)
    message = read(cdr)
    cdr.finish()
    return message


# Below, arguments stand in the order of the message definitions, in which Python evaluates them.


def _header(cdr: CdrReader) -> RawHeader:
    return RawHeader(
        RawTime(cdr.int32('header.stamp.sec'), cdr.uint32('header.stamp.nanosec')),
        cdr.string('header.frame_id'),
    )


def _image(cdr: CdrReader) -> RawImage:
    return RawImage(
        header=_header(cdr),
        height=cdr.uint32('height'),
        width=cdr.uint32('width'),
        encoding=cdr.string('encoding'),
        is_bigendian=cdr.uint8('is_bigendian'),
        step=cdr.uint32('step'),
        data=cdr.sequence('data', 'u1'),
    )


def _compressed_image(cdr: CdrReader) -> RawCompressedImage:
    return RawCompressedImage(
        header=_header(cdr),
        format=cdr.string('format'),
        data=cdr.sequence('data', 'u1'),
    )


def _point_field(cdr: CdrReader, index: int) -> RawPointField:
    return RawPointField(
        name=cdr.string(f'fields[{index}].name'),
        offset=cdr.uint32(f'fields[{index}].offset'),
        datatype=cdr.uint8(f'fields[{index}].datatype'),
        count=cdr.uint32(f'fields[{index}].count'),
    )


def _point_cloud(cdr: CdrReader) -> RawPointCloud2:
    return RawPointCloud2(
        header=_header(cdr),
        height=cdr.uint32('height'),
        width=cdr.uint32('width'),
        fields=tuple(_point_field(cdr, index) for index in range(cdr.uint32('fields'))),
        is_bigendian=cdr.boolean('is_bigendian'),
        point_step=cdr.uint32('point_step'),
        row_step=cdr.uint32('row_step'),
        data=cdr.sequence('data', 'u1'),
        is_dense=cdr.boolean('is_dense'),
    )


def _laser_scan(cdr: CdrReader) -> RawLaserScan:
    return RawLaserScan(
        header=_header(cdr),
        angle_min=cdr.float32('angle_min'),
        angle_max=cdr.float32('angle_max'),
        angle_increment=cdr.float32('angle_increment'),
        time_increment=cdr.float32('time_increment'),
        scan_time=cdr.float32('scan_time'),
        range_min=cdr.float32('range_min'),
        range_max=cdr.float32('range_max'),
        ranges=cdr.sequence('ranges', 'f4'),
        intensities=cdr.sequence('intensities', 'f4'),
    )


_FIELDS: dict[str, Callable[[CdrReader], Any]] = {
    'sensor_msgs/msg/Image': _image,
    'sensor_msgs/msg/CompressedImage': _compressed_image,
    'sensor_msgs/msg/PointCloud2': _point_cloud,
    'sensor_msgs/msg/LaserScan': _laser_scan,
}
