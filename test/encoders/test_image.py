"""The input tensor equals what plain numpy makes of the same picture."""

from __future__ import annotations

import tracemalloc
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL.Image import Resampling, fromarray

from ml_integration.core.datatypes import Frame, TensorSpec
from ml_integration.encoders.image import Image
from ml_integration.errors import FrameError, SettingError
from ml_integration.ops.letterbox import RESIZES, place
from ml_integration.ops.picture_input import PreprocessSettings

IMAGENET = {'mean': (0.485, 0.456, 0.406), 'std': (0.229, 0.224, 0.225)}


def picture(width: int, height: int, channels: int = 3, seed: int = 0) -> np.ndarray:
    shape = (height, width, channels) if channels > 1 else (height, width)
    pixels = np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
    pixels.flags.writeable = False
    return pixels


def spec_of(wanted: PreprocessSettings, wh: tuple[int, int], dtype: str) -> TensorSpec:
    channels = 1 if wanted.color == 'gray' else 3
    width, height = wh
    shape = (channels, height, width) if wanted.layout == 'nchw' else (height, width, channels)
    return TensorSpec('images', dtype, (None, *shape))


def plain(pixels: np.ndarray, encoding: str, wanted: PreprocessSettings, wh: Any) -> np.ndarray:
    """The tensor in float64, by the book: resize, pad, order, normalize, transpose."""
    height, width = pixels.shape[:2]
    box = place(wanted.resize, (width, height), wh, wanted.crop_ratio)
    if wanted.resampling == 'opencv':
        flags = {'linear': cv2.INTER_LINEAR, 'area': cv2.INTER_AREA}
        resized = cv2.resize(pixels, box.resized_wh, interpolation=flags[wanted.interpolation])
    else:
        filters = {'linear': Resampling.BILINEAR, 'area': Resampling.BOX}
        resized = pixels
        for size in ((box.resized_wh[0], height), box.resized_wh):  # rows, then columns
            resized = np.asarray(fromarray(resized).resize(size, filters[wanted.interpolation]))
    resized = resized.reshape(*resized.shape[:2], -1).astype(np.float64)
    canvas = np.full((wh[1], wh[0], resized.shape[2]), wanted.pad_value)
    padding = np.ones(canvas.shape, bool)
    left, top = box.offset_xy
    cut = resized[max(0, -top) :, max(0, -left) :][: wh[1], : wh[0]]
    top, left = max(0, top), max(0, left)
    inside = np.s_[top : top + cut.shape[0], left : left + cut.shape[1]]
    canvas[inside], padding[inside] = cut, False
    if encoding != 'mono8' and encoding[:3] != wanted.color:
        canvas = canvas[:, :, ::-1]
    tensor = (canvas / wanted.scale - np.array(wanted.mean)) / np.array(wanted.std)
    if wanted.pad_normalized:
        tensor[padding] = wanted.pad_value
    return (tensor.transpose(2, 0, 1) if wanted.layout == 'nchw' else tensor)[None]


def bound(wanted: PreprocessSettings, spec: TensorSpec) -> tuple[Image, np.ndarray]:
    """An encoder and the tensor that it writes into."""
    encoder = Image(wanted, spec)
    tensor = np.empty(encoder.spec.shape, encoder.spec.dtype)
    encoder.bind(tensor)
    return encoder, tensor


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_the_tensor_equals_plain_numpy(data: st.DataObject) -> None:
    color = data.draw(st.sampled_from(('rgb', 'bgr', 'gray')))
    wanted = PreprocessSettings(
        resize=data.draw(st.sampled_from([name for name in RESIZES if name != 'none'])),
        resampling=data.draw(st.sampled_from(('opencv', 'pillow'))),
        interpolation=data.draw(st.sampled_from(('linear', 'area'))),
        layout=data.draw(st.sampled_from(('nchw', 'nhwc'))),
        color=color,
        mean=(0.4,) if color == 'gray' else IMAGENET['mean'],
        std=(0.2,) if color == 'gray' else IMAGENET['std'],
        pad_value=data.draw(st.floats(0, 255)),
        pad_normalized=data.draw(st.booleans()),
    )
    wh = data.draw(st.tuples(st.integers(1, 40), st.integers(1, 40)))
    source = data.draw(st.tuples(st.integers(1, 60), st.integers(1, 60)))
    dtype = data.draw(st.sampled_from(('float32', 'float16', 'float64')))
    to_tensor, tensor = bound(wanted, spec_of(wanted, wh, dtype))
    encoding = data.draw(st.sampled_from(to_tensor.formats))
    pixels = picture(*source, channels=1 if color == 'gray' else 3)
    geometry = to_tensor([Frame(pixels, encoding)])
    assert to_tensor.spec.holds(tensor)
    assert (geometry.source_wh, geometry.target_wh) == (source, wh)
    tolerance = 1e-3 if dtype == 'float16' else 1e-6
    np.testing.assert_allclose(
        tensor, plain(pixels, encoding, wanted, wh), rtol=tolerance, atol=tolerance
    )


