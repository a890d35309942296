"""The input tensor equals what torchvision, timm and transformers make of the same picture.

What they make of it is in `data/processors.npz`, written by `python -m dev.oracles.record`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dev.oracles.chirp import chirp
from ml_integration.core.datatypes import Frame, TensorSpec
from ml_integration.core.declaration import build
from ml_integration.encoders.image import Image
from ml_integration.ops.picture_input import PreprocessSettings

RECORDED = np.load(Path(__file__).parent / 'data' / 'processors.npz')
SIZES = ((640, 480), (333, 500), (1920, 1080))

PILLOW = {'resampling': 'pillow'}
CUBIC = {**PILLOW, 'interpolation': 'cubic'}
IMAGENET = {'mean': (0.485, 0.456, 0.406), 'std': (0.229, 0.224, 0.225)}
HALF = {'mean': (0.5,), 'std': (0.5,)}
CLIP = {
    'mean': (0.48145466, 0.4578275, 0.40821073),
    'std': (0.26862954, 0.26130258, 0.27577711),
}
ZEROS = {'pad_value': 0.0, 'pad_normalized': True}
EDGE = {'resize': 'shortest_edge', 'shortest_edge': 800, 'longest_edge': 1333}
DETR = {**PILLOW, **IMAGENET, **EDGE, **ZEROS, 'rounding': 'transformers'}
DEPTH_ANYTHING = {**CUBIC, **IMAGENET, 'resize': 'one_side', 'resize_multiple': 14}
HF_CROP = {'resize': 'crop', 'rounding': 'transformers'}

ENCODES: dict[str, tuple[int | None, dict[str, Any]]] = {
    'torchvision_resnet': (224, {**PILLOW, **IMAGENET, 'resize': 'crop', 'crop_ratio': 0.875}),
    'torchvision_odd_rest': (224, {**PILLOW, **IMAGENET, 'resize': 'crop', 'shortest_edge': 235}),
    'torchvision_small': (
        224,
        {**PILLOW, **IMAGENET, 'resize': 'crop', 'shortest_edge': 200, 'pad_value': 0.0},
    ),
    'torchvision_v2_bicubic': (
        224,
        {**CUBIC, **IMAGENET, 'resize': 'crop', 'crop_ratio': 224 / 236},
    ),
    'torchvision_limited': (
        None,
        {**PILLOW, 'resize': 'shortest_edge', 'shortest_edge': 600, 'longest_edge': 800},
    ),
    'torchvision_rcnn_padding': (
        None,
        {**IMAGENET, **ZEROS, 'resize': 'none', 'pad_multiple': 32},
    ),
    'timm_bicubic_90': (224, {**CUBIC, **IMAGENET, 'resize': 'crop', 'crop_ratio': 0.9}),
    'timm_bicubic_95': (288, {**CUBIC, **IMAGENET, 'resize': 'crop', 'crop_ratio': 0.95}),
    'timm_squash': (224, {**PILLOW, **IMAGENET, 'resize': 'stretch_crop', 'crop_ratio': 0.875}),
    'hf_vit': (224, {**PILLOW, **HALF, 'resize': 'stretch'}),
    'hf_deit': (224, {**CUBIC, **HALF, **HF_CROP, 'resize': 'stretch_crop'}),
    'hf_clip': (224, {**CUBIC, **CLIP, **HF_CROP, 'shortest_edge': 224}),
    'hf_convnext_224': (224, {**PILLOW, **HALF, **HF_CROP, 'crop_ratio': 224 / 256}),
    'hf_convnext_384': (384, {**PILLOW, **HALF, 'resize': 'stretch'}),
    'hf_mobilenet': (224, {**PILLOW, **HALF, **HF_CROP, 'shortest_edge': 256}),
    'hf_odd_rest': (224, {**PILLOW, **HALF, **HF_CROP, 'shortest_edge': 235}),
    'hf_efficientnet': (
        346,
        {**PILLOW, **HALF, 'resize': 'stretch', 'interpolation': 'nearest'},
    ),
    'hf_efficientnet_offset': (
        346,
        {
            **PILLOW,
            'resize': 'stretch',
            'interpolation': 'nearest',
            'scale': 127.5,
            'mean': (1.0,),
        },
    ),
    'hf_segformer': (512, {**PILLOW, **IMAGENET, 'resize': 'stretch'}),
    'hf_rt_detr': (640, {**PILLOW, 'resize': 'stretch'}),
    'hf_detr': (None, DETR),
    'hf_detr_padded': (1333, DETR),
    'hf_yolos': (None, {**DETR, 'resize_multiple': 16}),
    'hf_mask2former': (
        None,
        {**DETR, 'resize_multiple': 32, 'resize_up': True, 'rounding': 'torchvision'},
    ),
    'hf_dpt': (378, {**CUBIC, **IMAGENET, 'resize': 'stretch'}),
    'hf_depth_anything': (None, {**DEPTH_ANYTHING, 'to_width': 518, 'to_height': 518}),
    'hf_depth_anything_wide': (None, {**DEPTH_ANYTHING, 'to_width': 700, 'to_height': 400}),
    'hf_glpn': (None, {**PILLOW, 'resize': 'none', 'resize_multiple': 32}),
    'hf_sam': (
        1024,
        {
            **PILLOW,
            **IMAGENET,
            **ZEROS,
            'resize': 'letterbox_topleft',
            'rounding': 'transformers',
        },
    ),
}


def encoded(side: int | None, encode: dict[str, Any], pixels: np.ndarray) -> np.ndarray:
    """The tensor of a square input, or of one of free size."""
    settings = build(PreprocessSettings, encode, 'test')
    encoder = Image(settings, TensorSpec('x', 'float32', (1, 3, side, side)))
    encoder.bind(np.empty(encoder.spec.shape, np.float32))
    encoder([Frame(pixels, 'rgb8')])
    return encoder.tensor


@pytest.mark.parametrize('name', ENCODES)
def test_the_tensor_equals_that_of_the_library(name: str) -> None:
    side, encode = ENCODES[name]
    for width, height in SIZES:
        tensor = encoded(side, encode, chirp(width, height))
        values = RECORDED[f'{name}.{width}x{height}.values']
        places = np.linspace(0, tensor.size - 1, len(values)).astype(np.int64)
        assert tensor.shape == tuple(RECORDED[f'{name}.{width}x{height}.shape'])
        np.testing.assert_allclose(
            tensor.reshape(-1)[places], values, rtol=0, atol=1e-3, err_msg=f'{width} x {height}'
        )


def test_every_recorded_library_is_compared() -> None:
    assert {key.partition('.')[0] for key in RECORDED} == ENCODES.keys()
