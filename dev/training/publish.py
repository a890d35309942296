"""Makes a model package of trained weights.

`python -m dev.training.publish --weights out/shapes_2.pt --out models/shapes/2`
"""

from __future__ import annotations

import argparse
from pathlib import Path

# mypy: disable-error-code="import-not-found"
import torch

from dev.training.evaluation import TIME_S, evaluate, examples, table
from dev.training.network import OUTPUTS, ShapesNet
from dev.training.packaging import Draft, PackageWriter, golden_arrays, onnx_bytes
from dev.training.releases import GOLDEN_SEED, HELD_OUT_SEEDS, RELEASES, Release
from dev.training.samples import to_uint8_tensor
from dev.training.train import new_network
from ml_integration.core.datatypes import Frame
from ml_integration.demos.scene_maker import make_scene
from ml_integration.demos.scenes import render


def draft_of(release: Release) -> Draft:
    """What the package of a release says."""
    settings = {
        'decoder': release.decoder,
        'score_threshold': release.score_threshold,
        'iou_threshold': 0.5,
        'max_detections': 50,
    }
    return Draft(
        'shapes', release.version, 'object_detection', 'dev/training/train.py', release.labels,
        release.input_wh, release.preprocess, settings,
    )  # fmt: skip


def write_package(folder: Path, network: ShapesNet, release: Release) -> str:
    """Writes a package and measures it.

    Returns:
        Its accuracy, as a table.
    """
    model = onnx_bytes(OUTPUTS[release.decoder](network), release.input_wh, ['detections'])
    to_tensor, images = to_uint8_tensor(release.preprocess, release.input_wh)
    to_tensor([Frame(render(make_scene(GOLDEN_SEED), TIME_S), 'rgb8')])
    golden = golden_arrays(model, images, release.preprocess.scale)
    writer = PackageWriter(folder, draft_of(release), model, golden)
    writer.describe('not yet measured')
    accuracies = evaluate(folder, examples(HELD_OUT_SEEDS))
    kinds = f'{len(release.labels)} kinds of drawn shapes'
    measured = f'mAP50 {accuracies["mean"].ap50:.3f} on {len(HELD_OUT_SEEDS)} held-out scenes'
    writer.describe(f'{kinds}, {measured}')
    return table(accuracies)


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