@pytest.mark.parametrize('layout', ['nchw', 'nhwc'])
@pytest.mark.parametrize('color', ['rgb', 'bgr', 'gray'])
def test_a_uint8_model_gets_the_pixels_as_they_are(color: str, layout: str) -> None:
    wanted = PreprocessSettings(color=color, layout=layout, scale=1.0)
    to_tensor, tensor = bound(wanted, spec_of(wanted, (32, 32), 'uint8'))
    encoding = to_tensor.formats[-1]
    pixels = picture(40, 20, channels=1 if color == 'gray' else 3)
    to_tensor([Frame(pixels, encoding)])
    assert tensor.dtype == np.uint8
    np.testing.assert_array_equal(tensor, plain(pixels, encoding, wanted, (32, 32)))


@pytest.mark.parametrize('layout', ['nchw', 'nhwc'])
def test_an_int8_model_gets_the_pixels_less_128(layout: str) -> None:
    wanted = PreprocessSettings(layout=layout, scale=1.0, mean=(128.0,))
    to_tensor, tensor = bound(wanted, spec_of(wanted, (32, 32), 'int8'))
    pixels = picture(40, 20)
    to_tensor([Frame(pixels, 'bgr8')])
    assert tensor.dtype == np.int8 and tensor.min() < -100 and tensor.max() > 100
    np.testing.assert_array_equal(tensor, plain(pixels, 'bgr8', wanted, (32, 32)))


@pytest.mark.parametrize('dtype', ['uint8', 'int8'])
def test_a_model_of_bytes_gets_no_fractions(dtype: str) -> None:
    wanted = PreprocessSettings()
    with pytest.raises(SettingError, match=f'std 1 for a model that takes {dtype}'):
        Image(wanted, spec_of(wanted, (32, 32), dtype))


@pytest.mark.parametrize('layout', ['nchw', 'nhwc'])
@pytest.mark.parametrize('color', ['rgb', 'bgr'])
def test_rgb8_and_bgr8_of_one_picture_give_the_same_tensor(color: str, layout: str) -> None:
    wanted = PreprocessSettings(color=color, layout=layout, **IMAGENET)
    to_tensor, tensor = bound(wanted, spec_of(wanted, (48, 32), 'float32'))
    rgb = picture(64, 48)
    to_tensor([Frame(rgb, 'rgb8')])
    first = tensor.copy()
    to_tensor([Frame(255 - rgb, 'rgb8')])
    to_tensor([Frame(np.ascontiguousarray(rgb[:, :, ::-1]), 'bgr8')])
    np.testing.assert_array_equal(first, tensor)


@pytest.mark.parametrize(
    'view',
    [
        lambda pixels: pixels[:, :40],  # rows with bytes between them, as step padding gives
        lambda pixels: pixels[::-1],  # upside down
        lambda pixels: pixels[:, :, ::-1],  # channels turned round
        lambda pixels: pixels[::2, ::3],  # every other pixel
    ],
)
def test_views_count_as_the_pixels_they_show(view: Any) -> None:
    wanted = PreprocessSettings()
    to_tensor, tensor = bound(wanted, spec_of(wanted, (40, 40), 'float32'))
    shown = view(picture(50, 40))
    to_tensor([Frame(shown, 'rgb8')])
    first = tensor.copy()
    to_tensor([Frame(255 - shown, 'rgb8')])
    to_tensor([Frame(np.ascontiguousarray(shown), 'rgb8')])
    np.testing.assert_array_equal(first, tensor)


