"""Which inputs are refused before a model is run, and with which words."""

from __future__ import annotations

import pytest

from ml_integration.core.datatypes import TensorSpec
from ml_integration.errors import ExportError
from ml_integration.exports.claims import Claim, Claims, Origin
from ml_integration.exports.export import Export
from ml_integration.exports.guessing.input_check import check_others, check_picture, no_picture


def test_a_model_that_takes_words_is_refused() -> None:
    inputs = (
        TensorSpec('pixel_values', 'float32', (1, 3, 800, 800)),
        TensorSpec('input_ids', 'int64', (1, 16)),
    )
    with pytest.raises(ExportError, match="'input_ids' takes the words of a text"):
        check_others(inputs, 'it')


@pytest.mark.parametrize(
    ('shape', 'lacks'),
    [((3, 64, 64), True), ((64, 64, 3), True), ((1, 1024, 3), False), ((1, 3, 9), False)],
)
def test_only_what_is_a_picture_lacks_a_batch(shape: tuple[int, ...], lacks: bool) -> None:
    error = no_picture(Export('it', 'it', inputs=(TensorSpec('x', 'float32', shape),)))
    assert ('It lacks a batch' in str(error)) is lacks


def test_metadata_of_the_network_do_not_say_how_pixels_become_signed_bytes() -> None:
    said = Claims((Claim('encode.mean', (0.0,), Origin.METADATA, 'names'),))
    with pytest.raises(ExportError, match='nothing says how pixels'):
        check_picture(TensorSpec('images', 'int8', (1, 3, 64, 64)), said, 'it')
