"""Makes a model package of the trained network of rooms.

`python -m dev.training.rooms.publish --weights out/rooms.pt --out models/rooms_depth/1`
"""

from __future__ import annotations

import argparse
from pathlib import Path

# mypy: disable-error-code="import-not-found"
import numpy as np
import torch

from dev.training.packaging import Draft, PackageWriter, golden_arrays, onnx_bytes
from dev.training.rooms.evaluation import evaluate, table
from dev.training.rooms.network import INPUT_WH, DepthNet
from dev.training.rooms.scenes import HELD_OUT_SEEDS, make_room, render_room
from ml_integration.ops.picture_input import PreprocessSettings

PREPROCESS = PreprocessSettings(resize='stretch', color='rgb', scale=255.0)
DRAFT = Draft(
    'rooms_depth', 1, 'depth_estimation', 'dev/training/rooms/train.py', (), INPUT_WH, PREPROCESS,
    {'kind': 'metric'},
)  # fmt: skip


def write_package(folder: Path, network: DepthNet) -> str:
    """Writes the package and measures it.

    Returns:
        Its accuracy, as a table.
    """
    model = onnx_bytes(network, INPUT_WH, ['depth'])
    picture, _ = render_room(make_room(HELD_OUT_SEEDS[0]), INPUT_WH)
    images = np.ascontiguousarray(picture.transpose(2, 0, 1)[None])
    writer = PackageWriter(folder, DRAFT, model, golden_arrays(model, images, PREPROCESS.scale))
    writer.describe('not yet measured')
    accuracy = evaluate(folder, HELD_OUT_SEEDS)
    error = accuracy.model[0]
    figure = f'{error.name} {error.value:.3f} on {len(HELD_OUT_SEEDS)} held-out rooms'
    writer.describe(f'depth of drawn rooms that one camera sees, {figure}')
    return table(accuracy)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description='Make a model package of trained weights.')
    parser.add_argument('--weights', type=Path, required=True, help='file that train wrote')
    parser.add_argument('--out', type=Path, required=True, help='folder of the package')
    arguments = parser.parse_args()
    network = DepthNet()
    network.load_state_dict(torch.load(arguments.weights, weights_only=True))
    print(f'{arguments.out}\n{write_package(arguments.out, network)}')


if __name__ == '__main__':
    main()
