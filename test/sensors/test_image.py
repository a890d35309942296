"""The image sensor: messages in, frames out."""

import array
import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_integration.errors import FrameError, MessageError, SettingError
from ml_integration.sensors.image import Image


def message(pixels, encoding, /, padding=0, **changes):
    """A stand-in for sensor_msgs/msg/Image that holds `pixels`, little-endian."""
    rows = np.ascontiguousarray(pixels).view(np.uint8).reshape(len(pixels), -1)
    padded = np.pad(rows, ((0, 0), (0, padding)), constant_values=0xA5)
    fields = {
        'header': SimpleNamespace(stamp=SimpleNamespace(sec=12, nanosec=34), frame_id='camera'),
        'height': pixels.shape[0],
        'width': pixels.shape[1],
        'encoding': encoding,
        'is_bigendian': 0,
        'step': padded.shape[1],
        'data': array.array('B', padded.tobytes()),
    }
    return SimpleNamespace(**{**fields, **changes})


@pytest.fixture
def picture_rgb():
    """A (5, 7, 3) uint8 picture in which no two channels are equal."""
    return np.arange(105, dtype=np.uint8).reshape(5, 7, 3)


def test_a_wanted_encoding_is_taken_as_it_is_from_the_message_s_own_memory(picture_rgb):
    image = message(picture_rgb, 'bgr8', padding=3)
    frame = Image(('rgb8', 'bgr8')).decode(image, 0)
    assert frame.format == 'bgr8'
    assert np.array_equal(frame.data, picture_rgb)
    assert np.shares_memory(frame.data, np.frombuffer(image.data, np.uint8))


def test_another_encoding_becomes_the_preferred_one(picture_rgb):
    frame = Image(('rgb8', 'mono8')).decode(message(picture_rgb, 'bgr8', padding=1), 0)
    assert frame.format == 'rgb8'
    assert np.array_equal(frame.data, picture_rgb[..., ::-1])


def test_an_opencv_type_gets_the_name_the_task_asked_for(picture_rgb):
    frame = Image(('rgb8', 'bgr8')).decode(message(picture_rgb, '8UC3'), 0)
    assert frame.format == 'bgr8'
    assert np.array_equal(frame.data, picture_rgb)


def test_an_image_with_alpha_loses_it(picture_rgb):
    bgra = np.dstack([picture_rgb[..., ::-1], np.full((5, 7), 99, np.uint8)])
    frame = Image(('rgb8',)).decode(message(bgra, 'bgra8'), 0)
    assert np.array_equal(frame.data, picture_rgb)


def test_a_gray_image_becomes_three_equal_channels(picture_rgb):
    gray = picture_rgb[..., 0]
    frame = Image(('rgb8', 'bgr8')).decode(message(gray, 'mono8', padding=2), 0)
    assert np.array_equal(frame.data, np.dstack([gray] * 3))


def test_a_planar_image_with_padding_has_the_height_of_the_picture():
    planes = np.full((6, 4), 128, np.uint8)
    frame = Image(('rgb8',)).decode(message(planes, 'nv12', padding=5, height=4), 0)
    assert frame.data.shape == (4, 4, 3)
    assert np.abs(frame.data.astype(int) - 130).max() <= 1  # 1.164 * (128 - 16)


def test_big_endian_colors_are_swapped_before_they_are_converted():
    pixels = np.array([[[256, 512, 65535]]], np.uint16)
    image = message(pixels.byteswap(), 'rgb16', is_bigendian=1)
    assert Image(('bgr8',)).decode(image, 0).data.tolist() == [[[255, 2, 1]]]


def test_a_depth_image_never_becomes_a_picture():
    depth = np.full((2, 2), 1500, np.uint16)
    with pytest.raises(MessageError, match=r'16UC1.*rgb8 or bgr8.*distances'):
        Image(('rgb8', 'bgr8')).decode(message(depth, '16UC1'), 0)


def test_a_depth_image_is_handed_on_in_its_own_unit_where_the_task_takes_it():
    depth = np.array([[0, 1500]], np.uint16)
    frame = Image(('32FC1', '16UC1')).decode(message(depth, '16UC1'), 0)
    assert frame.format == '16UC1'
    assert np.array_equal(frame.data, depth)


def test_frames_are_independent_of_later_messages(picture_rgb):
    sensor = Image(('rgb8',))
    first = sensor.decode(message(picture_rgb, 'bgr8'), 0)
    sensor.decode(message(picture_rgb + 100, 'bgr8'), 1)
    assert np.array_equal(first.data, picture_rgb[..., ::-1])


