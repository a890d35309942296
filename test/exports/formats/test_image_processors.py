"""Pictures become the tensor that the image processor of a configuration makes of them.

What transformers makes of them is recorded for the tests of the encoder.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from exports_made import DETR_PROCESSOR, VIT_PROCESSOR, claims_of, export

from dev.oracles.chirp import chirp
from ml_integration.core.datatypes import Frame, TensorSpec
from ml_integration.core.declaration import build
from ml_integration.encoders.image import Image
from ml_integration.errors import ExportError
from ml_integration.ops.picture_input import PreprocessSettings

RECORDED = np.load(Path(__file__).parents[2] / 'encoders' / 'data' / 'processors.npz')
SIZES = ((640, 480), (333, 500))
IMAGENET = {'image_mean': [0.485, 0.456, 0.406], 'image_std': [0.229, 0.224, 0.225]}
CUT = {'do_center_crop': True, 'crop_size': {'height': 224, 'width': 224}}
NEAREST = {
    'image_processor_type': 'EfficientNetImageProcessor', 'resample': 0, 'do_center_crop': False,
    'size': {'height': 346, 'width': 346}, 'crop_size': {'height': 289, 'width': 289},
    'include_top': False, 'rescale_offset': False,
}  # fmt: skip


def vit(kind: str, **changes: Any) -> dict[str, Any]:
    return {**VIT_PROCESSOR, 'image_processor_type': f'{kind}ImageProcessor', **changes}


DEPTH_ANYTHING = vit(
    'DPT', resample=3, size={'height': 518, 'width': 518}, keep_aspect_ratio=True,
    ensure_multiple_of=14, do_pad=False, size_divisor=None, **IMAGENET,
)  # fmt: skip
PROCESSORS: dict[str, dict[str, Any]] = {
    'hf_vit': VIT_PROCESSOR,
    'hf_deit': vit('DeiT', resample=3, size={'height': 256, 'width': 256}, **CUT),
    'hf_clip': vit(
        'CLIP', resample=3, size={'shortest_edge': 224}, **CUT,
        image_mean=[0.48145466, 0.4578275, 0.40821073],
        image_std=[0.26862954, 0.26130258, 0.27577711],
    ),
    'hf_convnext_224': vit('ConvNext', size={'shortest_edge': 224}, crop_pct=0.875),
    'hf_convnext_384': vit('ConvNext', size={'shortest_edge': 384}),
    'hf_mobilenet': vit('MobileNetV2', size={'shortest_edge': 256}, **CUT),
    'hf_odd_rest': vit('MobileNetV2', size={'shortest_edge': 235}, **CUT),
    'hf_efficientnet': {**VIT_PROCESSOR, **NEAREST},
    'hf_efficientnet_offset': {
        **VIT_PROCESSOR, **NEAREST, 'rescale_factor': 1 / 127.5, 'rescale_offset': True,
        'do_normalize': False,
    },
    'hf_segformer': vit('Segformer', size={'height': 512, 'width': 512}, **IMAGENET),
    'hf_rt_detr': vit('RTDetr', size={'height': 640, 'width': 640}, do_normalize=False),
    'hf_detr': DETR_PROCESSOR,
    'hf_detr_padded': {**DETR_PROCESSOR, 'pad_size': {'height': 1333, 'width': 1333}},
    'hf_yolos': {**DETR_PROCESSOR, 'image_processor_type': 'YolosImageProcessor'},
    'hf_mask2former': {
        **DETR_PROCESSOR, 'image_processor_type': 'Mask2FormerImageProcessor', 'size_divisor': 32,
    },
    'hf_dpt': {
        **DEPTH_ANYTHING, 'size': {'height': 380, 'width': 380}, 'keep_aspect_ratio': False,
    },
    'hf_depth_anything': DEPTH_ANYTHING,
    'hf_depth_anything_wide': {**DEPTH_ANYTHING, 'size': {'height': 400, 'width': 700}},
    'hf_glpn': {
        'image_processor_type': 'GLPNImageProcessor', 'do_resize': True, 'do_rescale': True,
        'resample': 2, 'size_divisor': 32,
    },
    'hf_sam': vit(
        'Sam', size={'longest_edge': 1024}, do_pad=True, **IMAGENET,
        pad_size={'height': 1024, 'width': 1024},
    ),
}  # fmt: skip


@pytest.mark.parametrize('name', PROCESSORS)
def test_the_tensor_is_that_of_the_processor(name: str) -> None:
    config = {'architectures': ['XForImageClassification']}
    files = {'config.json': config, 'preprocessor_config.json': PROCESSORS[name]}
    claims = claims_of(export(files))
    settings = build(PreprocessSettings, claims.below('encode.'), 'test')
    width, height = claims.value('size', (None, None))
    encoder = Image(settings, TensorSpec('x', 'float32', (1, 3, height, width)))
    for wide, high in SIZES:
        encoder.bind(np.empty(encoder.spec.shape, np.float32))
        encoder([Frame(chirp(wide, high), 'rgb8')])
        values = RECORDED[f'{name}.{wide}x{high}.values']
        places = np.linspace(0, encoder.tensor.size - 1, len(values)).astype(np.int64)
        assert encoder.tensor.shape == tuple(RECORDED[f'{name}.{wide}x{high}.shape'])
        np.testing.assert_allclose(encoder.tensor.reshape(-1)[places], values, rtol=0, atol=1e-3)


def test_every_recorded_processor_is_compared() -> None:
    recorded = {key.partition('.')[0] for key in RECORDED}
    assert {name for name in recorded if name.startswith('hf_')} == PROCESSORS.keys()


@pytest.mark.parametrize('kind', ['Owlv2', 'Donut', 'Swin2SR', 'VitMatte', 'ZoeDepth'])
def test_a_processor_that_does_what_no_setting_does_is_refused(kind: str) -> None:
    config = {'architectures': ['XForObjectDetection']}
    with pytest.raises(ExportError, match='which no setting here does'):
        claims_of(export({'config.json': config, 'preprocessor_config.json': vit(kind)}))


def test_an_export_of_fixed_size_takes_pictures_of_every_aspect_ratio() -> None:
    """Where transformers makes a tensor of that size, it is the same one."""
    config = {'architectures': ['DepthAnythingForDepthEstimation']}
    claims = claims_of(export({'config.json': config, 'preprocessor_config.json': DEPTH_ANYTHING}))
    settings = build(PreprocessSettings, claims.below('encode.'), 'test')
    tensors = []
    for height, width in ((None, None), (518, 686), (518, 518)):
        encoder = Image(settings, TensorSpec('x', 'float32', (1, 3, height, width)))
        encoder.bind(np.empty(encoder.spec.shape, np.float32))
        encoder([Frame(chirp(640, 480), 'rgb8')])
        tensors.append(encoder.tensor)
    np.testing.assert_array_equal(tensors[0], tensors[1])
    assert tensors[2].shape == (1, 3, 518, 518)


def test_padding_of_dinov2_on_all_sides_is_refused() -> None:
    config = {'architectures': ['DPTForDepthEstimation']}
    processor = {**DEPTH_ANYTHING, 'do_pad': True, 'size_divisor': 14}
    with pytest.raises(ExportError, match='padding on all sides up to a multiple'):
        claims_of(export({'config.json': config, 'preprocessor_config.json': processor}))


@pytest.mark.parametrize(('divisor', 'multiple'), [(32, 32), (None, 32), (0, None)])
def test_processors_of_masks_resize_up_to_their_divisor(
    divisor: int | None, multiple: int | None
) -> None:
    processor = vit('MaskFormer', size={'shortest_edge': 800}, size_divisor=divisor)
    config = {'architectures': ['XForInstanceSegmentation']}
    claims = claims_of(export({'config.json': config, 'preprocessor_config.json': processor}))
    assert claims.value('encode.rounding') == 'torchvision'
    assert claims.value('encode.resize_multiple') == multiple
    assert claims.value('encode.resize_up', False) is (multiple is not None)
    assert claims.get('encode.pad_multiple') is None
