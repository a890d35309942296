"""Models of timm: a bare ONNX file, and the configuration that timm saves for a hub."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import timm
import torch
from timm.data import create_transform, resolve_model_data_config
from timm.models._hub import save_config_for_hf

from dev.exporters.expectation import Case, Expected
from dev.exporters.pictures import Pictures
from dev.exporters.spread import spread

CLASSES = ('cat', 'cup', 'dog', 'person', 'rocket', 'wheel')
MODELS = {
    'timm_vit': ('test_vit', 'head.', 1.0, False),
    'timm_resnet': ('test_resnet', 'fc.', 3.0, True),
}
"""By the case's name: architecture, last layer, what its weights are multiplied with, and whether
torch's newer exporter is used, which puts weights into a file of their own."""


def export(name: str, folder: Path, pictures: Pictures) -> Case:
    """Exports a model and records what it makes of pictures.

    Args:
        name: of the case.
        folder: of all cases.
        pictures: to record.
    """
    architecture, head, factor, newer = MODELS[name]
    model = timm.create_model(architecture, num_classes=len(CLASSES), exportable=True).eval()
    spread(model, (head,), factor)
    config = resolve_model_data_config(model)
    out = folder / name
    out.mkdir(parents=True)
    save_config_for_hf(model, str(out / 'config.json'), {'label_names': list(CLASSES)})
    like = torch.rand(1, *config['input_size'])
    names = {'input_names': ['input0'], 'output_names': ['output0']}
    torch.onnx.export(model, (like,), out / f'{architecture}.onnx', dynamo=newer, **names)
    transform = create_transform(**config, is_training=False)
    return Case(name, {key: _seen(model, transform(one)) for key, one in pictures.items()})


def _seen(model: Any, tensor: Any) -> list[Expected]:
    with torch.no_grad():
        scores = model(tensor[None]).softmax(-1)[0].tolist()
    return [Expected(label, score) for label, score in zip(CLASSES, scores, strict=True)]
