"""The models and the pictures of the comparison: real ones, made once into a folder.

Light is shapes@1 as it is. Medium and heavy are YOLOv3-tiny with its real weights, converted for
smaller and for larger pictures; nothing else changes with the size, and the files are the same on
every machine. Times are those of a calm 2-core AVX2 EPYC. Many cameras take shapes@1 with its
batch dimension set free, which its graph allows.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import onnx
import yaml

from dev.models.darknet import convert
from dev.models.fetch import HEAD_MASKS, demo_video
from dev.models.packages import CFG, DETECTOR, WEIGHTS
from dev.models.registry import members_of

ROOT = Path(__file__).resolve().parents[2]
SIZES_WH = {'VGA': (640, 480), '1080p': (1920, 1080)}
FRAME = 100
"""Which frame of the pedestrians' video is shown."""


@dataclass(frozen=True, slots=True)
class Model:
    """A class of cost.

    Attributes:
        name: what it is called in the tables.
        reference: of the model in the benchmark's store.
        inference_ms: about how long it runs [ms].
        input_px: side of the detector's input [px]; 0: not made by conversion.
    """

    name: str
    reference: str
    inference_ms: float
    input_px: int = 0

    def folder(self, store: Path) -> Path:
        return store.joinpath(*self.reference.split('@'))


LIGHT = Model('light', 'shapes@1', 1)
MEDIUM = Model('medium', 'coco_medium@1', 5, 224)
HEAVY = Model('heavy', 'coco_heavy@1', 40, 672)
BATCHED = Model('batched', 'shapes_batched@1', 1)
MODELS = (LIGHT, MEDIUM, HEAVY)


def make_models(store: Path) -> None:
    """Makes what is missing in the benchmark's store."""
    shapes = ROOT / 'models/shapes/1'
    if not LIGHT.folder(store).exists():
        shutil.copytree(shapes, LIGHT.folder(store))
    if not BATCHED.folder(store).exists():
        _write(BATCHED.folder(store), shapes, _free_batch(shapes))
    for model in (MEDIUM, HEAVY):
        if not model.folder(store).exists():
            template = ROOT / 'models/coco_yolov3_tiny/1'
            _write(model.folder(store), template, _detector(model.input_px))


def make_pictures(folder: Path) -> Mapping[str, Path]:
    """A frame of a real video in each of the sizes; BMP, which is quick to read."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {name: folder / f'{name}.bmp' for name in SIZES_WH}
    if not all(file.exists() for file in files.values()):
        video = cv2.VideoCapture(str(demo_video()))
        video.set(cv2.CAP_PROP_POS_FRAMES, FRAME)
        _, frame = video.read()
        for name, file in files.items():
            cv2.imwrite(str(file), cv2.resize(frame, SIZES_WH[name]))
    return files


def _detector(input_px: int) -> bytes:
    files = members_of(DETECTOR, print)
    cfg = files[CFG].read_text(encoding='utf-8')
    cfg = re.sub(r'(?m)^(width|height)=\d+', rf'\1={input_px}', cfg)
    return convert(cfg, files[WEIGHTS].read_bytes(), 'coco_yolov3_tiny', HEAD_MASKS)


def _free_batch(folder: Path) -> bytes:
    model = onnx.load(folder / 'model.onnx')
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = 'batch'
    return bytes(model.SerializeToString())


def _write(folder: Path, template: Path, content: bytes) -> None:
    """A model package like another one, with another network and without a golden sample."""
    partial = folder.with_name(f'{folder.name}.partial')
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    (partial / 'model.onnx').write_bytes(content)
    shutil.copy(template / 'labels.txt', partial)
    document = yaml.safe_load((template / 'manifest.yaml').read_text(encoding='utf-8'))
    document.pop('golden', None)
    document['name'] = folder.parent.name
    document['description'] = f'{template.parent.name} for benchmarks, another input shape'
    document['files'] = {name: _pin(partial / name) for name in ('model.onnx', 'labels.txt')}
    graph = onnx.load_from_string(content).graph
    for key, values in (('inputs', graph.input), ('outputs', graph.output)):
        document[key][0]['shape'] = [
            dim.dim_value or None for dim in values[0].type.tensor_type.shape.dim
        ]
    document['limits'] = {'latency_ms': 1000.0}
    (partial / 'manifest.yaml').write_text(yaml.safe_dump(document, sort_keys=False))
    partial.rename(folder)


def _pin(file: Path) -> dict[str, Any]:
    content = file.read_bytes()
    return {'sha256': hashlib.sha256(content).hexdigest(), 'size': len(content)}
