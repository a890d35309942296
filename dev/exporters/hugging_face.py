"""Small models of transformers, with what prepares pictures for them."""

from __future__ import annotations

from typing import Any

import transformers

from dev.exporters.recipe import SEVERAL, Recipe

CLASSES = ('cat', 'cup', 'dog', 'person', 'rocket', 'wheel')
NAMES = {
    'id2label': dict(enumerate(CLASSES)),
    'label2id': {name: number for number, name in enumerate(CLASSES)},
}
STAGES = {
    'embedding_size': 16,
    'hidden_sizes': [16, 32, 48, 64],
    'depths': [1, 1, 1, 1],
    'layer_type': 'basic',
}
SMALL = {
    'd_model': 32,
    'encoder_layers': 1,
    'decoder_layers': 2,
    'encoder_ffn_dim': 32,
    'decoder_ffn_dim': 32,
    'encoder_attention_heads': 2,
    'decoder_attention_heads': 2,
    'num_queries': 40,
}
"""A transformer that is small enough to run in a test."""
TRANSFORMER = {
    'hidden_size': 32,
    'num_hidden_layers': 2,
    'num_attention_heads': 2,
    'intermediate_size': 32,
}


def vit() -> Any:
    """Makes a vision transformer."""
    config = transformers.ViTConfig(image_size=224, patch_size=32, **TRANSFORMER, **NAMES)
    return transformers.ViTForImageClassification(config)


def vit_several() -> Any:
    """Makes a vision transformer for pictures that show several of its classes."""
    config = transformers.ViTConfig(
        image_size=224, patch_size=32, problem_type=SEVERAL, **TRANSFORMER, **NAMES
    )
    return transformers.ViTForImageClassification(config)


def convnext() -> Any:
    """Makes a ConvNeXT, whose processor crops by a ratio."""
    config = transformers.ConvNextConfig(hidden_sizes=[8, 16, 24, 32], depths=[1] * 4, **NAMES)
    return transformers.ConvNextForImageClassification(config)


def resnet() -> Any:
    """Makes a ResNet."""
    return transformers.ResNetForImageClassification(transformers.ResNetConfig(**STAGES, **NAMES))


def swin() -> Any:
    """Makes a Swin transformer."""
    config = transformers.SwinConfig(
        image_size=224, embed_dim=16, depths=[1, 1], num_heads=[2, 2], **NAMES
    )
    return transformers.SwinForImageClassification(config)


def detr() -> Any:
    """Makes a DETR, with a class for no object."""
    config = transformers.DetrConfig(**_without_timm('stage4'), **SMALL, **NAMES)
    return transformers.DetrForObjectDetection(config)


def yolos() -> Any:
    """Makes a YOLOS."""
    config = transformers.YolosConfig(
        image_size=[256, 384], patch_size=32, num_detection_tokens=30, **TRANSFORMER, **NAMES
    )
    return transformers.YolosForObjectDetection(config)


def rt_detr() -> Any:
    """Makes an RT-DETR."""
    return transformers.RTDetrForObjectDetection(transformers.RTDetrConfig(**_hybrid()))


def rt_detr_v2() -> Any:
    """Makes an RT-DETR of the second version."""
    return transformers.RTDetrV2ForObjectDetection(transformers.RTDetrV2Config(**_hybrid()))


def d_fine() -> Any:
    """Makes a D-FINE."""
    backbone = transformers.HGNetV2Config(
        embedding_size=16,
        hidden_sizes=[16, 24, 32, 48],
        stem_channels=[3, 8, 16],
        stage_in_channels=[16, 16, 24, 32],
        stage_mid_channels=[8, 8, 8, 8],
        stage_out_channels=[16, 24, 32, 48],
        stage_num_blocks=[1] * 4,
        stage_numb_of_layers=[1] * 4,
        out_features=['stage2', 'stage3', 'stage4'],
    )
    config = transformers.DFineConfig(
        **{
            **_hybrid(),
            'backbone_config': backbone,
            'encoder_in_channels': [24, 32, 48],
            'decoder_method': 'default',
        }
    )
    return transformers.DFineForObjectDetection(config)


