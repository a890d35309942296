"""Makes a model package of a trained network: ONNX file, labels, golden sample and manifest."""

from __future__ import annotations

import hashlib
import io
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# mypy: disable-error-code="import-not-found"
import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from torch import nn

from dev.models.whole_files import write_whole
from ml_integration.ops.picture_input import PreprocessSettings

OPSET = 17
RTOL = 1e-2
ATOL = 1e-2
GOLDEN = 'golden.npz'
LABELS = 'labels.txt'
MODEL = 'model.onnx'
MANIFEST = """\
schema: 2
name: {name}
version: {version}
description: {description}
task: {task}
format: onnx
license: Apache-2.0
origin: trained on drawn scenes by {origin} of this repository
files:
{files}
model: model.onnx
{roles}
golden: golden.npz
inputs:
  - tensor: images
    kind: image
    topic: image
    dtype: float32
    shape: [1, 3, {height}, {width}]
    encode:
      resize: {resize}
      color: {color}
      layout: nchw
      scale: {scale}
      pad_value: 114
outputs:
{outputs}
settings:
{settings}
limits:
  latency_ms: 30.0
"""


@dataclass(frozen=True)
class Draft:
    """What a package says of its model.

    Attributes:
        name: of the model.
        version: its number.
        task: what its outputs are.
        origin: program that trained it.
        labels: names of its classes.
        input_wh: size of its input [px].
        preprocess: how a picture gets there.
        settings: of the task.
    """

    name: str
    version: int
    task: str
    origin: str
    labels: Sequence[str]
    input_wh: tuple[int, int]
    preprocess: PreprocessSettings
    settings: Mapping[str, object]


def onnx_bytes(module: nn.Module, input_wh: tuple[int, int], outputs: Sequence[str]) -> bytes:
    """A network as an ONNX file, with nothing in it about where it was made."""
    width, height = input_wh
    module.eval()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / MODEL
        torch.onnx.export(
            module, (torch.zeros(1, 3, height, width),), file, input_names=['images'],
            output_names=list(outputs), opset_version=OPSET, dynamo=False,
        )  # fmt: skip
        onnx.checker.check_model(file, full_check=True)
        return file.read_bytes()


def golden_arrays(
    model: bytes, images: NDArray[np.uint8], scale: float
) -> dict[str, NDArray[Any]]:
    """A picture as the model takes it, (1, 3, H, W), and what the model makes of it."""
    divisor = np.float32(scale)
    session = onnxruntime.InferenceSession(model, providers=['CPUExecutionProvider'])
    names = [output.name for output in session.get_outputs()]
    made = session.run(names, {'images': images.astype(np.float32) / divisor})
    return {
        'input.images': images,
        'input_divisor': divisor,
        **{f'output.{name}': array for name, array in zip(names, made, strict=True)},
        'rtol': np.float32(RTOL),
        'atol': np.float32(ATOL),
    }


class PackageWriter:
    """Writes the files of a package, and its manifest as often as its description changes.

    Args:
        folder: of the package.
        draft: what it says.
        model: the ONNX file.
        golden: its golden sample.
    """

    def __init__(
        self, folder: Path, draft: Draft, model: bytes, golden: Mapping[str, NDArray[Any]]
    ) -> None:
        stream = io.BytesIO()
        np.savez_compressed(stream, allow_pickle=False, **golden)
        labels = ''.join(f'{label}\n' for label in draft.labels).encode()
        named = {LABELS: labels} if draft.labels else {}
        self._files = {MODEL: model, **named, GOLDEN: stream.getvalue()}
        self._folder, self._draft = folder, draft
        self._outputs = {
            name.removeprefix('output.'): list(array.shape)
            for name, array in golden.items()
            if name.startswith('output.')
        }
        for name, content in self._files.items():
            write_whole(folder / name, content)

    def describe(self, description: str) -> None:
        """Writes the manifest with this description."""
        draft, (width, height) = self._draft, self._draft.input_wh
        text = MANIFEST.format(
            name=draft.name,
            version=draft.version,
            description=description,
            task=draft.task,
            origin=draft.origin,
            files='\n'.join(_pin(*item) for item in self._files.items()),
            roles=f'labels: {LABELS}' if draft.labels else '',
            width=width,
            height=height,
            resize=draft.preprocess.resize,
            color=draft.preprocess.color,
            scale=draft.preprocess.scale,
            outputs='\n'.join(
                f'  - {{tensor: {name}, dtype: float32, shape: {shape}}}'
                for name, shape in self._outputs.items()
            ),
            settings='\n'.join(f'  {key}: {value}' for key, value in draft.settings.items()),
        )
        write_whole(self._folder / 'manifest.yaml', text.replace('\n\n', '\n').encode())


def _pin(name: str, content: bytes) -> str:
    digest = hashlib.sha256(content).hexdigest()
    return f'  {name}:\n    sha256: {digest}\n    size: {len(content)}'
