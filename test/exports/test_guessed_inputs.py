from __future__ import annotations

import pytest

from ml_integration.core.datatypes import TensorSpec
from ml_integration.core.inputs import (
    ConstantInput,
    KeepRule,
    KeepSpec,
    ModelInput,
    SensorInput,
    StateInput,
)
from ml_integration.exports.guessed_inputs import guess_inputs


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
