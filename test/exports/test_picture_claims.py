from __future__ import annotations

from typing import Any

import pytest

from ml_integration.core.datatypes import TensorSpec
from ml_integration.exports.claims import Claim, Claims, Origin
from ml_integration.exports.guessing.picture_claims import (
    encode_claims,
    encode_question,
    size_question,
    sized,
)

FREE = TensorSpec('pixel_values', 'float32', (None, None, None, None))


def claims(**encode: Any) -> Claims:
    return Claims(
        tuple(Claim(f'encode.{k}', v, Origin.SIDECAR, 'a file') for k, v in encode.items())
    )


@pytest.mark.parametrize(
    'encode',
    [
        {'resize': 'shortest_edge'},
        {'resize': 'one_side'},
        {'resize': 'letterbox', 'longest_edge': 640},
        {'resize': 'none'},
    ],
    ids=['shortest edge', 'one side', 'largest square', 'as it is'],
)
def test_no_size_is_asked_for_where_that_of_each_picture_decides(encode: dict[str, Any]) -> None:
    known = claims(**encode)
    assert size_question(FREE, known) is None
    assert sized(FREE, known).shape == (None, 3, None, None)


def test_size_that_a_model_fixes_stays() -> None:
    half = TensorSpec('images', 'float32', (1, 3, 480, None))
    known = claims(resize='shortest_edge')
    assert size_question(half, known) is not None
    assert sized(half, known).shape == (1, 3, 480, 640)
    assert size_question(TensorSpec('images', 'float32', (1, None, 480, 640)), known) is None


@pytest.mark.parametrize('resize', ['letterbox', 'stretch'])
def test_free_size_is_asked_for_where_nothing_says_it(resize: str) -> None:
    known = claims(resize=resize)
    assert size_question(FREE, known) is not None
    assert sized(FREE, known).shape == (None, 3, 640, 640)


def test_a_tensor_of_bytes_holds_pixels_whatever_a_file_says_of_the_network() -> None:
    picture = TensorSpec('images', 'uint8', (1, 64, 64, 3))
    found = encode_claims(picture, claims(scale=255.0, mean=(0.5,), std=(0.5,), color='bgr'))
    values = found.below('encode.')
    assert (values['scale'], values['mean'], values['std']) == (1.0, (0.0,), (1.0,))
    assert values['color'] == 'bgr'


def test_means_of_three_channels_are_not_proposed_for_one() -> None:
    picture = TensorSpec('input', 'float32', (1, 1, 28, 28))
    question = encode_question(encode_claims(picture, Claims()), classifies=True)
    assert question is not None
    values = [dict(choice.values) for choice in question.choices]
    assert [one['encode.mean'] for one in values] == [(0.0,)] * len(values)
