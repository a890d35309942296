"""Models of torchvision: a bare ONNX file and a list of the classes.

Nothing in such an export says how a picture is prepared, so a person has to.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torchvision import models
from torchvision.models import detection
from torchvision.transforms.functional import to_tensor

from dev.exporters.compiled_operators import use_stand_in
from dev.exporters.expectation import Case, Expected
from dev.exporters.pictures import Pictures
from dev.exporters.spread import spread

CLASSES = ('cat', 'cup', 'dog', 'person', 'rocket', 'wheel')
CROPPED = (
    '--yes',  # which takes what is proposed: the numbers of ImageNet, out of the middle
    *('--set', 'encode.shortest_edge=256'),
    *('--set', 'encode.resampling=pillow'),
    *('--set', 'encode.rounding=torchvision'),
)
"""What the transforms of the classifier's weights do."""
AS_THEY_ARE = (
    '--yes',  # which takes an untrained detector, though it sees objects in an empty picture
    *('--set', 'encode.resize=none'),
    *('--set', 'encode.color=rgb'),
    *('--set', 'encode.scale=255'),
    *('--set', 'encode.mean=[0]'),
    *('--set', 'encode.std=[1]'),
)
"""What torchvision's detectors take: pictures of any size, from 0 to 1."""


def classifier(name: str, folder: Path, pictures: Pictures) -> Case:
    """Exports a MobileNet and records what it makes of pictures.

    Args:
        name: of the case.
        folder: of all cases.
        pictures: to record.
    """
    model = models.mobilenet_v3_small(num_classes=len(CLASSES)).eval()
    spread(model, ('classifier.3',), 1.5)
    out = labels_in(folder / name, CLASSES)
    torch.onnx.export(model, (torch.rand(1, 3, 224, 224),), out / 'mobilenet.onnx', dynamo=False)
    transform = models.MobileNet_V3_Small_Weights.DEFAULT.transforms()
    seen = {}
    for key, picture in pictures.items():
        with torch.no_grad():
            scores = model(transform(picture)[None]).softmax(-1)[0].tolist()
        seen[key] = [Expected(*one) for one in zip(CLASSES, scores, strict=True)]
    return Case(name, seen, CROPPED, ('encode',))


def detector(name: str, folder: Path, pictures: Pictures) -> Case:
    """Exports an SSDlite, which prepares pictures and drops overlapping boxes itself.

    Args:
        name: of the case.
        folder: of all cases.
        pictures: to record.
    """
    use_stand_in()
    labels = ('__background__', *CLASSES)
    model = detection.ssdlite320_mobilenet_v3_large(
        weights=None, weights_backbone=None, num_classes=len(labels), detections_per_img=60
    ).eval()
    spread(model, ('classification_head',), 0.5)
    out = labels_in(folder / name, labels)
    torch.onnx.export(
        model, (torch.rand(1, 3, 240, 320),), out / 'ssdlite.onnx', dynamo=False,
        input_names=['images'], output_names=['boxes', 'scores', 'labels'],
        dynamic_axes={'images': {2: 'height', 3: 'width'}},
    )  # fmt: skip
    seen = {key: _found(model, to_tensor(one), labels) for key, one in pictures.items()}
    return Case(name, seen, AS_THEY_ARE, ('size', 'encode'))


def labels_in(folder: Path, labels: tuple[str, ...]) -> Path:
    """Makes a folder with a list of the classes."""
    folder.mkdir(parents=True)
    (folder / 'labels.txt').write_text('\n'.join(labels))
    return folder


def _found(model: Any, picture: Any, labels: tuple[str, ...]) -> list[Expected]:
    with torch.no_grad():
        (found,) = model([picture])
    rows = zip(found['labels'], found['scores'], found['boxes'], strict=True)
    return [Expected(labels[int(n)], float(score), tuple(b.tolist())) for n, score, b in rows]
