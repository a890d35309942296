from __future__ import annotations

import pytest

from ml_integration.cli.guess import guess_task
from ml_integration.core.datatypes import TensorSpec


def picture(*shape: int | None, dtype: str = 'float32') -> TensorSpec:
    return TensorSpec('images', dtype, shape)


@pytest.mark.parametrize(
    ('shape', 'task'),
    [
        ((1, 1000), 'classification'),
        ((None, 1000), 'classification'),  # a free batch
        ((None, 6), 'object_detection'),  # boxes, one per row
        ((1000,), 'classification'),
        ((1, 1000, 1, 1), 'classification'),
        ((1, 25200, 85), 'object_detection'),
        ((1, 3, 4, 5), 'object_detection'),  # nothing known: the person decides
    ],
)
def test_one_list_of_numbers_is_a_classification(shape: tuple[int | None, ...], task: str) -> None:
    guess, _, why = guess_task([picture(1, 3, 640, 640)], [TensorSpec('y', 'float32', shape)])
    assert guess == task
    assert why


def test_decoder_is_guessed_from_the_outputs() -> None:
    output = TensorSpec('y', 'float32', (1, 84, 8400))
    _, settings, _ = guess_task([picture(1, 3, 640, 640)], [output])
    assert settings['decoder'] == 'yolov8'


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
def test_preprocessing_is_guessed_from_the_input(
    spec: TensorSpec, layout: str, color: str, scale: float
) -> None:
    _, settings, _ = guess_task([spec], [TensorSpec('y', 'float32', (1, 10))])
    assert settings['preprocess'] == {'layout': layout, 'color': color, 'scale': scale}
