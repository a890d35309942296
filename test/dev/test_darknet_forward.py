"""The converter against an independent forward pass in plain numpy, layer by layer."""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray

from dev.models.darknet import convert

Array = NDArray[np.float64]
Section = dict[str, str]

NET = '[net]\nwidth=16\nheight=16\nchannels=3\n'
# Two anchors and one class: 2 * (5 + 1) = 12 channels. The first anchor is not used.
HEAD = (
    '[convolutional]\nfilters=12\nsize=1\nstride=1\npad=1\nactivation=linear\n'
    '[yolo]\nmask=1,2\nanchors=9,9, 3,5, 8,6\nnum=3\nclasses=1\njitter=.3\n'
)
CONV = '[convolutional]\nbatch_normalize=1\nfilters=4\nsize=3\nstride=1\npad=1\nactivation=leaky\n'

NETWORKS = {
    'conv_bn_leaky': CONV,
    'conv_bias_only': '[convolutional]\nfilters=5\nsize=3\npad=1\nactivation=linear\n',
    'conv_stride_2': CONV.replace('stride=1', 'stride=2'),
    'conv_explicit_padding': CONV.replace('pad=1', 'padding=2'),
    'conv_groups': CONV + CONV.replace('filters=4', 'filters=6\ngroups=2'),
    'conv_relu': CONV.replace('leaky', 'relu'),
    'conv_logistic': CONV.replace('leaky', 'logistic'),
    'maxpool_stride_2': CONV + '[maxpool]\nsize=2\nstride=2\n',
    'maxpool_stride_1': CONV + '[maxpool]\nsize=2\nstride=1\n',
    'maxpool_odd_input': CONV + '[maxpool]\nsize=3\nstride=3\n[maxpool]\nsize=2\nstride=2\n',
    'maxpool_size_3_stride_1': CONV + '[maxpool]\nsize=3\nstride=1\n',
    'upsample': CONV + '[maxpool]\nsize=4\nstride=4\n[upsample]\nstride=2\n',
    'route_one': CONV + CONV + '[route]\nlayers=-2\n',
    'route_two': CONV + CONV + '[route]\nlayers=-1, 0\n',
    'shortcut': CONV + CONV + '[shortcut]\nfrom=-2\nactivation=leaky\n',
    'two_heads': CONV + '[maxpool]\nsize=2\nstride=2\n' + HEAD
    + '[route]\nlayers=-3\n[upsample]\nstride=2\n[route]\nlayers=-1,0\n' + CONV,
}  # fmt: skip


def sections_of(cfg: str) -> list[Section]:
    sections: list[Section] = []
    for line in cfg.splitlines():
        if line.startswith('['):
            sections.append({'kind': line.strip('[]')})
        else:
            key, value = line.split('=')
            sections[-1][key] = value
    return sections[1:]


def random_weights(cfg: str, seed: int = 0) -> bytes:
    """A .weights file that fits `cfg`, with positive variances."""
    rng = np.random.default_rng(seed)
    channels, parts = 3, [struct.pack('<3iq', 0, 2, 0, 99)]
    history: list[int] = []
    for section in sections_of(cfg):
        if section['kind'] == 'convolutional':
            filters, size = int(section['filters']), int(section['size'])
            inputs = channels // int(section.get('groups', 1))
            vectors = [rng.normal(size=filters)]
            if section.get('batch_normalize') == '1':
                vectors += [rng.normal(size=filters), rng.normal(size=filters)]
                vectors += [rng.uniform(0.3, 2.0, size=filters)]
            vectors += [rng.normal(size=filters * inputs * size * size) * 0.2]
            parts += [vector.astype('<f4').tobytes() for vector in vectors]
            channels = filters
        elif section['kind'] == 'route':
            wanted = [int(part) for part in section['layers'].split(',')]
            channels = sum(history[index] for index in wanted)
        history.append(channels)
    return b''.join(parts)


def plain_forward(cfg: str, weights: bytes, images: Array) -> Array:
    """Run the network with nothing but loops over kernel places; (N, 5 + C) float64."""
    floats = np.frombuffer(weights, '<f4', offset=20).astype(np.float64)
    values: list[Array] = []
    rows: list[Array] = []
    for section in sections_of(cfg):
        previous = values[-1] if values else images
        if section['kind'] == 'convolutional':
            value, floats = plain_convolution(section, previous, floats)
        elif section['kind'] == 'maxpool':
            value = plain_max_pool(previous, int(section['size']), int(section['stride']))
        elif section['kind'] == 'upsample':
            factor = int(section['stride'])
            value = previous.repeat(factor, axis=1).repeat(factor, axis=2)
        elif section['kind'] == 'route':
            value = np.concatenate([values[int(part)] for part in section['layers'].split(',')])
        elif section['kind'] == 'shortcut':
            value = activated(section, previous + values[int(section['from'])])
        else:
            value = previous
            rows += [plain_yolo(section, previous, images.shape[1:])]
        values.append(value)
    assert floats.size == 0
    return np.concatenate(rows)