@pytest.mark.parametrize('encoding', ['rgb8', 'bgr8'])  # shared, converted
def test_a_frame_cannot_be_written_to(picture_rgb, encoding):
    frame = Image(('rgb8',)).decode(message(picture_rgb, encoding), 0)
    with pytest.raises(ValueError, match='read-only'):
        frame.data[0, 0, 0] = 1


@settings(deadline=None)
@given(
    sec=st.integers(-(2**31), 2**31 - 1),
    nanosec=st.integers(0, 999_999_999),
    frame_id=st.text(max_size=20),
    sequence=st.integers(0, 2**63),
)
def test_stamp_frame_id_and_sequence_pass_through(sec, nanosec, frame_id, sequence):
    stamp = SimpleNamespace(sec=sec, nanosec=nanosec)
    header = SimpleNamespace(stamp=stamp, frame_id=frame_id)
    image = message(np.zeros((1, 1), np.uint8), 'mono8', header=header)
    frame = Image(('mono8',)).decode(image, sequence)
    assert divmod(frame.stamp_ns, 10**9) == (sec, nanosec)
    assert (frame.frame_id, frame.sequence) == (frame_id, sequence)


@pytest.mark.parametrize(
    ('changes', 'field'),
    [
        ({'encoding': 'jpeg'}, 'encoding'),
        ({'encoding': ''}, 'encoding'),  # a default-constructed message
        ({'width': 0}, 'width'),
        ({'height': 6}, 'data'),
        ({'step': 20}, 'step'),
        ({'data': array.array('B')}, 'data'),
    ],
)
def test_a_message_that_contradicts_itself_costs_one_frame(picture_rgb, changes, field):
    sensor = Image(('rgb8', 'bgr8'))
    with pytest.raises(FrameError, match=f"message field '{field}' is not valid"):
        sensor.decode(message(picture_rgb, 'rgb8', **changes), 0)
    assert np.array_equal(sensor.decode(message(picture_rgb, 'rgb8'), 1).data, picture_rgb)


@pytest.mark.parametrize(
    ('formats', 'got'),
    [
        ((), r'\(\)'),
        (('rgb8', 'jpeg'), "'jpeg'"),
        ('rgb8', "'r'"),  # a string instead of a tuple of strings
    ],
)
def test_formats_that_no_image_has_are_refused_at_once(formats, got):
    with pytest.raises(SettingError, match=got):
        Image(formats)


class Bridge:
    """A cv_bridge that knows one conversion and notes what it is asked."""

    def __init__(self):
        self.asked = []

    def __call__(self, pixels, source, target):
        self.asked.append((source, target))
        if (source, target) != ('bgr8', 'rgb8'):
            raise RuntimeError('Unsupported conversion')
        return np.full_like(pixels, 42)


@pytest.fixture
def bridge(monkeypatch):
    """The conversions of the cv_bridge that is installed."""
    bridge = Bridge()
    for name in ('cv_bridge', 'cv_bridge.boost'):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    module = SimpleNamespace(cvtColor2=bridge)
    monkeypatch.setitem(sys.modules, 'cv_bridge.boost.cv_bridge_boost', module)
    return bridge


def test_cv_bridge_is_asked_first(picture_rgb, bridge):
    frame = Image(('rgb8',)).decode(message(picture_rgb, 'bgr8'), 0)
    assert bridge.asked == [('bgr8', 'rgb8')]
    assert (frame.data == 42).all()
    assert not frame.data.flags.writeable


def test_what_cv_bridge_does_not_know_is_left_to_opencv(picture_rgb, bridge):
    frame = Image(('rgb8',)).decode(message(picture_rgb, '8UC3'), 0)
    assert bridge.asked == [('8UC3', 'rgb8')]
    assert np.array_equal(frame.data, picture_rgb[..., ::-1])


def test_a_cv_bridge_that_does_not_import_is_done_without(picture_rgb, monkeypatch):
    monkeypatch.setitem(sys.modules, 'cv_bridge', None)
    frame = Image(('rgb8',)).decode(message(picture_rgb, 'bgr8'), 0)
    assert np.array_equal(frame.data, picture_rgb[..., ::-1])


@pytest.mark.parametrize(
    ('dtype', 'encoding', 'formats'),
    [
        (np.uint8, 'mono8', ('mono8',)),  # nothing to convert
        (np.uint8, '8UC1', ('mono8',)),  # nor here
        (np.uint16, '16UC1', ('32FC1',)),  # cv_bridge knows no units
        (np.uint16, 'mono16', ('8UC3',)),  # cv_bridge ignores the order of a type code
    ],
)
def test_cv_bridge_is_not_asked_where_it_would_be_wrong(dtype, encoding, formats, bridge):
    frame = Image(formats).decode(message(np.ones((3, 3), dtype), encoding), 0)
    assert bridge.asked == []
    assert frame.format == formats[0]
