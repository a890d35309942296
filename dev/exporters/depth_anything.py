"""Depth Anything, whose pictures keep their aspect ratio; optimum does not know it."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import torch
import transformers
from transformers.models.depth_anything import modeling_depth_anything

from dev.exporters.expectation import Case
from dev.exporters.pictures import Pictures
from dev.exporters.recipe import Recipe, export

PATCH = 14
"""Side of the squares that its backbone looks at [px]."""
SIDES = (252, 378)
"""Height and width [px] that its processor gives pictures of the aspect ratio 3 to 2."""


def model() -> Any:
    """Makes a Depth Anything, whose numbers have no unit."""
    backbone = transformers.Dinov2Config(
        hidden_size=32, num_hidden_layers=4, num_attention_heads=2, mlp_ratio=1, patch_size=PATCH,
        image_size=518, out_features=['stage1', 'stage2', 'stage3', 'stage4'],
        reshape_hidden_states=False, apply_layernorm=True,
    )  # fmt: skip
    config = transformers.DepthAnythingConfig(
        backbone_config=backbone, patch_size=PATCH, reassemble_hidden_size=32,
        neck_hidden_sizes=[8, 8, 16, 16], fusion_hidden_size=16, head_hidden_size=8,
        depth_estimation_type='relative',
    )  # fmt: skip
    return transformers.DepthAnythingForDepthEstimation(config)


def processor() -> Any:
    """Makes the processor that the published models have."""
    return transformers.DPTImageProcessor(
        size={'height': 252, 'width': 252}, keep_aspect_ratio=True, ensure_multiple_of=PATCH,
        image_mean=[0.485, 0.456, 0.406], image_std=[0.229, 0.224, 0.225],
    )  # fmt: skip


class _Depth(torch.nn.Module):  # type: ignore[misc]
    """The model with a tensor as its output."""

    def __init__(self, whole: Any) -> None:
        super().__init__()
        self._whole = whole

    def forward(self, pixel_values: Any) -> Any:
        return self._whole(pixel_values=pixel_values).predicted_depth


def write(whole: Any, folder: Path, sides: tuple[int, int] | None) -> None:
    """Writes the ONNX file.

    Args:
        whole: the model.
        folder: for the file.
        sides: height and width of the only pictures that it takes [px]; None: it takes all whose
            sides are multiples of the patch.
    """
    axes = {'pixel_values': ('batch', '', 'height', 'width'),
            'predicted_depth': ('batch', 'height', 'width')}  # fmt: skip
    free = {
        name: {n: axis for n, axis in enumerate(every) if axis} for name, every in axes.items()
    }
    # Sizes that pass through int() would be those of the example for ever.
    with mock.patch.object(modeling_depth_anything, 'int', lambda size: size, create=True):
        torch.onnx.export(
            _Depth(whole), (torch.rand(1, 3, *(sides or (140, 182))),), folder / 'model.onnx',
            input_names=['pixel_values'], output_names=['predicted_depth'], dynamo=False,
            dynamic_axes=None if sides else free, opset_version=17,
        )  # fmt: skip


_HEADS = ('head.conv3',)
FREE = Recipe('depth_anything', model, processor, _HEADS, 1, write=partial(write, sides=None))
FIXED = Recipe(
    'depth_anything_fixed', model, processor, _HEADS, 1, write=partial(write, sides=SIDES)
)


def fixed(folder: Path, pictures: Pictures) -> Case:
    """Exports it for one size, and records the pictures that its processor gives this size.

    Args:
        folder: of all cases.
        pictures: to record.
    """
    whole = processor()
    fitting = {
        name: one
        for name, one in pictures.items()
        if whole(one, return_tensors='np')['pixel_values'].shape[2:] == SIDES
    }
    return export(FIXED, folder, fitting)