def plain_convolution(section: Section, source: Array, floats: Array) -> tuple[Array, Array]:
    filters, size = int(section['filters']), int(section['size'])
    stride, groups = int(section.get('stride', 1)), int(section.get('groups', 1))
    padding = size // 2 if section.get('pad') == '1' else int(section.get('padding', 0))
    inputs = source.shape[0] // groups
    normalized = section.get('batch_normalize') == '1'
    lengths = [filters] * (4 if normalized else 1) + [filters * inputs * size**2]
    *vectors, kernel, rest = np.split(floats, np.cumsum(lengths))
    kernel = kernel.reshape(filters, inputs, size, size)
    padded = np.pad(source, ((0, 0), (padding, padding), (padding, padding)))
    height, width = ((edge - size) // stride + 1 for edge in padded.shape[1:])
    out = np.zeros((filters, height, width))
    for f, y, x in np.ndindex(out.shape):
        first = f // (filters // groups) * inputs
        window = padded[first : first + inputs, y * stride : y * stride + size]
        out[f, y, x] = (window[:, :, x * stride : x * stride + size] * kernel[f]).sum()
    if normalized:
        bias, gain, mean, variance = (vector[:, None, None] for vector in vectors)
        out = (out - mean) / (np.sqrt(variance) + 1e-6) * gain + bias
    else:
        out += vectors[0][:, None, None]
    return activated(section, out), rest


def activated(section: Section, value: Array) -> Array:
    functions: dict[str, Callable[[Array], Array]] = {
        'linear': lambda x: x,
        'leaky': lambda x: np.where(x > 0, x, 0.1 * x),
        'relu': lambda x: np.maximum(x, 0),
        'logistic': sigmoid,
    }
    return functions[section['activation']](value)


def plain_max_pool(source: Array, size: int, stride: int) -> Array:
    channels, height, width = source.shape
    out = np.full((channels, (height - 1) // stride + 1, (width - 1) // stride + 1), -np.inf)
    offset = -((size - 1) // 2)
    for _, y, x in np.ndindex(1, *out.shape[1:]):
        top, left = y * stride + offset, x * stride + offset
        window = source[:, max(top, 0) : top + size, max(left, 0) : left + size]
        out[:, y, x] = window.max(axis=(1, 2))
    return out


def plain_yolo(section: Section, source: Array, image_hw: tuple[int, ...]) -> Array:
    flat = [float(part) for part in section['anchors'].split(',')]
    values = 5 + int(section['classes'])
    _, height, width = source.shape
    rows = []
    for place, anchor in enumerate(int(part) for part in section['mask'].split(',')):
        for y, x in np.ndindex(height, width):
            t = source[place * values : (place + 1) * values, y, x]
            center = [
                (sigmoid(t[0]) + x) * image_hw[1] / width,
                (sigmoid(t[1]) + y) * image_hw[0] / height,
            ]
            size = [np.exp(t[2]) * flat[2 * anchor], np.exp(t[3]) * flat[2 * anchor + 1]]
            rows.append(np.concatenate([center, size, sigmoid(t[4:])]))
    return np.array(rows)


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


@pytest.mark.parametrize('name', NETWORKS)
def test_every_layer_computes_what_plain_numpy_computes(name: str) -> None:
    cfg = NET + NETWORKS[name] + HEAD
    weights = random_weights(cfg)
    images = np.random.default_rng(1).uniform(size=(3, 16, 16))
    session = onnxruntime.InferenceSession(convert(cfg, weights, name))
    (detections,) = session.run(None, {'images': images[None].astype(np.float32)})
    expected = plain_forward(cfg, weights, images)
    assert detections.shape == (1, *expected.shape)
    np.testing.assert_allclose(detections[0], expected, rtol=2e-4, atol=2e-5)


def test_an_input_that_is_not_square_keeps_x_and_y_apart() -> None:
    cfg = NET.replace('width=16', 'width=24') + CONV + '[maxpool]\nsize=2\nstride=2\n' + HEAD
    weights = random_weights(cfg)
    images = np.random.default_rng(1).uniform(size=(3, 16, 24))
    session = onnxruntime.InferenceSession(convert(cfg, weights, 'wide'))
    (detections,) = session.run(None, {'images': images[None].astype(np.float32)})
    expected = plain_forward(cfg, weights, images)
    np.testing.assert_allclose(detections[0], expected, rtol=2e-4, atol=2e-5)


def test_the_mask_of_a_head_can_be_put_right() -> None:
    cfg = NET + CONV + HEAD
    weights = random_weights(cfg)
    right = convert(cfg.replace('mask=1,2', 'mask=0,2'), weights, 'masks')
    assert convert(cfg, weights, 'masks', {0: '0,2'}) == right
    assert convert(cfg, weights, 'masks') != right


def test_the_same_network_gives_the_same_bytes() -> None:
    cfg = NET + NETWORKS['two_heads'] + HEAD
    assert convert(cfg, random_weights(cfg), 'same') == convert(cfg, random_weights(cfg), 'same')


def test_an_old_onnx_runtime_can_read_the_model() -> None:
    cfg = NET + CONV + HEAD
    model = onnx.load_from_string(convert(cfg, random_weights(cfg), 'old'))
    assert [opset.version for opset in model.opset_import] == [13]
    assert model.ir_version == 7
    assert [value.name for value in model.graph.input] == ['images']
    assert [value.name for value in model.graph.output] == ['detections']