def segformer() -> Any:
    """Makes a SegFormer."""
    config = transformers.SegformerConfig(
        depths=[1] * 4, num_attention_heads=[1, 2, 2, 2], hidden_sizes=[8, 16, 16, 16],
        decoder_hidden_size=16, **NAMES,
    )  # fmt: skip
    return transformers.SegformerForSemanticSegmentation(config)


def dpt() -> Any:
    """Makes a DPT, whose numbers have no unit."""
    config = transformers.DPTConfig(
        image_size=192, patch_size=16, backbone_out_indices=[0, 1, 2, 3], is_hybrid=False,
        neck_hidden_sizes=[8, 16, 16, 16], fusion_hidden_size=16,
        hidden_size=32, num_hidden_layers=4, num_attention_heads=2, intermediate_size=32,
    )  # fmt: skip
    return transformers.DPTForDepthEstimation(config)


def glpn() -> Any:
    """Makes a GLPN, whose numbers are meters."""
    config = transformers.GLPNConfig(
        depths=[1] * 4,
        num_attention_heads=[1, 2, 2, 2],
        hidden_sizes=[8, 16, 16, 16],
        decoder_hidden_size=16,
    )
    return transformers.GLPNForDepthEstimation(config)


def _without_timm(stage: str) -> dict[str, Any]:
    backbone = transformers.ResNetConfig(**STAGES, out_features=[stage])
    return {
        'use_timm_backbone': False,
        'use_pretrained_backbone': False,
        'backbone': None,
        'backbone_config': backbone,
    }


def _hybrid() -> dict[str, Any]:
    stages = ['stage2', 'stage3', 'stage4']
    return {
        **NAMES,
        **{key: value for key, value in SMALL.items() if not key.startswith('encoder')},
        'backbone_config': transformers.RTDetrResNetConfig(**STAGES, out_features=stages),
        'encoder_in_channels': [32, 48, 64],
        'encoder_hidden_dim': 32,
        'encoder_layers': 1,
        'encoder_ffn_dim': 32,
        'encoder_attention_heads': 2,
        'decoder_in_channels': [32, 32, 32],
    }


_T = transformers
_HEADS = ('class_labels_classifier',)
_QUERY_HEADS = ('class_embed', 'score_head')
_SIDES = {'shortest_edge': 256, 'longest_edge': 427}
RECIPES = (
    Recipe('vit', vit, _T.ViTImageProcessor, ('classifier',), 0.7),
    Recipe('vit_several', vit_several, _T.ViTImageProcessor, ('classifier',), 0.7),
    Recipe('convnext', convnext, _T.ConvNextImageProcessor, ('classifier',), 2),
    Recipe('resnet', resnet, _T.ConvNextImageProcessor, ('classifier',), 2),
    Recipe('swin', swin, _T.ViTImageProcessor, ('classifier',), 2),
    Recipe(
        'detr', detr, lambda: _T.DetrImageProcessor(size=_SIDES), _HEADS, 3,
        'object-detection',
    ),
    Recipe(
        'yolos', yolos, lambda: _T.YolosImageProcessor(size={'height': 256, 'width': 384}),
        _HEADS, 3, 'object-detection',
    ),
    Recipe(
        'rt_detr', rt_detr, _T.RTDetrImageProcessor, _QUERY_HEADS, 3,
        'object-detection',
    ),
    Recipe(
        'rt_detr_v2', rt_detr_v2, _T.RTDetrImageProcessor, _QUERY_HEADS,
        3, 'object-detection',
    ),
    Recipe(
        'd_fine', d_fine, _T.RTDetrImageProcessor, _QUERY_HEADS, 1,
        'object-detection',
    ),
    Recipe(
        'dpt', dpt, lambda: _T.DPTImageProcessor(size={'height': 192, 'width': 192}),
        ('head.head.4',), 3, 'depth-estimation',
    ),
    Recipe('glpn', glpn, _T.GLPNImageProcessor, ('head',), 0.7, 'depth-estimation'),
    Recipe(
        'segformer', segformer, _T.SegformerImageProcessor, ('decode_head.classifier',), 2,
        'semantic-segmentation',
    ),
)  # fmt: skip
