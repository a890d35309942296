"""Inputs and settings that do not go together are refused before the first picture."""

from __future__ import annotations

from typing import Any

import pytest

from ml_integration.core.datatypes import ModelDescription, ModelIdentity, TensorSpec
from ml_integration.errors import ModelMismatchError, SettingError
from ml_integration.ops.picture_input import (
    PreprocessSettings,
    normalized_values,
    picture_size,
    the_picture,
)


@pytest.mark.parametrize(
    ('layout', 'color', 'shape'),
    [
        ('nchw', 'rgb', (1, 3, 20, 30)),  # the usual one
        ('nchw', 'gray', (None, 1, 20, 30)),  # free batch
        ('nhwc', 'bgr', (1, 20, 30, 3)),  # channels last
    ],
)
def test_the_size_is_read_in_the_order_of_the_layout(layout: str, color: str, shape: Any) -> None:
    wanted = PreprocessSettings(layout=layout, color=color)
    assert picture_size(wanted, TensorSpec('x', 'float32', shape), 'm@1') == (30, 20)


@pytest.mark.parametrize(
    ('layout', 'shape'), [('nchw', (1, 3, None, None)), ('nhwc', (None, None, None, 3))]
)
def test_a_free_height_and_width_are_no_size(layout: str, shape: Any) -> None:
    spec = TensorSpec('x', 'float32', shape)
    assert picture_size(PreprocessSettings(layout=layout), spec, 'm@1') is None


@pytest.mark.parametrize(
    ('layout', 'color', 'dtype', 'shape'),
    [
        ('nchw', 'rgb', 'float32', (1, 32, 32, 3)),  # the other layout
        ('nhwc', 'rgb', 'float32', (1, 3, 32, 32)),  # ... and back
        ('nchw', 'gray', 'float32', (1, 3, 32, 32)),  # too many channels
        ('nchw', 'rgb', 'float32', (1, 1, 32, 32)),  # too few
        ('nchw', 'rgb', 'float32', (None, 3, None, 32)),  # free height only
        ('nchw', 'rgb', 'float32', (2, 3, 32, 32)),  # a batch
        ('nchw', 'rgb', 'float32', (3, 32, 32)),  # no batch axis
        ('nchw', 'rgb', 'float32', ()),  # a number
        ('nchw', 'rgb', 'int64', (1, 3, 32, 32)),  # not an element type of pictures
    ],
)
def test_an_input_that_is_no_such_picture_is_refused(
    layout: str, color: str, dtype: str, shape: tuple[int | None, ...]
) -> None:
    with pytest.raises(ModelMismatchError) as caught:
        picture_size(
            PreprocessSettings(layout=layout, color=color), TensorSpec('x', dtype, shape), 'm@1'
        )
    assert "m@1: input 'x'" in str(caught.value)
    assert f'got x: {dtype}[' in str(caught.value) and 'expected float32' in str(caught.value)


@pytest.mark.parametrize(
    ('values', 'dtype', 'key'),
    [
        ({'mean': (0.1, 0.2)}, 'float32', 'encode.mean'),  # two values for three channels
        ({'std': (0.1,) * 4}, 'float32', 'encode.std'),  # four
        ({'color': 'gray', 'mean': (0.1,) * 3}, 'float32', 'encode.mean'),  # three for gray
        ({}, 'uint8', 'encode.scale'),  # fractions do not fit into uint8
    ],
)
def test_settings_that_do_not_fit_the_input_are_refused(
    values: dict[str, Any], dtype: str, key: str
) -> None:
    with pytest.raises(SettingError) as caught:
        normalized_values(PreprocessSettings(**values), dtype, 'm@1')
    assert caught.value.key == key


def model_of(**pictures: tuple[int, int]) -> ModelDescription:
    """A model with three inputs, of which these take pictures."""
    inputs = tuple(TensorSpec(name, 'float32', (1, 3, 8, 9)) for name in 'xyz')
    return ModelDescription(ModelIdentity('m', 1), (), inputs, (), pictures)


def test_the_picture_is_the_one_among_whatever_inputs_there_are() -> None:
    assert the_picture(model_of(y=(9, 8))) == 'y'


@pytest.mark.parametrize('pictures', [(), ('x', 'y')])
def test_a_model_with_no_picture_or_two_is_refused(pictures: tuple[str, ...]) -> None:
    with pytest.raises(ModelMismatchError, match=r'm@1.*got x: float32.*one input of kind image'):
        the_picture(model_of(**dict.fromkeys(pictures, (9, 8))))
