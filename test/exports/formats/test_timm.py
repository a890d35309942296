"""What timm saves for a hub is read as timm itself reads it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from exports_made import TIMM, claims_of, export

from ml_integration.core.datatypes import TensorSpec
from ml_integration.core.declaration import build
from ml_integration.errors import ExportError
from ml_integration.exports.claims import Claims
from ml_integration.ops.picture_input import PreprocessSettings

CFG: dict[str, Any] = TIMM['pretrained_cfg']  # type: ignore[assignment]


def read(changes: dict[str, Any], shape: tuple[int | None, ...] = (1, 3, 176, 176)) -> Claims:
    made = export({'config.json': {**TIMM, 'pretrained_cfg': {**CFG, **changes}}})
    claims = claims_of(replace(made, inputs=(TensorSpec('input0', 'float32', shape),)))
    build(PreprocessSettings, claims.below('encode.'), 'test')
    return claims


def test_classes_and_pictures_of_timm() -> None:
    claims = read({})
    assert claims.value('task') == 'classification'
    assert claims.value('settings.softmax') is True
    assert claims.value('labels') == ('red', 'green', 'blue')
    assert claims.value('origin') == 'timm: resnet10t.c3_in1k'
    assert claims.value('license') == 'apache-2.0'
    assert claims.value('size') == (176, 176)
    assert claims.below('encode.') == {
        'resize': 'crop', 'crop_ratio': 0.875, 'interpolation': 'cubic', 'resampling': 'pillow',
        'rounding': 'torchvision', 'color': 'rgb', 'scale': 255.0, 'pad_value': 0.0,
        'mean': (0.5, 0.4, 0.3), 'std': (0.2, 0.2, 0.1),
    }  # fmt: skip


def test_a_model_of_the_larger_test_size_is_cropped_as_in_that_test() -> None:
    claims = read({}, (1, 3, 224, 256))
    assert claims.value('size') == (256, 224)
    assert claims.value('encode.crop_ratio') == 0.95


def test_timm_squashes_and_takes_the_numbers_of_imagenet_where_there_are_none() -> None:
    claims = read({'crop_mode': 'squash', 'mean': None, 'std': None, 'crop_pct': None})
    assert claims.value('encode.resize') == 'stretch_crop'
    assert claims.value('encode.crop_ratio') == 0.875
    assert claims.value('encode.mean') == (0.485, 0.456, 0.406)
    assert claims.value('encode.std') == (0.229, 0.224, 0.225)


@pytest.mark.parametrize(
    'changes',
    [
        {'crop_mode': 'border'},
        {'interpolation': 'random'},
        {'crop_pct': 3},
        {'std': [0.2, 0, 0.1]},
        {'input_size': [224]},
        {'mean': 'red'},
    ],
)
def test_what_no_setting_does_or_makes_no_sense_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ExportError, match=next(iter(changes))):
        read(changes)


def test_a_model_without_classes_is_no_classifier() -> None:
    assert claims_of(export({'config.json': {**TIMM, 'num_classes': 0}})).get('task') is None


def test_a_timm_model_in_a_folder_of_transformers_is_prepared_as_timm_does() -> None:
    config = {
        **TIMM, 'architectures': ['TimmWrapperForImageClassification'],
        'model_type': 'timm_wrapper', 'id2label': {'0': 'red', '1': 'green', '2': 'blue'},
    }  # fmt: skip
    processor = {'image_processor_type': 'TimmWrapperImageProcessor', 'pretrained_cfg': CFG}
    claims = claims_of(export({'config.json': config, 'preprocessor_config.json': processor}))
    assert claims.value('encode.resize') == 'crop'
    assert claims.value('encode.rounding') == 'torchvision'
