"""Makes a model package of trained weights.

`python -m dev.training.publish --weights out/shapes_2.pt --out models/shapes/2`
"""

from __future__ import annotations

import argparse
import hashlib
import io
import tempfile
from pathlib import Path
from typing import Any

# mypy: disable-error-code="import-not-found"
import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray

from dev.models.whole_files import write_whole
from dev.training.evaluation import TIME_S, evaluate, examples, table
from dev.training.network import OUTPUTS, ShapesNet
from dev.training.releases import GOLDEN_SEED, HELD_OUT_SEEDS, RELEASES, Release
from dev.training.samples import to_uint8_tensor
from dev.training.train import new_network
from ml_integration.core.datatypes import Frame
from ml_integration.demos.scene_maker import make_scene
from ml_integration.demos.scenes import render

OPSET = 17
RTOL = 1e-2
ATOL = 1e-2
MANIFEST = """\
schema: 2
name: shapes
version: {version}
description: {description}
task: object_detection
format: onnx
license: Apache-2.0
origin: trained on drawn scenes by dev/training/train.py of this repository
files:
{files}
model: model.onnx
labels: labels.txt
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
  - {{tensor: detections, dtype: float32, shape: {output_shape}}}
settings:
  decoder: {decoder}
  score_threshold: {score_threshold}
  iou_threshold: 0.5
  max_detections: 50
limits:
  latency_ms: 30.0
"""


def onnx_bytes(network: ShapesNet, release: Release) -> bytes:
    """The network as an ONNX file, with nothing in it about where it was made."""
    width, height = release.input_wh
    module = OUTPUTS[release.decoder](network)
    module.eval()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / 'model.onnx'
        torch.onnx.export(
            module, (torch.zeros(1, 3, height, width),), file, input_names=['images'],
            output_names=['detections'], opset_version=OPSET, dynamo=False,
        )  # fmt: skip
        onnx.checker.check_model(file, full_check=True)
        return file.read_bytes()


def golden_arrays(model: bytes, release: Release) -> dict[str, NDArray[Any]]:
    """A held-out picture as the model takes it, and what the model makes of it."""
    frame = Frame(render(make_scene(GOLDEN_SEED), TIME_S), 'rgb8')
    to_tensor, images = to_uint8_tensor(release)
    to_tensor([frame])
    divisor = np.float32(release.preprocess.scale)
    session = onnxruntime.InferenceSession(model, providers=['CPUExecutionProvider'])
    (detections,) = session.run(['detections'], {'images': images.astype(np.float32) / divisor})
    return {
        'input.images': images,
        'input_divisor': divisor,
        'output.detections': detections,
        'rtol': np.float32(RTOL),
        'atol': np.float32(ATOL),
    }


def write_package(folder: Path, network: ShapesNet, release: Release) -> str:
    """Writes a package and measures it.

    Returns:
        Its accuracy, as a table.
    """
    model = onnx_bytes(network, release)
    golden = golden_arrays(model, release)
    stream = io.BytesIO()
    np.savez_compressed(stream, allow_pickle=False, **golden)
    labels = ''.join(f'{label}\n' for label in release.labels).encode()
    files = {'model.onnx': model, 'labels.txt': labels, 'golden.npz': stream.getvalue()}
    for name, content in files.items():
        write_whole(folder / name, content)
    shape = list(golden['output.detections'].shape)
    _write_manifest(folder, release, files, shape, 'not yet measured')
    accuracies = evaluate(folder, examples(HELD_OUT_SEEDS))
    kinds = f'{len(release.labels)} kinds of drawn shapes'
    measured = f'mAP50 {accuracies["mean"].ap50:.3f} on {len(HELD_OUT_SEEDS)} held-out scenes'
    _write_manifest(folder, release, files, shape, f'{kinds}, {measured}')
    return table(accuracies)


def _write_manifest(
    folder: Path, release: Release, files: dict[str, bytes], shape: list[int], description: str
) -> None:
    pins = '\n'.join(
        f'  {name}:\n    sha256: {hashlib.sha256(content).hexdigest()}\n    size: {len(content)}'
        for name, content in files.items()
    )
    width, height = release.input_wh
    preprocess = release.preprocess
    text = MANIFEST.format(
        version=release.version, description=description, files=pins, width=width, height=height,
        output_shape=shape, resize=preprocess.resize, color=preprocess.color,
        scale=preprocess.scale, decoder=release.decoder, score_threshold=release.score_threshold,
    )  # fmt: skip
    write_whole(folder / 'manifest.yaml', text.encode())


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description='Make a model package of trained weights.')
    parser.add_argument('--weights', type=Path, required=True, help='file that train wrote')
    parser.add_argument('--out', type=Path, required=True, help='folder of the package')
    arguments = parser.parse_args()
    saved = torch.load(arguments.weights, weights_only=True)
    release = RELEASES[saved['version']]
    network = new_network(release)
    network.load_state_dict(saved['network'])
    print(write_package(arguments.out, network, release))


if __name__ == '__main__':
    main()
