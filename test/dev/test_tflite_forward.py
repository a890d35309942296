"""The converter against what the operators are documented to do, in plain numpy."""

from __future__ import annotations

import struct
from collections.abc import Callable

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest
from tflite_files import Network

from dev.models.tflite import convert

SAME, VALID = 0, 1
RELU, RELU6 = 1, 3
ADD, AVERAGE, CONCAT, CONV, DEPTHWISE, DEQUANTIZE = 0, 1, 2, 3, 4, 6
LOGISTIC, MAX, MUL, RELU_ALONE, RESHAPE, BILINEAR, PAD, PRELU, HARD_SWISH = (
    14, 17, 18, 19, 22, 23, 34, 54, 117,
)  # fmt: skip


def normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(5).normal(size=shape).astype(np.float32)


PICTURE = normal(1, 7, 6, 4)


def picture_network() -> Network:
    network = Network()
    network.tensor(*PICTURE.shape, name='picture')
    return network


def run(network: Network, **inputs: np.ndarray) -> list[np.ndarray]:
    content = convert(network.content(), 'toy')
    session = onnxruntime.InferenceSession(content, providers=['CPUExecutionProvider'])
    return session.run(None, inputs or {'picture': PICTURE})


def windows(
    picture: np.ndarray, size: tuple[int, int], stride: tuple[int, int], same: bool, fill: float
) -> np.ndarray:
    """Windows (rows, columns, height, width, channels); an odd pixel of padding is at the end."""
    pads = []
    for length, window, step in zip(picture.shape[1:3], size, stride, strict=True):
        total = max((-(-length // step) - 1) * step + window - length, 0) if same else 0
        pads.append((total // 2, total - total // 2))
    padded = np.pad(picture[0], (*pads, (0, 0)), constant_values=fill)
    view = np.lib.stride_tricks.sliding_window_view(padded, size, (0, 1))
    return view[:: stride[0], :: stride[1]].transpose(0, 1, 3, 4, 2)


def numbers(*names_and_values: tuple[int, int]) -> dict[int, tuple[str, int]]:
    return {place: ('i', value) for place, value in names_and_values}


@pytest.mark.parametrize('padding', [SAME, VALID])
@pytest.mark.parametrize('stride', [(1, 1), (2, 2), (2, 1)])
@pytest.mark.parametrize('size', [(3, 3), (2, 5)])
def test_convolution(padding: int, stride: tuple[int, int], size: tuple[int, int]) -> None:
    kernel = normal(5, *size, 4)
    bias = normal(5)
    seen = windows(PICTURE, size, stride, padding == SAME, 0)
    expected = np.einsum('rchwi,ohwi->rco', seen, kernel) + bias
    network = picture_network()
    options = numbers((1, stride[1]), (2, stride[0]))
    options |= {0: ('b', padding), 3: ('b', RELU6)}
    weights = network.constant(kernel), network.constant(bias)
    network.step(CONV, 0, *weights, to=(1, *expected.shape), options=options)
    (got,) = run(network)
    np.testing.assert_allclose(got[0], np.clip(expected, 0, 6), atol=1e-5)


def test_depthwise_convolution() -> None:
    kernel = normal(1, 3, 3, 4)
    expected = np.einsum('rchwi,hwi->rci', windows(PICTURE, (3, 3), (2, 2), True, 0), kernel[0])
    network = picture_network()
    options = numbers((1, 2), (2, 2), (3, 1)) | {4: ('b', RELU)}
    weights = network.constant(kernel), network.constant(np.zeros(4))
    network.step(DEPTHWISE, 0, *weights, to=(1, *expected.shape), options=options)
    (got,) = run(network)
    np.testing.assert_allclose(got[0], np.maximum(expected, 0), atol=1e-5)


def test_half_precision_weights_are_used_as_they_are() -> None:
    network = picture_network()
    kernel = normal(2, 1, 1, 4).astype(np.float16)
    stored = network.constant(kernel, 'float16')
    wide = network.step(DEQUANTIZE, stored, to=kernel.shape)
    bias = network.constant([0, 1])
    network.step(CONV, 0, wide, bias, to=(1, 7, 6, 2), options=numbers((1, 1), (2, 1)))
    (got,) = run(network)
    expected = PICTURE @ kernel.astype(np.float32)[:, 0, 0].T + [0, 1]
    np.testing.assert_allclose(got, expected, atol=1e-5)


@pytest.mark.parametrize('kind', [MAX, AVERAGE])
def test_pools_leave_their_padding_out(kind: int) -> None:
    seen = windows(PICTURE, (2, 3), (2, 2), True, np.nan)
    expected = (np.nanmax if kind == MAX else np.nanmean)(seen, axis=(2, 3))
    network = picture_network()
    options = numbers((1, 2), (2, 2), (3, 3), (4, 2))
    network.step(kind, 0, to=(1, *expected.shape), options=options)
    np.testing.assert_allclose(run(network)[0][0], expected, atol=1e-6)


def test_transposed_convolution_with_bias() -> None:
    kernel = normal(3, 2, 2, 4)
    enlarged = np.einsum('rci,ohwi->rhcwo', PICTURE[0], kernel).reshape(14, 12, 3)
    expected = enlarged + np.array([1, 2, 3])
    network = picture_network()
    weights = network.constant(kernel), network.constant([1, 2, 3])
    settings = struct.pack('<3i', 1, 2, 2)
    network.step(
        'Convolution2DTransposeBias', 0, *weights, to=(1, 14, 12, 3), custom_options=settings
    )
    np.testing.assert_allclose(run(network)[0][0], expected, atol=1e-5)


SLOPES = np.float32([0.1, 0.2, 0.3, 0.4])
ALONE: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    LOGISTIC: lambda x: 1 / (1 + np.exp(-x)),
    RELU_ALONE: lambda x: np.maximum(x, 0),
    HARD_SWISH: lambda x: x * np.clip(x + 3, 0, 6) / 6,
}


@pytest.mark.parametrize('kind', ALONE)
def test_activations(kind: int) -> None:
    network = picture_network()
    network.step(kind, 0, to=PICTURE.shape)
    np.testing.assert_allclose(run(network)[0], ALONE[kind](PICTURE), atol=1e-6)


@pytest.mark.parametrize('slopes', [SLOPES.reshape(1, 1, 4), np.float32([0.5])])
def test_prelu_has_a_slope_of_each_channel_or_one(slopes: np.ndarray) -> None:
    network = picture_network()
    network.step(PRELU, 0, network.constant(slopes), to=PICTURE.shape)
    expected = np.where(PICTURE < 0, PICTURE * slopes, PICTURE)
    np.testing.assert_allclose(run(network)[0], expected, atol=1e-6)


@pytest.mark.parametrize('kind', [ADD, MUL])
@pytest.mark.parametrize('constant', [SLOPES, PICTURE[:, :1, :1], np.float32(3)])
def test_sum_and_product_with_a_constant(kind: int, constant: np.ndarray) -> None:
    network = picture_network()
    network.step(kind, 0, network.constant(constant), to=PICTURE.shape)
    expected = PICTURE + constant if kind == ADD else PICTURE * constant
    np.testing.assert_allclose(run(network)[0], expected, atol=1e-6)


def test_padding_of_the_picture_and_of_its_channels() -> None:
    network = picture_network()
    border = [[0, 0], [1, 2], [3, 0], [0, 4]]
    expected = np.pad(PICTURE, border)
    network.step(PAD, 0, network.constant(border, 'int32'), to=expected.shape)
    np.testing.assert_array_equal(run(network)[0], expected)


@pytest.mark.parametrize('axis', [1, 3, -1])
def test_concatenation(axis: int) -> None:
    network = picture_network()
    expected = np.concatenate([PICTURE, PICTURE], axis)
    network.step(CONCAT, 0, 0, to=expected.shape, options=numbers((0, axis)))
    np.testing.assert_array_equal(run(network)[0], expected)


def test_values_are_reshaped_in_the_order_of_the_file() -> None:
    network = picture_network()
    rows = network.step(RESHAPE, 0, to=(1, 84, 2))
    doubled = network.step(ADD, rows, rows, to=(1, 84, 2))
    network.step(CONCAT, doubled, rows, to=(1, 168, 2), options=numbers((0, 1)))
    flat = PICTURE.reshape(1, 84, 2)
    np.testing.assert_array_equal(run(network)[0], np.concatenate([2 * flat, flat], axis=1))


def test_bilinear_enlargement_with_half_pixels_is_that_of_opencv() -> None:
    network = picture_network()
    size = network.constant([14, 18], 'int32')
    options = {2: ('b', False), 3: ('b', True)}
    network.step(BILINEAR, 0, size, to=(1, 14, 18, 4), options=options)
    expected = cv2.resize(PICTURE[0], (18, 14), interpolation=cv2.INTER_LINEAR)
    np.testing.assert_allclose(run(network)[0][0], expected, atol=1e-5)


@pytest.mark.parametrize('aligned', [False, True])
def test_bilinear_enlargement_from_the_first_pixel_on(aligned: bool) -> None:
    network = picture_network()
    size = network.constant([7, 11], 'int32')
    network.step(BILINEAR, 0, size, to=(1, 7, 11, 4), options={2: ('b', aligned)})
    places = np.arange(11) * (5 / 10 if aligned else 6 / 11)
    row = PICTURE[0, 0, :, 0]
    expected = np.interp(np.minimum(places, 5), np.arange(6), row)
    np.testing.assert_allclose(run(network)[0][0, 0, :, 0], expected, atol=1e-5)


def test_inputs_and_outputs_keep_their_names_and_layout() -> None:
    network = picture_network()
    first = network.step(RELU_ALONE, 0, to=PICTURE.shape)
    second = network.step(RESHAPE, first, to=(1, 168))
    network.outputs = (second, first)
    model = onnx.load_from_string(convert(network.content(), 'toy'))
    described = {
        one.name: [size.dim_value for size in one.type.tensor_type.shape.dim]
        for one in (*model.graph.input, *model.graph.output)
    }
    assert list(described.items()) == [
        ('picture', [1, 7, 6, 4]), ('tensor_2', [1, 168]), ('tensor_1', [1, 7, 6, 4]),
    ]  # fmt: skip
    got = run(network)
    np.testing.assert_array_equal(got[1], np.maximum(PICTURE, 0))
    np.testing.assert_array_equal(got[0], got[1].reshape(1, 168))


def test_channels_are_moved_only_where_the_network_begins_and_ends() -> None:
    network = picture_network()
    before = 0
    for _ in range(3):
        kernel, bias = network.constant(np.ones((4, 1, 1, 4))), network.constant(np.ones(4))
        options = numbers((1, 1), (2, 1))
        before = network.step(CONV, before, kernel, bias, to=PICTURE.shape, options=options)
    model = onnx.load_from_string(convert(network.content(), 'toy'))
    kinds = [node.op_type for node in model.graph.node]
    assert kinds == ['Transpose', 'Conv', 'Conv', 'Conv', 'Transpose']


def test_the_same_network_gives_the_same_bytes() -> None:
    network = picture_network()
    network.step(RELU_ALONE, 0, to=PICTURE.shape)
    assert convert(network.content(), 'a') == convert(network.content(), 'a')
