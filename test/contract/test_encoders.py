"""What every encoder has to keep to, one file in `encoders/` or an entry point each."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from ml_integration.core import plugins
from ml_integration.core.contracts import Picturing
from ml_integration.core.datatypes import Frame, TensorSpec
from ml_integration.core.declaration import build
from ml_integration.errors import FrameError, ModelMismatchError

MS = 1_000_000


@dataclasses.dataclass(frozen=True)
class Sample:
    """What an encoder is tried with.

    Attributes:
        settings: what the manifest says.
        shapes: of tensors that it fills; a free first size is that of a batch.
        refused: specs that it cannot fill.
        frames: gives other ones for each number, what one run sees.
        bad: what no tensor can be made of.
    """

    settings: dict[str, Any]
    shapes: tuple[tuple[int | None, ...], ...]
    refused: tuple[TensorSpec, ...]
    frames: Callable[[int], Sequence[Frame]]
    bad: tuple[Sequence[Frame], ...]


def picture(number: int) -> Sequence[Frame]:
    width, height = 40 + 8 * (number % 2), 30
    pixels = np.random.default_rng(number).integers(0, 256, (height, width, 3), np.uint8)
    pixels.flags.writeable = False
    return (Frame(pixels, ('rgb8', 'bgr8')[number % 2], number * MS, 'camera'),)


NAMES = ('b.position', 'a.position', 'a.velocity')


def rows(number: int, count: int = 5) -> Sequence[Frame]:
    values = np.random.default_rng(number).normal(size=(count, 1, len(NAMES)))
    values.flags.writeable = False
    return tuple(
        Frame(row, 'samples', (number + place) * MS, 'base', NAMES)
        for place, row in enumerate(values)
    )


SAMPLES = {
    'image': Sample(
        settings={'resize': 'letterbox'},
        shapes=((1, 3, 16, 24), (None, 3, 16, 24)),
        refused=(
            TensorSpec('t', 'float32', (1, 3, None, None)),  # free sizes
            TensorSpec('t', 'float32', (1, 16, 24, 3)),  # another layout
            TensorSpec('t', 'float32', (2, 3, 16, 24)),  # two observations at once
            TensorSpec('t', 'float32', (1, 7)),  # no picture
            TensorSpec('t', 'int64', (1, 3, 16, 24)),  # no element type of pictures
        ),
        frames=picture,
        bad=(
            (Frame(np.zeros((0, 5, 3), np.uint8), 'rgb8'),),  # nothing in it
            (Frame(np.zeros((5, 5), np.uint8), 'mono8'),),  # another format
            (Frame(np.zeros((5, 5, 3), np.float32), 'rgb8'),),  # no pixels
            rows(0),  # of another sensor
        ),
    ),
    'samples': Sample(
        settings={'joints': ['a', 'b'], 'fields': ['position']},
        shapes=((1, 2), (None, 2), (1, 4, 2), (None, 4, 2)),
        refused=(
            TensorSpec('t', 'float32', (1, None, 2)),  # a free number of rows
            TensorSpec('t', 'float32', (1, None)),  # ... of columns
            TensorSpec('t', 'float32', (2, 4, 2)),  # two observations at once
            TensorSpec('t', 'float32', (2,)),  # no axis of observations
            TensorSpec('t', 'float32', ()),  # a number
            TensorSpec('t', 'float32', (1, 3, 16, 24)),  # a picture
            TensorSpec('t', 'int64', (1, 4, 2)),  # whole numbers
        ),
        frames=rows,
        bad=(
            [dataclasses.replace(one, names=('b.position', 'c.position', '')) for one in rows(0)],
            [dataclasses.replace(one, names=()) for one in rows(0)],  # of another sensor
            picture(0),
        ),
    ),
}
EVERY = sorted(SAMPLES)
SPECS = [
    (name, TensorSpec('t', dtype, shape))
    for name in EVERY
    for shape in SAMPLES[name].shapes
    for dtype in ('float32', 'float16')
]
REFUSED = [(name, spec) for name in EVERY for spec in SAMPLES[name].refused]
BAD = [(name, number) for name in EVERY for number in range(len(SAMPLES[name].bad))]


def encoder_of(name: str, spec: TensorSpec | None = None) -> Any:
    encoder_type, sample = plugins.load('encoders', name), SAMPLES[name]
    wanted = spec or TensorSpec('t', 'float32', sample.shapes[0])
    return encoder_type(build(encoder_type.Settings, sample.settings, 'test'), wanted, 'm@1')


def bound(name: str, spec: TensorSpec | None = None) -> tuple[Any, np.ndarray]:
    encoder = encoder_of(name, spec)
    tensor = np.full(encoder.spec.shape, 7, encoder.spec.dtype)
    encoder.bind(tensor)
    return encoder, tensor


def test_every_encoder_file_has_a_sample_here() -> None:
    package = importlib.import_module('ml_integration.encoders')
    assert {module.name for module in pkgutil.iter_modules(package.__path__)} == set(SAMPLES)


@pytest.mark.parametrize('name', EVERY)
def test_an_encoder_can_be_built_of_settings_spec_and_model(name: str) -> None:
    encoder_type = plugins.load('encoders', name)
    first, *others = inspect.signature(encoder_type).parameters.values()
    assert [first.name, *(other.name for other in others[:2])] == ['settings', 'spec', 'model']
    assert all(other.default is not inspect.Parameter.empty for other in others[2:])


@pytest.mark.parametrize('name', EVERY)
def test_an_encoder_explains_itself_and_its_call(name: str) -> None:
    encoder_type = plugins.load('encoders', name)
    assert 'ModelMismatchError' in encoder_type.__doc__
    assert 'FrameError' in encoder_type.__call__.__doc__


@pytest.mark.parametrize('name', EVERY)
def test_an_encoder_is_that_of_a_sensor_and_says_which_formats_it_takes(name: str) -> None:
    formats = encoder_of(name).formats
    assert isinstance(formats, tuple) and len(formats) == len(set(formats)) > 0
    sensors = [plugins.load('sensors', sensor) for sensor in plugins.names('sensors')]
    own = [sensor for sensor in sensors if sensor.kind == name]
    assert own
    for sensor in own:
        sensor(formats)


@pytest.mark.parametrize(('name', 'spec'), SPECS, ids=str)
def test_the_spec_is_known_without_data_and_held_by_the_tensor(
    name: str, spec: TensorSpec
) -> None:
    encoder = encoder_of(name, spec)
    promised = encoder.spec
    assert promised == TensorSpec('t', spec.dtype, (1, *spec.shape[1:]))
    assert spec.fits(promised) and None not in promised.shape
    tensor = np.full(promised.shape, np.nan, promised.dtype)
    encoder.bind(tensor)
    encoder(SAMPLES[name].frames(0))
    assert encoder.spec == promised and promised.holds(tensor)
    assert np.isfinite(tensor).all()  # nothing was left as it was


@pytest.mark.parametrize('name', EVERY)
def test_a_size_that_a_task_may_ask_for_is_that_of_the_tensor(name: str) -> None:
    encoder = encoder_of(name)
    if isinstance(encoder, Picturing):
        width, height = encoder.target_wh
        assert {width, height} <= set(encoder.spec.shape)
    assert isinstance(encoder, Picturing) == (name == 'image')


@pytest.mark.parametrize(('name', 'spec'), SPECS, ids=str)
def test_an_encoder_writes_into_the_row_it_is_bound_to_and_nowhere_else(
    name: str, spec: TensorSpec
) -> None:
    encoders = [encoder_of(name, spec) for _ in range(3)]
    batch = np.full((5, *spec.shape[1:]), 7, spec.dtype)
    for row, encoder in enumerate(encoders):
        encoder.bind(batch[row + 1 : row + 2])
    assert (batch == 7).all()
    for row, encoder in enumerate(encoders):
        others = np.delete(batch, row + 1, axis=0)
        encoder(SAMPLES[name].frames(row))
        np.testing.assert_array_equal(np.delete(batch, row + 1, axis=0), others)
        alone, tensor = bound(name, spec)
        alone(SAMPLES[name].frames(row))
        np.testing.assert_array_equal(batch[row + 1 : row + 2], tensor)
    assert (batch[[0, 4]] == 7).all()


@pytest.mark.parametrize('name', EVERY)
def test_an_encoder_that_is_bound_anew_leaves_the_first_tensor_alone(name: str) -> None:
    encoder, first = bound(name)
    encoder(SAMPLES[name].frames(0))
    before, second = first.copy(), np.full_like(first, 7)
    encoder.bind(second)
    encoder(SAMPLES[name].frames(0))
    np.testing.assert_array_equal(second, before)
    encoder(SAMPLES[name].frames(1))
    np.testing.assert_array_equal(first, before)
    assert (second != before).any()


@pytest.mark.parametrize(('name', 'spec'), SPECS, ids=str)
def test_the_same_frames_give_the_same_tensor_whatever_came_between(
    name: str, spec: TensorSpec
) -> None:
    encoder, tensor = bound(name, spec)
    frames = SAMPLES[name].frames
    geometry = encoder(frames(0))
    first = tensor.copy()
    other = encoder(frames(1))
    assert (tensor != first).any()
    assert encoder(frames(0)) == geometry != other
    np.testing.assert_array_equal(tensor, first)


@pytest.mark.parametrize('name', EVERY)
def test_frames_are_left_alone(name: str) -> None:
    encoder, _ = bound(name)
    frames = [
        dataclasses.replace(frame, data=frame.data.copy()) for frame in SAMPLES[name].frames(0)
    ]
    encoder(frames)
    for frame, original in zip(frames, SAMPLES[name].frames(0), strict=True):
        np.testing.assert_array_equal(frame.data, original.data)
    encoder(SAMPLES[name].frames(0))  # these are read-only


@pytest.mark.parametrize(('name', 'spec'), REFUSED, ids=str)
def test_a_tensor_that_it_cannot_fill_is_refused_by_name(name: str, spec: TensorSpec) -> None:
    with pytest.raises(ModelMismatchError) as caught:
        encoder_of(name, spec)
    assert 'm@1' in str(caught.value) and str(spec) in str(caught.value)


@pytest.mark.parametrize(('name', 'number'), BAD)
def test_a_bad_frame_costs_one_observation(name: str, number: int) -> None:
    encoder, tensor = bound(name)
    good, bad = SAMPLES[name].frames(0), SAMPLES[name].bad[number]
    encoder(good)
    first = tensor.copy()
    with pytest.raises(FrameError) as caught:
        encoder(bad)
    assert caught.value.got and (caught.value.expected or caught.value.hint)
    encoder(good)
    np.testing.assert_array_equal(tensor, first)


@pytest.mark.parametrize('name', EVERY)
def test_what_the_run_does_not_need_costs_nothing(name: str) -> None:
    """More frames than the tensor holds: the newest count."""
    encoder, tensor = bound(name)
    frames = SAMPLES[name].frames(0)
    encoder(frames)
    first = tensor.copy()
    encoder([*SAMPLES[name].frames(7), *frames])
    np.testing.assert_array_equal(tensor, first)