@pytest.mark.parametrize('resize', ['letterbox', 'letterbox_topleft', 'stretch', 'crop'])
def test_a_picture_of_another_size_leaves_nothing_of_the_last_one(resize: str) -> None:
    wanted = PreprocessSettings(resize=resize)
    spec = spec_of(wanted, (32, 32), 'float32')
    used, tensor = bound(wanted, spec)
    for width, height in ((64, 16), (16, 64), (32, 32), (64, 16)):
        frame = Frame(picture(width, height, seed=width), 'bgr8')
        unused, expected = bound(wanted, spec)
        assert used([frame]) == unused([frame])
        np.testing.assert_array_equal(tensor, expected)


@pytest.mark.parametrize('layout', ['nchw', 'nhwc'])
@pytest.mark.parametrize('encoding', ['rgb8', 'bgr8'])
def test_a_frame_like_the_last_one_allocates_no_arrays(layout: str, encoding: str) -> None:
    wanted = PreprocessSettings(layout=layout)
    to_tensor, _ = bound(wanted, spec_of(wanted, (320, 320), 'float32'))
    frame = Frame(picture(640, 480), encoding)
    first = to_tensor([frame])
    tracemalloc.start()
    try:
        second = to_tensor([frame])
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert second is first
    assert peak_bytes < 20_000  # one plane of the smaller picture is 76,800


@pytest.mark.parametrize('layout', ['nchw', 'nhwc'])
@pytest.mark.parametrize('dtype', ['float32', 'float16', 'float64'])
def test_a_free_size_follows_the_picture_and_allocates_when_it_changes(
    layout: str, dtype: str
) -> None:
    wanted = PreprocessSettings(layout=layout, resize='none', pad_multiple=32)
    shape = (1, 3, None, None) if layout == 'nchw' else (1, None, None, 3)
    to_tensor, tensor = bound(wanted, TensorSpec('x', dtype, shape))
    assert to_tensor.tensor is tensor
    for width, height in ((300, 200), (200, 300)):
        frame = Frame(picture(width, height), 'bgr8')
        to_tensor([frame])
        padded = PreprocessSettings(layout=layout, resize='letterbox_topleft')
        wh = (320, 224) if width > height else (224, 320)
        fixed, expected = bound(padded, spec_of(padded, (width, height), dtype))
        fixed([frame])
        cut = np.s_[:, :, :height, :width] if layout == 'nchw' else np.s_[:, :height, :width]
        assert to_tensor.tensor.shape == to_tensor._shape(wh)
        np.testing.assert_array_equal(to_tensor.tensor[cut], expected)
        np.testing.assert_allclose(to_tensor.tensor.flat[-1], 114 / 255, rtol=1e-3)
        first = to_tensor.tensor
        tracemalloc.start()
        try:
            to_tensor([frame])
            peak_bytes = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert to_tensor.tensor is first and peak_bytes < 20_000


def test_means_in_units_of_pixels_are_those_of_a_scale_of_one() -> None:
    pixels = picture(40, 30)
    mean, std = (103.53, 116.28, 123.675), (57.375, 57.12, 58.395)
    wanted = PreprocessSettings('stretch', color='bgr', scale=1.0, mean=mean, std=std)
    to_tensor, tensor = bound(wanted, spec_of(wanted, (40, 30), 'float32'))
    to_tensor([Frame(pixels, 'bgr8')])
    expected = (pixels.astype(np.float64) - mean) / std
    np.testing.assert_allclose(tensor[0], expected.transpose(2, 0, 1), rtol=0, atol=1e-6)


def test_a_rescale_factor_with_an_offset_is_a_scale_and_a_mean() -> None:
    pixels = picture(40, 30)
    wanted = PreprocessSettings('stretch', scale=1 / (1 / 127.5), mean=(1.0,))
    to_tensor, tensor = bound(wanted, spec_of(wanted, (40, 30), 'float32'))
    to_tensor([Frame(pixels, 'rgb8')])
    expected = pixels.astype(np.float64) * (1 / 127.5) - 1
    np.testing.assert_allclose(tensor[0], expected.transpose(2, 0, 1), rtol=0, atol=1e-6)


