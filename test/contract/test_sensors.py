"""What every sensor has to keep to, one file in `sensors/` or an entry point each."""

import array
import copy
import importlib
import inspect
import pkgutil
import re
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from ml_integration.core import plugins
from ml_integration.errors import SettingError

HEADER = SimpleNamespace(stamp=SimpleNamespace(sec=1, nanosec=2), frame_id='sensor')


def vector(*values):
    return SimpleNamespace(**dict(zip('xyzw', values, strict=False)))


def compressed(suffix, what, channels=3):
    pixels = np.arange(24 * channels, dtype=np.uint8).reshape(4, 6, channels)
    data = cv2.imencode(suffix, pixels)[1].tobytes()
    return SimpleNamespace(header=HEADER, format=what, data=array.array('B', data))


def joints(*names, **values):
    fields = {field: array.array('d', values.get(field, ())) for field in JOINT_FIELDS}
    return SimpleNamespace(header=HEADER, name=list(names), **fields)


JOINT_FIELDS = ('position', 'velocity', 'effort')
SAMPLES = {
    # A sensor's formats and messages that it has to bring to them.
    'image': (
        ('rgb8', 'bgr8'),
        [
            SimpleNamespace(
                header=HEADER,
                height=2,
                width=3,
                encoding=encoding,
                is_bigendian=0,
                step=9,
                data=array.array('B', range(18)),
            )
            for encoding in ('rgb8', 'bgr8', '8UC3')
        ],
    ),
    'compressed_image': (
        ('rgb8', 'bgr8'),
        [
            compressed('.jpg', 'jpeg'),
            compressed('.png', 'rgb8; png compressed bgr8'),
            compressed('.png', 'mono8; png compressed ', channels=1),
        ],
    ),
    'camera_info': (
        ('samples',),
        [
            SimpleNamespace(
                header=HEADER,
                width=640,
                height=480,
                distortion_model='plumb_bob',
                d=array.array('d', [0.1, 0.2, 0.0, 0.0, 0.0]),
                k=array.array('d', [500, 0, 320, 0, 500, 240, 0, 0, 1]),
                p=array.array('d', [500, 0, 320, 0, 0, 500, 240, 0, 0, 0, 1, 0]),
                roi=SimpleNamespace(x_offset=0, y_offset=0, width=0, height=0),
            )
        ],
    ),
    'imu': (
        ('samples',),
        [
            SimpleNamespace(
                header=HEADER,
                angular_velocity=vector(0.1, 0.2, 0.3),
                linear_acceleration=vector(0.4, 0.5, 9.8),
                orientation=vector(0.0, 0.0, 0.0, 1.0),
            )
        ],
    ),
    'joint_state': (
        ('samples',),
        [
            joints('hip', 'knee', position=[1.0, 2.0], velocity=[3.0, 4.0], effort=[5.0, 6.0]),
            joints('hip', position=[1.0]),
            joints(),
        ],
    ),
}
FORMATS = {'image': ('rgb8', 'bgr8'), 'samples': ('samples',)}
EVERY = plugins.names('sensors')
MESSAGES = [(name, index) for name in SAMPLES for index in range(len(SAMPLES[name][1]))]


@pytest.fixture
def sensor_and_message(request):
    name, index = request.param
    formats, messages = SAMPLES[name]
    return plugins.load('sensors', name)(formats), messages[index], formats


def test_every_sensor_file_has_a_sample_here():
    package = importlib.import_module('ml_integration.sensors')
    assert {module.name for module in pkgutil.iter_modules(package.__path__)} == set(SAMPLES)


@pytest.mark.parametrize('name', EVERY)
def test_a_sensor_names_its_message_type_in_full(name):
    message_type = plugins.load('sensors', name).message_type
    assert re.fullmatch(r'[a-z]\w*/msg/[A-Z]\w*', message_type)


@pytest.mark.parametrize('name', EVERY)
def test_a_sensor_names_its_encoder_which_takes_what_it_gives(name):
    sensor = plugins.load('sensors', name)
    assert sensor.kind in plugins.names('encoders')
    assert SAMPLES[name][0] == FORMATS[sensor.kind]


@pytest.mark.parametrize('name', EVERY)
def test_a_sensor_can_be_built_from_formats_alone(name):
    first, *others = inspect.signature(plugins.load('sensors', name)).parameters.values()
    assert first.name == 'formats'
    assert all(other.default is not inspect.Parameter.empty for other in others)


@pytest.mark.parametrize('name', EVERY)
@pytest.mark.parametrize('formats', [(), ('no such format',)])
def test_a_sensor_refuses_formats_it_cannot_give_when_it_is_built(name, formats):
    with pytest.raises(SettingError):
        plugins.load('sensors', name)(formats)


@pytest.mark.parametrize('name', EVERY)
def test_a_sensor_explains_itself_and_its_decode(name):
    sensor = plugins.load('sensors', name)
    assert sensor.__doc__
    assert 'MessageError' in sensor.decode.__doc__


@pytest.mark.parametrize('sensor_and_message', MESSAGES, indirect=True)
def test_a_frame_has_a_wanted_format_the_message_s_own_frame_and_the_given_stamp(
    sensor_and_message,
):
    sensor, message, formats = sensor_and_message
    frame = sensor.decode(message, 5)
    assert frame.format in formats
    assert frame.stamp_ns == 5
    assert frame.frame_id == 'sensor'


@pytest.mark.parametrize('sensor_and_message', MESSAGES, indirect=True)
def test_samples_name_each_of_their_columns_and_pictures_have_none(sensor_and_message):
    sensor, message, _ = sensor_and_message
    frame = sensor.decode(message, 0)
    if sensor.kind == 'samples':
        assert frame.data.shape == (1, len(frame.names)) and frame.data.dtype == np.float64
        assert len(set(frame.names)) == len(frame.names)
    else:
        assert frame.names == ()


@pytest.mark.parametrize('sensor_and_message', MESSAGES, indirect=True)
def test_a_frame_is_read_only_and_in_the_machine_s_byte_order(sensor_and_message):
    sensor, message, _ = sensor_and_message
    data = sensor.decode(message, 0).data
    assert not data.flags.writeable
    assert data.dtype.isnative


@pytest.mark.parametrize('sensor_and_message', MESSAGES, indirect=True)
def test_decoding_twice_gives_the_same_and_leaves_the_message_alone(sensor_and_message):
    sensor, message, _ = sensor_and_message
    before = copy.deepcopy(message)
    first, second = sensor.decode(message, 0), sensor.decode(message, 1)
    assert np.array_equal(first.data, second.data)
    assert (first.format, first.names) == (second.format, second.names)
    assert message == before
