from __future__ import annotations

from typing import Any

import pytest

from ml_integration.core.datatypes import TensorSpec
from ml_integration.exports.claims import Claim, Claims, Origin
from ml_integration.exports.picture_claims import size_question, sized

FREE = TensorSpec('pixel_values', 'float32', (None, None, None, None))


def claims(**encode: Any) -> Claims:
    return Claims(
        tuple(Claim(f'encode.{k}', v, Origin.SIDECAR, 'a file') for k, v in encode.items())
    )


@pytest.mark.parametrize(
    'encode',
    [
        {'resize': 'shortest_edge'},
        {'resize': 'letterbox', 'longest_edge': 640},
        {'resize': 'none'},
    ],
    ids=['shortest edge', 'largest square', 'as it is'],
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
