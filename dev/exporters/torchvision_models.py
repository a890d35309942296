"""Classifiers of torchvision: a bare ONNX file and a list of the classes.

Nothing in such an export says how a picture is prepared, so a person has to.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torchvision import models

from dev.exporters.expectation import Case, Expected
from dev.exporters.pictures import Pictures
from dev.exporters.spread import spread

CLASSES = ('cat', 'cup', 'dog', 'person', 'rocket', 'wheel')
ARGUMENTS = (
    '--yes',  # which takes what is proposed: the numbers of ImageNet, out of the middle
    *('--set', 'encode.shortest_edge=256'),
    *('--set', 'encode.resampling=pillow'),
    *('--set', 'encode.rounding=torchvision'),
)
"""What the transforms of these weights do."""


def export(name: str, folder: Path, pictures: Pictures) -> Case:
    """Exports a MobileNet and records what it makes of pictures.

    Args:
        name: of the case.
        folder: of all cases.
        pictures: to record.
    """
    model = models.mobilenet_v3_small(num_classes=len(CLASSES)).eval()
    spread(model, ('classifier.3',), 1.5)
    out = folder / name
    out.mkdir(parents=True)
    (out / 'labels.txt').write_text('\n'.join(CLASSES))
    torch.onnx.export(model, (torch.rand(1, 3, 224, 224),), out / 'mobilenet.onnx', dynamo=False)
    transform = models.MobileNet_V3_Small_Weights.DEFAULT.transforms()
    seen = {}
    for key, picture in pictures.items():
        with torch.no_grad():
            scores = model(transform(picture)[None]).softmax(-1)[0].tolist()
        seen[key] = [Expected(*one) for one in zip(CLASSES, scores, strict=True)]
    return Case(name, seen, ARGUMENTS)
