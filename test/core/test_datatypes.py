"""Values that check themselves."""

import numpy as np
import pytest

from ml_integration.core.datatypes import ModelDescription, ModelIdentity, TensorSpec


@pytest.mark.parametrize(
    ('a', 'b', 'fits'),
    [
        (('float32', (1, 3)), ('float32', (1, 3)), True),  # equal
        (('float32', (None, 3)), ('float32', (7, 3)), True),  # free on one side
        (('float32', (1, 3)), ('float32', (None, None)), True),  # free on the other
        (('float32', (1, 3)), ('float16', (1, 3)), False),  # another dtype
        (('float32', (1, 3)), ('float32', (3,)), False),  # another rank
        (('float32', (1, 3)), ('float32', (1, 4)), False),  # another size
    ],
)
def test_specs_fit_when_rank_dtype_and_fixed_sizes_agree(a: tuple, b: tuple, fits: bool) -> None:
    assert TensorSpec('x', *a).fits(TensorSpec('x', *b)) is fits


def test_a_spec_knows_its_tensors() -> None:
    spec = TensorSpec('x', 'float32', (None, 2))
    assert spec.holds(np.zeros((5, 2), np.float32))
    assert not spec.holds(np.zeros((5, 2), np.float64))
    assert not spec.holds(np.zeros((5, 2), '>f4'))
    assert not spec.holds(np.zeros((5, 3), np.float32))


def test_a_spec_reads_well() -> None:
    assert str(TensorSpec('images', 'float32', (None, 3))) == 'images: float32[?, 3]'


def test_an_unknown_dtype_is_refused_at_once() -> None:
    with pytest.raises(TypeError):
        TensorSpec('x', 'float33', (1,))


def test_names_come_from_the_models_own_labels() -> None:
    model = ModelDescription(ModelIdentity('m', 1), ('cat', 'dog'), (), ())
    assert [model.label(i) for i in (0, 1, 2, -1)] == ['cat', 'dog', '2', '-1']
