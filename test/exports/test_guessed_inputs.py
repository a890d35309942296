from __future__ import annotations

import pytest

from ml_integration.core.datatypes import TensorSpec
from ml_integration.core.inputs import (
    ConstantInput,
    KeepRule,
    KeepSpec,
    ModelInput,
    SensorInput,
    SizeInput,
    StateInput,
)
from ml_integration.exports.claims import Claim, Claims, Origin
from ml_integration.exports.guessing.guessed_inputs import guess_encode, guess_inputs, is_picture


def picture(*shape: int | None, dtype: str = 'float32') -> TensorSpec:
    return TensorSpec('images', dtype, shape)


@pytest.mark.parametrize(
    ('spec', 'layout', 'color', 'scale'),
    [
        (picture(1, 3, 32, 32), 'nchw', 'rgb', 255.0),
        (picture(1, 32, 32, 3), 'nhwc', 'rgb', 255.0),
        (picture(1, 1, 32, 32), 'nchw', 'gray', 255.0),
        (picture(1, 32, 32, 1), 'nhwc', 'gray', 255.0),
        (picture(1, 32, 32, 3, dtype='uint8'), 'nhwc', 'rgb', 1.0),
        (picture(1, 10), 'nchw', 'rgb', 255.0),  # no picture: the defaults
    ],
)
def test_how_a_picture_becomes_a_tensor_is_guessed_from_the_input(
    spec: TensorSpec, layout: str, color: str, scale: float
) -> None:
    (guess,) = guess_inputs([spec], [TensorSpec('y', 'float32', (1, 10))])
    encode = {'layout': layout, 'color': color, 'scale': scale}
    assert guess == SensorInput(spec, 'image', 'image', KeepSpec(), encode)


@pytest.mark.parametrize(
    ('spec', 'guess'),
    [
        (TensorSpec('pixel_mask', 'int64', (None, None, None)), ConstantInput('pixel_mask', 1.0)),
        (TensorSpec('pixel_mask', 'int64', (1, 1, None, None)), ConstantInput('pixel_mask', 1.0)),
        (TensorSpec('h_in', 'float32', (1, 8)), StateInput('h_in', 'h_out')),
        (TensorSpec('h_in', 'float16', (1, 8)), None),  # no output like it
        (TensorSpec('orig_sizes', 'int64', (1, 2)), ConstantInput('orig_sizes', 32.0)),
        (TensorSpec('sample_rate', 'int64', ()), ConstantInput('sample_rate', 0.0)),
        (TensorSpec('depth', 'float32', (1, 1, 32, 32)), None),
    ],
)
def test_what_fills_another_input_than_the_picture_is_guessed_too(
    spec: TensorSpec, guess: ModelInput | None
) -> None:
    outputs = [TensorSpec('boxes', 'float32', (1, 8, 4)), TensorSpec('h_out', 'float32', (1, 8))]
    first, second = guess_inputs([picture(1, 3, 32, 32), spec], outputs)
    assert isinstance(first, SensorInput)
    assert first.keep.rule is KeepRule.NEWEST
    if guess is not None:
        assert second == guess
    else:
        assert isinstance(second, SensorInput)
        assert (second.topic, second.keep.rule) == ('image_2', KeepRule.LATEST)


def test_the_first_picture_triggers_wherever_it_is() -> None:
    specs = [TensorSpec('mask', 'float32', (1, 8)), picture(1, 3, 32, 32)]
    mask, images = guess_inputs(specs, [])
    assert isinstance(mask, SensorInput)
    assert isinstance(images, SensorInput)
    assert (mask.keep.rule, images.keep.rule) == (KeepRule.LATEST, KeepRule.NEWEST)


@pytest.mark.parametrize(
    ('spec', 'shape', 'value'),
    [
        (TensorSpec('orig_target_sizes', 'int64', (1, 2)), (1, 3, 640, 640), 640),  # RT-DETR
        (TensorSpec('orig_target_sizes', 'int64', (None, 2)), (None, 3, 640, 640), 640),  # D-FINE
        (TensorSpec('target_sizes', 'float32', (1, 2)), (1, 3, 480, 640), 1),  # fractions then
        (TensorSpec('im_shape', 'float32', (1, 2)), (1, 3, 608, 608), 608),  # Paddle
        (TensorSpec('im_shape', 'float32', (None, 2)), (None, 3, 480, 640), 640),
        (TensorSpec('scale_factor', 'float32', (1, 2)), (1, 3, 608, 608), 1),
        (TensorSpec('pixel_mask', 'int64', (1, 800, 800)), (1, 3, 800, 800), 1),  # DETR
    ],
)
def test_sizes_and_factors_leave_boxes_in_pixels_of_the_input_or_as_fractions(
    spec: TensorSpec, shape: tuple[int | None, ...], value: float
) -> None:
    boxes = TensorSpec('boxes', 'float32', (1, 300, 4))
    for inputs in ([picture(*shape), spec], [spec, picture(*shape)]):
        filled = guess_inputs(inputs, [boxes])
        assert ConstantInput(spec.name, value) in filled
        (image,) = [item for item in filled if isinstance(item, SensorInput)]
        assert image.spec == picture(*shape)


def test_free_sizes_and_the_encoder_are_filled_with_what_the_export_says() -> None:
    told = {'size': (64, 32), 'encode.color': 'bgr', 'encode.mean': (0.5,)}
    claims = Claims(tuple(Claim(k, v, Origin.METADATA, 'x') for k, v in told.items()))
    for shape, sized in (
        ((None, 3, None, None), (None, 3, 32, 64)),
        ((1, None, None, 3), (1, 32, 64, 3)),
        ((1, 3, 128, 128), (1, 3, 128, 128)),  # the file knows better
    ):
        (image,) = guess_inputs([picture(*shape)], [], claims)
        assert isinstance(image, SensorInput)
        assert image.spec.shape == sized
        assert (image.encode['color'], image.encode['mean']) == ('bgr', (0.5,))


def test_the_size_of_a_picture_is_told_where_its_input_has_none() -> None:
    size = TensorSpec('orig_size', 'int64', (1, 2))
    filled = guess_inputs([picture(1, 3, None, None), size], [])
    assert filled[1] == SizeInput('orig_size', 'images')


def test_input_whose_every_size_is_free_takes_pictures() -> None:
    free = TensorSpec('pixel_values', 'float32', (None, None, None, None))
    assert is_picture(free)
    assert not is_picture(TensorSpec('past', 'float32', (None, 8, None, 64)))
    assert guess_encode(free) == {'layout': 'nchw', 'color': 'rgb', 'scale': 255.0}
