"""Makes exports and notes their libraries' results: `python -m dev.exporters.make FOLDER`.

Needs transformers 4 and optimum-onnx, in an environment of their own; `make exporters` makes it.
Nothing is downloaded: the weights are random, with a fixed seed.
`test/exports/test_exporters.py` compares.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnxruntime
import torch
from optimum.exporters.onnx import main_export
from PIL import Image

from dev.exporters.models import MODELS, Exported

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / 'ml_integration/exports/pictures'
THRESHOLD = 0.25
"""Score from which on detections are noted: what the package's own task publishes."""


def main() -> None:
    """Makes all exports below the folder of the command line."""
    folder = Path(sys.argv[1])
    pictures = _pictures(folder / 'pictures')
    for name, make in MODELS.items():
        torch.manual_seed(1)
        exported = make()
        expected = _export(exported, folder / name, pictures)
        np.savez(folder / name / 'expected.npz', **expected)
        best = [float(one.max(initial=0)) for key, one in expected.items() if _is_score(key)]
        print(f'{name}: best scores', ', '.join(f'{one:.3f}' for one in best) or 'none')


def _is_score(key: str) -> bool:
    return key.endswith(('scores', 'probabilities'))


def _pictures(folder: Path) -> list[Any]:
    """Writes the pictures without loss, so that every library decodes the same pixels."""
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for file in sorted(PICTURES.glob('*.jpg')):
        picture = Image.open(file).convert('RGB')
        picture.save(folder / f'{file.stem}.png')
        found.append(picture)
    return found


def _export(exported: Exported, folder: Path, pictures: list[Any]) -> dict[str, Any]:
    """Exports a model; returns what its library makes of pictures."""
    exported.model.eval()
    exported.model.save_pretrained(folder / 'trained')
    exported.processor.save_pretrained(folder / 'trained')
    export = folder / 'export'
    main_export(str(folder / 'trained'), export, task=exported.task, do_validation=False)
    session = onnxruntime.InferenceSession(str(export / 'model.onnx'))
    found: dict[str, Any] = {}
    for number, picture in enumerate(pictures):
        pixels = exported.processor(images=picture, return_tensors='np')['pixel_values']
        outputs = session.run(None, {session.get_inputs()[0].name: pixels})
        named = zip((one.name for one in session.get_outputs()), outputs, strict=True)
        tensors = {name: torch.from_numpy(array) for name, array in named}
        found |= {f'{number}.{key}': v for key, v in _read(exported, tensors, picture).items()}
    return found


def _read(exported: Exported, tensors: dict[str, Any], picture: Any) -> dict[str, Any]:
    if exported.task == 'image-classification':
        return {'probabilities': tensors['logits'].softmax(-1)[0].numpy()}
    if exported.task != 'object-detection':
        return {}
    (found,) = exported.processor.post_process_object_detection(
        SimpleNamespace(**tensors), THRESHOLD, [(picture.height, picture.width)]
    )
    order = found['scores'].argsort(descending=True)
    return {key: values[order].numpy() for key, values in found.items()}


if __name__ == '__main__':
    main()
