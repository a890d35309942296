"""Small models of transformers with fixed random weights, and their processors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import transformers as hf

NAMES = {number: f'thing {number}' for number in range(7)}
LABELS = {'id2label': NAMES, 'label2id': {name: number for number, name in NAMES.items()}}
HIDDEN = (16, 24, 32, 48)
RESNET = {'embedding_size': 16, 'hidden_sizes': list(HIDDEN), 'depths': [1, 1, 1, 1],
          'layer_type': 'basic'}  # fmt: skip
VISION = {'hidden_size': 32, 'num_hidden_layers': 2, 'num_attention_heads': 2,
          'intermediate_size': 64}  # fmt: skip
DETR = {'backbone': None, 'use_pretrained_backbone': False, 'd_model': 32, 'num_queries': 20,
        'encoder_layers': 1, 'decoder_layers': 2, 'encoder_attention_heads': 2,
        'decoder_attention_heads': 2, 'encoder_ffn_dim': 64, 'decoder_ffn_dim': 64}  # fmt: skip
RT_DETR = {**DETR, 'encoder_hidden_dim': 32, 'encoder_in_channels': [24, 32, 48],
           'decoder_in_channels': [32, 32, 32], 'num_denoising': 0}  # fmt: skip
NOISE_HW = {'ViTForImageClassification': (64, 64), 'YolosForObjectDetection': (128, 192)}
SQUARE = {'height': 128, 'width': 128}


@dataclass(frozen=True, slots=True)
class Exported:
    """Model of a library, ready to be exported.

    Attributes:
        task: the exporter's word for it.
        model: with its weights.
        processor: prepares its pictures and reads its outputs.
    """

    task: str
    model: Any
    processor: Any


def vit() -> Exported:
    """Makes a vision transformer for classes, whose pictures are stretched."""
    config = hf.ViTConfig(image_size=64, patch_size=16, **VISION, **LABELS)
    model = hf.ViTForImageClassification(config)
    _spread(model, 'classifier')
    size = {'height': 64, 'width': 64}
    return Exported('image-classification', model, hf.ViTImageProcessor(size=size))


def resnet() -> Exported:
    """Makes a residual network for classes, whose pictures are cropped."""
    model = hf.ResNetForImageClassification(hf.ResNetConfig(**RESNET, **LABELS))
    _spread(model, 'classifier')
    processor = hf.ConvNextImageProcessor(size={'shortest_edge': 64}, crop_pct=0.875)
    return Exported('image-classification', model, processor)


def detr() -> Exported:
    """Makes a detector with a class for nothing, for pictures of any size."""
    backbone = hf.ResNetConfig(**RESNET, out_features=['stage4'])
    config = hf.DetrConfig(use_timm_backbone=False, backbone_config=backbone, **DETR, **LABELS)
    model = hf.DetrForObjectDetection(config)
    torch.nn.init.normal_(model.model.query_position_embeddings.weight, 0.0, 3.0)
    _spread(model, 'class_labels_classifier')
    size = {'shortest_edge': 128, 'longest_edge': 200}
    return Exported('object-detection', model, hf.DetrImageProcessor(size=size))


def yolos() -> Exported:
    """Makes a vision transformer that detects, whose pictures are stretched."""
    config = hf.YolosConfig(
        image_size=[128, 192], patch_size=16, num_detection_tokens=20,
        use_mid_position_embeddings=False, **VISION, **LABELS,
    )  # fmt: skip
    model = hf.YolosForObjectDetection(config)
    torch.nn.init.normal_(model.vit.embeddings.detection_tokens, 0.0, 1.0)
    _spread(model, 'class_labels_classifier.layers.2')
    size = {'height': 128, 'width': 192}
    return Exported('object-detection', model, hf.YolosImageProcessor(size=size, do_pad=False))


def rt_detr() -> Exported:
    """Makes an RT-DETR, whose best pairs of query and class are read."""
    return _rt_detr(hf.RTDetrConfig, hf.RTDetrForObjectDetection)


def rt_detr_v2() -> Exported:
    """Makes an RT-DETR of the second version."""
    return _rt_detr(hf.RTDetrV2Config, hf.RTDetrV2ForObjectDetection)


def d_fine() -> Exported:
    """Makes a D-FINE."""
    return _rt_detr(hf.DFineConfig, hf.DFineForObjectDetection)


def segformer() -> Exported:
    """Makes a model for segmentation, which no task reads."""
    config = hf.SegformerConfig(
        depths=[1, 1, 1, 1], hidden_sizes=[8, 16, 24, 32], num_attention_heads=[1, 1, 1, 1],
        decoder_hidden_size=16, **LABELS,
    )  # fmt: skip
    processor = hf.SegformerImageProcessor(size=SQUARE)
    return Exported(
        'semantic-segmentation', hf.SegformerForSemanticSegmentation(config), processor
    )


MODELS: dict[str, Callable[[], Exported]] = {
    made.__name__: made
    for made in (vit, resnet, detr, yolos, rt_detr, rt_detr_v2, d_fine, segformer)
}


def _rt_detr(config_type: Any, model_type: Any) -> Exported:
    stages = ['stage2', 'stage3', 'stage4']
    backbone = hf.RTDetrResNetConfig(**RESNET, out_features=stages)
    model = model_type(config_type(backbone_config=backbone, **RT_DETR, **LABELS))
    torch.nn.init.normal_(model.model.enc_score_head.weight)
    _spread(model, 'class_embed')
    return Exported('object-detection', model, hf.RTDetrImageProcessor(size=SQUARE))


def _spread(model: Any, head: str, deviation: float = 1.5) -> None:
    """Makes a head tell things apart, as after training: fresh weights score all the same.

    Args:
        model: whose head it is.
        head: part of the names of its parameters.
        deviation: of the logits on noise.
    """
    values = {name: one for name, one in model.named_parameters() if head in name}
    for name, one in values.items():
        bias = name.endswith('bias')
        torch.nn.init.normal_(one, 0.0, 0.0 if bias else 0.1)
    model.eval()
    with torch.no_grad():
        height, width = NOISE_HW.get(type(model).__name__, (128, 128))
        logits = model(pixel_values=torch.rand(1, 3, height, width)).logits
        for one in values.values():
            one.mul_(deviation / logits.std())
