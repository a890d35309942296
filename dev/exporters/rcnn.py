"""Mask R-CNN and Keypoint R-CNN of torchvision, which drop overlapping boxes themselves."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torchvision.models import detection
from torchvision.models.detection import backbone_utils, faster_rcnn, keypoint_rcnn, mask_rcnn
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.transforms.functional import to_tensor

from dev.exporters.compiled_operators import use_stand_in
from dev.exporters.expectation import Case, Expected
from dev.exporters.pictures import Pictures
from dev.exporters.spread import spread
from dev.exporters.torchvision_models import AS_THEY_ARE, CLASSES, labels_in

CHANNELS = 64
POINTS = 5
_HEADS = {'rpn.head.cls_logits': 3.0, 'cls_score': 0.8, 'mask_fcn_logits': 6.0}


def masks(name: str, folder: Path, pictures: Pictures) -> Case:
    """Exports a Mask R-CNN and records what it makes of pictures.

    Args:
        name: of the case.
        folder: of all cases.
        pictures: to record.
    """
    labels = ('__background__', *CLASSES)
    model = detection.MaskRCNN(
        _backbone(),
        mask_head=mask_rcnn.MaskRCNNHeads(CHANNELS, (32,), 1),
        mask_predictor=mask_rcnn.MaskRCNNPredictor(32, 32, len(labels)),
        **_small(len(labels)),
    )
    return _case(model, name, labels, ('masks',), folder, pictures)


def points(name: str, folder: Path, pictures: Pictures) -> Case:
    """Exports a Keypoint R-CNN and records what it makes of pictures.

    Args:
        name: of the case.
        folder: of all cases.
        pictures: to record.
    """
    labels = ('__background__', 'person')
    model = detection.KeypointRCNN(
        _backbone(),
        keypoint_head=keypoint_rcnn.KeypointRCNNHeads(CHANNELS, (32, 32)),
        keypoint_predictor=keypoint_rcnn.KeypointRCNNPredictor(32, POINTS),
        **_small(len(labels)),
    )
    return _case(model, name, labels, ('keypoints', 'keypoints_scores'), folder, pictures)


def _backbone() -> Any:
    """Makes a pyramid of features, each level normalized so that no picture is louder."""
    layers = {'stem': _layer(3, 16, 4), 'low': _layer(16, 32, 2), 'high': _layer(32, 64, 2)}
    body = torch.nn.Sequential(OrderedDict(layers))
    returned = {'low': '0', 'high': '1'}
    return backbone_utils.BackboneWithFPN(body, returned, [32, 64], CHANNELS)


def _layer(channels: int, out: int, stride: int) -> Any:
    return torch.nn.Sequential(
        torch.nn.Conv2d(channels, out, 5, stride, 2), torch.nn.GroupNorm(4, out), torch.nn.ReLU()
    )


def _small(classes: int) -> dict[str, Any]:
    """Returns arguments that make a network quick enough for a test."""
    return {
        'rpn_anchor_generator': AnchorGenerator(((32, 64, 128),) * 3, ((0.5, 1.0, 2.0),) * 3),
        'min_size': 240,
        'max_size': 400,
        'box_head': faster_rcnn.TwoMLPHead(CHANNELS * 49, 64),
        'box_predictor': faster_rcnn.FastRCNNPredictor(64, classes),
        'rpn_pre_nms_top_n_test': 200,
        'rpn_post_nms_top_n_test': 60,
        'box_detections_per_img': 12,
    }


def _case(
    model: Any,
    name: str,
    labels: tuple[str, ...],
    extra: tuple[str, ...],
    folder: Path,
    pictures: Pictures,
) -> Case:
    use_stand_in()
    model.eval()
    spread(model, (), 1.0)
    with torch.no_grad():
        for key, weight in model.named_parameters():
            for part, factor in _HEADS.items():
                if part in key:
                    weight.mul_(factor)
    out = labels_in(folder / name, labels)
    torch.onnx.export(
        model, (torch.rand(1, 3, 240, 320),), out / f'{name}.onnx', dynamo=False,
        input_names=['images'], output_names=['boxes', 'labels', 'scores', *extra],
        dynamic_axes={'images': {2: 'height', 3: 'width'}}, opset_version=17,
    )  # fmt: skip
    seen = {key: list(_found(model, to_tensor(one), labels)) for key, one in pictures.items()}
    return Case(name, seen, AS_THEY_ARE, ('size', 'encode'))


def _found(model: Any, picture: Any, labels: tuple[str, ...]) -> Iterator[Expected]:
    with torch.no_grad():
        (found,) = model([picture])
    for n, score in enumerate(found['scores'].tolist()):
        about = {}
        if 'masks' in found:
            about['mask'] = runs_of(found['masks'][n, 0].numpy() > 0.5)
        if 'keypoints' in found:
            numbers = found['keypoints'][n].numpy().copy()
            numbers[:, 2] = found['keypoints_scores'][n].sigmoid()
            about['points'] = tuple(numbers.ravel().tolist())
        box = tuple(found['boxes'][n].tolist())
        yield Expected(labels[int(found['labels'][n])], score, box, **about)


def runs_of(mask: Any) -> tuple[int, ...]:
    """Returns the lengths of runs, of which the first one is of pixels that are not set."""
    flat = mask.ravel()
    ends = [0, *(np.flatnonzero(np.diff(flat)) + 1).tolist(), flat.size]
    runs = np.diff(ends).tolist()
    return (0, *runs) if flat[0] else tuple(runs)
