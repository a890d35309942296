"""Records what other libraries make of a picture: `python -m dev.oracles.record FILE.npz`.

Needs torchvision, timm, transformers 4 and Pillow below 13. Neither the package nor its tests need
the first three, so it runs apart from ROS, where they are;
`test/encoders/test_other_processors.py` compares.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from PIL import Image
from timm.data import create_transform
from torchvision import transforms
from torchvision.models.detection.transform import GeneralizedRCNNTransform
from torchvision.transforms import InterpolationMode, v2

from dev.oracles.chirp import chirp

SIZES = ((640, 480), (333, 500), (1920, 1080))
VALUES = 190
"""Recorded values of each tensor, at places that are spread over it."""
IMAGENET = {'mean': (0.485, 0.456, 0.406), 'std': (0.229, 0.224, 0.225)}
MULTIPLE = {'ensure_multiple_of': 14, 'image_mean': IMAGENET['mean'], 'image_std': IMAGENET['std']}
ASPECT = {**MULTIPLE, 'size': {'height': 518, 'width': 518}, 'keep_aspect_ratio': True}
"""What Depth Anything is published with."""
Oracle = Callable[[Any], Any]
"""Makes a tensor (3, H, W) or (1, 3, H, W) of a picture of Pillow."""


def torchvision_classic(resize: Any, crop: int) -> Oracle:
    """Returns the evaluation transform of torchvision's references."""
    parts = [transforms.Resize(resize), transforms.CenterCrop(crop), transforms.ToTensor()]
    oracle: Oracle = transforms.Compose([*parts, transforms.Normalize(**IMAGENET)])
    return oracle


def torchvision_v2(resize: int, crop: int) -> Oracle:
    """Returns the same of torchvision's newer transforms, bicubic."""
    parts = [
        v2.Resize(resize, InterpolationMode.BICUBIC),
        v2.CenterCrop(crop),
        v2.PILToTensor(),
        v2.ToDtype(torch.float32, scale=True),
        v2.Normalize(**IMAGENET),
    ]
    oracle: Oracle = v2.Compose(parts)
    return oracle


def limited(size: int, largest: int) -> Oracle:
    """Returns a resize of the shorter edge with a limit, by torchvision."""
    oracle: Oracle = transforms.Compose(
        [transforms.Resize(size, max_size=largest), transforms.ToTensor()]
    )
    return oracle


def rcnn_padding() -> Oracle:
    """Returns what torchvision's detectors do to a picture inside, without their resizing."""

    def oracle(picture: Any) -> Any:
        inside = GeneralizedRCNNTransform(min(picture.size), 10000, *IMAGENET.values())
        return inside([transforms.ToTensor()(picture)])[0].tensors

    return oracle


def timm(crop: int, ratio: float, interpolation: str, **more: Any) -> Oracle:
    """Returns timm's evaluation transform."""
    oracle: Oracle = create_transform(
        (3, crop, crop), crop_pct=ratio, interpolation=interpolation, **more
    )
    return oracle


def hugging_face(name: str, **settings: Any) -> Oracle:
    """Returns an image processor of transformers, with its own defaults where nothing is said."""
    processor = getattr(transformers, name)(**settings)

    def oracle(picture: Any) -> Any:
        return processor(picture, return_tensors='np')['pixel_values']

    return oracle


ORACLES: dict[str, Oracle] = {
    'torchvision_resnet': torchvision_classic(256, 224),
    'torchvision_odd_rest': torchvision_classic(235, 224),
    'torchvision_small': torchvision_classic(200, 224),
    'torchvision_v2_bicubic': torchvision_v2(236, 224),
    'torchvision_limited': limited(600, 800),
    'torchvision_rcnn_padding': rcnn_padding(),
    'timm_bicubic_90': timm(224, 0.9, 'bicubic'),
    'timm_bicubic_95': timm(288, 0.95, 'bicubic'),
    'timm_squash': timm(224, 0.875, 'bilinear', crop_mode='squash'),
    'hf_vit': hugging_face('ViTImageProcessor'),
    'hf_deit': hugging_face('DeiTImageProcessor'),
    'hf_clip': hugging_face('CLIPImageProcessor'),
    'hf_convnext_224': hugging_face('ConvNextImageProcessor', size={'shortest_edge': 224}),
    'hf_convnext_384': hugging_face('ConvNextImageProcessor'),
    'hf_mobilenet': hugging_face('MobileNetV2ImageProcessor'),
    'hf_odd_rest': hugging_face(
        'MobileNetV2ImageProcessor', size={'shortest_edge': 235}, crop_size=224
    ),
    'hf_efficientnet': hugging_face('EfficientNetImageProcessor', include_top=False),
    'hf_efficientnet_offset': hugging_face(
        'EfficientNetImageProcessor',
        rescale_factor=1 / 127.5,
        rescale_offset=True,
        include_top=False,
        do_normalize=False,
    ),
    'hf_segformer': hugging_face('SegformerImageProcessor'),
    'hf_rt_detr': hugging_face('RTDetrImageProcessor'),
    'hf_detr': hugging_face('DetrImageProcessor'),
    'hf_detr_padded': hugging_face('DetrImageProcessor', pad_size={'height': 1333, 'width': 1333}),
    'hf_yolos': hugging_face('YolosImageProcessor'),
    'hf_mask2former': hugging_face('Mask2FormerImageProcessor'),
    'hf_dpt': hugging_face('DPTImageProcessor', size={'height': 380, 'width': 380}, **MULTIPLE),
    'hf_depth_anything': hugging_face('DPTImageProcessor', **ASPECT),
    'hf_depth_anything_wide': hugging_face(
        'DPTImageProcessor', **{**ASPECT, 'size': {'height': 400, 'width': 700}}
    ),
    'hf_glpn': hugging_face('GLPNImageProcessor'),
    'hf_sam': hugging_face('SamImageProcessor'),
}


def sampled(tensor: Any) -> tuple[Any, Any]:
    """Returns the shape and `VALUES` values of a tensor, float32."""
    array = np.asarray(tensor, np.float32)
    array = array if array.ndim == 4 else array[None]
    places = np.linspace(0, array.size - 1, VALUES).astype(np.int64)
    return np.array(array.shape), array.reshape(-1)[places]


def main(path: Path) -> None:
    """Records every oracle on every size."""
    recorded: dict[str, Any] = {}
    for name, oracle in ORACLES.items():
        for width, height in SIZES:
            shape, values = sampled(oracle(Image.fromarray(chirp(width, height))))
            print(name, (width, height), '->', shape)
            recorded[f'{name}.{width}x{height}.shape'] = shape
            recorded[f'{name}.{width}x{height}.values'] = values
    np.savez_compressed(path, **recorded)


if __name__ == '__main__':
    main(Path(sys.argv[1]))