@pytest.mark.parametrize('dtype', ['float32', 'float16'])
def test_padding_may_come_after_normalizing(dtype: str) -> None:
    wanted = PreprocessSettings('letterbox', pad_value=0.0, pad_normalized=True, **IMAGENET)
    to_tensor, tensor = bound(wanted, spec_of(wanted, (32, 32), dtype))
    to_tensor([Frame(picture(64, 32), 'rgb8')])
    assert (tensor[:, :, :8] == 0).all() and (tensor[:, :, 24:] == 0).all()
    assert (tensor[:, :, 8:24] != 0).mean() > 0.9


def ultralytics_like(pixels: np.ndarray, side: int, stride: int) -> np.ndarray:
    """The letterbox of the YOLO pipelines, from its description; as small as `stride` allows.

    A `stride` of `side` gives a square.
    """
    height, width = pixels.shape[:2]
    ratio = min(side / height, side / width)
    new_w, new_h = round(width * ratio), round(height * ratio)
    rest_w, rest_h = (side - new_w) % stride / 2, (side - new_h) % stride / 2
    resized = cv2.resize(pixels, (new_w, new_h), interpolation=cv2.INTER_LINEAR)
    top, bottom = round(rest_h - 0.1), round(rest_h + 0.1)
    left, right = round(rest_w - 0.1), round(rest_w + 0.1)
    gray = (114, 114, 114)
    boxed = cv2.copyMakeBorder(resized, top, bottom, left, right, cv2.BORDER_CONSTANT, value=gray)
    return boxed[None].transpose(0, 3, 1, 2).astype(np.float32) / 255


@pytest.mark.parametrize('wh', [(640, 480), (333, 500), (1920, 1080), (101, 57)])
@pytest.mark.parametrize('free', [False, True])
def test_a_letterbox_is_that_of_the_yolo_pipelines(wh: tuple[int, int], free: bool) -> None:
    wanted = PreprocessSettings(longest_edge=640, pad_multiple=32)
    side = None if free else 640
    to_tensor, _ = bound(wanted, TensorSpec('x', 'float32', (1, 3, side, side)))
    pixels = picture(*wh)
    to_tensor([Frame(pixels, 'rgb8')])
    expected = ultralytics_like(pixels, 640, 32 if free else 640)
    np.testing.assert_allclose(to_tensor.tensor, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ('pixels', 'encoding'),
    [
        (picture(64, 64), 'rgb8'),  # not the model's size
        (picture(32, 32, channels=1), 'rgb8'),  # no channels
        (picture(32, 32), 'mono8'),  # not a wanted format
        (picture(32, 32).astype(np.uint16), 'rgb8'),  # not 8 bits
    ],
)
def test_a_frame_that_does_not_fit_is_refused(pixels: np.ndarray, encoding: str) -> None:
    wanted = PreprocessSettings(resize='none')
    to_tensor, _ = bound(wanted, spec_of(wanted, (32, 32), 'float32'))
    with pytest.raises(FrameError):
        to_tensor([Frame(pixels, encoding)])


def test_an_empty_picture_is_refused() -> None:
    to_tensor, _ = bound(PreprocessSettings(), TensorSpec('x', 'float32', (1, 3, 8, 8)))
    with pytest.raises(FrameError, match='0 x 5 px'):
        to_tensor([Frame(np.empty((5, 0, 3), np.uint8), 'rgb8')])


def test_of_several_pictures_the_newest_counts() -> None:
    spec = TensorSpec('x', 'float32', (1, 3, 8, 8))
    (several, tensor), (alone, expected) = (bound(PreprocessSettings(), spec) for _ in range(2))
    frames = [Frame(picture(9 + number, 20, seed=number), 'rgb8') for number in range(3)]
    assert several(frames) == alone(frames[-1:])
    np.testing.assert_array_equal(tensor, expected)
