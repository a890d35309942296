"""What cannot be converted is refused with the place, the reason and what was expected."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tflite_files import Network

from dev.models.errors import TfliteError
from dev.models.tflite import convert

SHAPE = (1, 4, 4, 2)
CONV, DEQUANTIZE, RELU, PAD, PRELU, ADD = 3, 6, 19, 34, 54, 0
TRANSPOSED = 'Convolution2DTransposeBias'


def network() -> Network:
    made = Network()
    made.tensor(*SHAPE, name='picture')
    return made


def refusal(content: bytes) -> str:
    with pytest.raises(TfliteError) as caught:
        convert(content, 'refused')
    return str(caught.value)


def convolution(made: Network, to: tuple[int, ...] = SHAPE, **options: Any) -> None:
    weights = made.constant(np.ones((2, 1, 1, 2))), made.constant(np.ones(2))
    settings = {1: ('i', 1), 2: ('i', 1), **options.get('options', {})}
    made.step(CONV, 0, *weights, to=to, options=settings)


def test_another_file_is_named_by_its_first_bytes() -> None:
    assert "expected b'TFL3'" in refusal(b'PK\3\4' + bytes(100))
    assert 'not a TensorFlow Lite model' in refusal(b'')


def test_another_version_or_more_graphs_are_refused() -> None:
    assert 'schema version 2, expected 3' in refusal(network().content(version=2))
    assert 'has 2 graphs, expected exactly one' in refusal(network().content(graphs=2))


def test_a_file_that_is_cut_anywhere_is_refused() -> None:
    made = network()
    convolution(made)
    whole = made.content()
    convert(whole, 'whole')
    for length in range(len(whole)):
        assert refusal(whole[:length])


def unknown_kind(made: Network) -> None:
    made.step(98, 0, to=SHAPE)


def own_kind(made: Network) -> None:
    made.step('Landmarks2TransformMatrix', 0, to=SHAPE)


def two_outputs(made: Network) -> None:
    made.step(RELU, 0, to=SHAPE)
    made.steps[0].outputs *= 2


def computed_weights(made: Network) -> None:
    kernel = made.step(RELU, 0, to=(1, 1, 1, 2))
    made.step(CONV, 0, kernel, to=SHAPE)


def unknown_activation(made: Network) -> None:
    convolution(made, options={3: ('b', 4)})


def unknown_padding(made: Network) -> None:
    convolution(made, options={0: ('b', 2)})


def no_stride(made: Network) -> None:
    convolution(made, options={1: ('i', 0)})


def other_channels(made: Network) -> None:
    made.step(CONV, 0, made.constant(np.ones((2, 1, 1, 3))), to=SHAPE)


def no_weights(made: Network) -> None:
    made.step(CONV, 0, to=SHAPE)


def too_early(made: Network) -> None:
    later = made.tensor(*SHAPE, name='later')
    made.step(RELU, later, to=SHAPE)


def wrong_number(made: Network) -> None:
    made.step(RELU, 99, to=SHAPE)


def empty_shape(made: Network) -> None:
    made.step(RELU, 0, to=(1, 0, 4, 2))


def bytes_as_type(made: Network) -> None:
    made.constant(np.ones(3), 'uint8')


def sparse(made: Network) -> None:
    made.tensor(8, 8, values=np.ones(3, np.float32), name='kernel')


def single_precision(made: Network) -> None:
    made.step(DEQUANTIZE, made.constant([1.0]), to=(1,))


def other_axes(made: Network) -> None:
    made.step(ADD, 0, made.step(RELU, 0, to=(32,)), to=SHAPE)


def other_slopes(made: Network) -> None:
    made.step(PRELU, 0, made.constant(np.ones((1, 1, 3))), to=SHAPE)


def overlapping(made: Network) -> None:
    weights = made.constant(np.ones((1, 3, 3, 2))), made.constant([0])
    settings = struct.pack('<3i', 1, 2, 2)
    made.step(TRANSPOSED, 0, *weights, to=(1, 8, 8, 1), custom_options=settings)


def without_settings(made: Network) -> None:
    made.step(TRANSPOSED, 0, made.constant(np.ones((1, 2, 2, 2))), to=(1, 8, 8, 1))


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        (unknown_kind, 'operator 0 number 98 is not supported; supported: ADD, '),
        (own_kind, 'operator 0 Landmarks2TransformMatrix is not supported'),
        (two_outputs, '2 outputs, expected one'),
        (computed_weights, 'operator 1 CONV_2D: input 1 must be constant and is computed'),
        (unknown_activation, 'CONV_2D: activation number 4 is not known'),
        (unknown_padding, 'CONV_2D: padding 2'),
        (no_stride, 'strides (1, 0)'),
        (other_channels, '2 channels do not fit a kernel of 3'),
        (no_weights, 'operator 0 CONV_2D has no input 1'),
        (too_early, "tensor 1 'later' is used before anything computes it"),
        (wrong_number, 'operator 0 RELU points at number 99, expected one below 2'),
        (empty_shape, 'has shape (1, 0, 4, 2), expected sizes above 0'),
        (bytes_as_type, 'has type number 3'),
        (sparse, "tensor 'kernel': 12 bytes of values, expected 256 for (8, 8); sparse tensors"),
        (single_precision, 'float32 values, expected float16'),
        (other_axes, 'different numbers of axes'),
        (other_slopes, '3 slopes for 2 channels'),
        (overlapping, 'expected padding 1 and strides like the kernel'),
        (without_settings, '0 bytes of settings'),
    ],
)
def test_what_is_not_known_is_refused(change: Callable[[Network], None], words: str) -> None:
    made = network()
    change(made)
    assert words in refusal(made.content())
