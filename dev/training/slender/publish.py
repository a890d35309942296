"""Makes three model packages of the trained network of slender shapes.

`python -m dev.training.slender.publish --weights out/slender.pt --models models`
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# mypy: disable-error-code="import-not-found"
import numpy as np
import torch
from numpy.typing import NDArray

from dev.training.packaging import ATOL, RTOL, Draft, PackageWriter, golden_arrays, onnx_bytes
from dev.training.samples import to_uint8_tensor
from dev.training.slender.evaluation import SURE, evaluate, table
from dev.training.slender.network import KindsOutput, MasksOutput, SlenderNet, TurnedOutput
from dev.training.slender.release import HELD_OUT_SEEDS, INPUT_WH, PREPROCESS, PROTOTYPES
from dev.training.slender.scenes import LABELS, TIME_S, make_slender_scene
from ml_integration.core.datatypes import Frame
from ml_integration.demos.scenes import render

ORIGIN = 'dev/training/slender/train.py'
BOXES = {'score_threshold': 0.35, 'iou_threshold': 0.5, 'max_detections': 50}
HEADLINES = ('mAP50', 'mAP')
_TREMBLE = 0.05
"""Change of the pixels of a golden sample that its outputs have to stand [levels]."""


@dataclass(frozen=True)
class Product:
    """One of the packages.

    Attributes:
        name: of the model.
        task: what its outputs are.
        output: the network with these outputs.
        what: what it finds, for the description.
        settings: of the task.
    """

    name: str
    task: str
    output: type[TurnedOutput | MasksOutput | KindsOutput]
    what: str
    settings: Mapping[str, object]


PRODUCTS = (
    Product(
        'slender_boxes', 'object_detection', TurnedOutput, 'turned boxes of',
        {'decoder': 'yolo_obb', **BOXES},
    ),
    Product(
        'slender_masks', 'instance_segmentation', MasksOutput, 'boxes and masks of',
        {
            'decoder': 'yolov8',
            'decoder_options': f'{{other_columns: {PROTOTYPES}}}',
            'masks': 'prototypes',
            **BOXES,
        },
    ),
    Product(
        'slender_kinds', 'classification', KindsOutput, 'which of',
        {'multi_label': 'true', 'score_threshold': SURE},
    ),
)  # fmt: skip


def write_package(folder: Path, network: SlenderNet, product: Product) -> str:
    """Writes a package and measures it.

    Returns:
        Its accuracy, as a table.
    """
    model = onnx_bytes(product.output(network), INPUT_WH, product.output.names)
    draft = Draft(
        product.name, 1, product.task, ORIGIN, LABELS, INPUT_WH, PREPROCESS, product.settings
    )
    writer = PackageWriter(folder, draft, model, steady_sample(model))
    writer.describe('not yet measured')
    scores = evaluate(folder, HELD_OUT_SEEDS)
    best = next(
        score for score in scores if 'mAP50' in score.name.split(' ') or score.name == 'mAP'
    )
    figure = f'{best.name} {best.value:.3f} on {len(HELD_OUT_SEEDS)} held-out scenes'
    writer.describe(f'{product.what} {len(LABELS)} kinds of slender drawn shapes, {figure}')
    return table(scores)


def steady_sample(model: bytes) -> dict[str, NDArray[Any]]:
    """A golden sample of a held-out scene that another machine's rounding cannot break.

    An angle jumps by half a turn where a box lies about across, also in cells that show nothing.
    """
    to_tensor, images = to_uint8_tensor(PREPROCESS, INPUT_WH)
    random = np.random.default_rng(0)
    for seed in HELD_OUT_SEEDS:
        to_tensor([Frame(render(make_slender_scene(seed), TIME_S), 'rgb8')])
        sample = golden_arrays(model, images.copy(), PREPROCESS.scale)
        noise = random.uniform(-_TREMBLE, _TREMBLE, images.shape)
        trembling = golden_arrays(model, images + noise.astype(np.float32), PREPROCESS.scale)
        outputs = [name for name in sample if name.startswith('output.')]
        if all(np.allclose(sample[n], trembling[n], 10 * RTOL, 10 * ATOL) for n in outputs):
            return sample
    raise ValueError('no scene gives outputs that stand a slight change of the picture')


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description='Make model packages of trained weights.')
    parser.add_argument('--weights', type=Path, required=True, help='file that train wrote')
    parser.add_argument('--models', type=Path, required=True, help='folder of models')
    arguments = parser.parse_args()
    network = SlenderNet()
    network.load_state_dict(torch.load(arguments.weights, weights_only=True))
    for product in PRODUCTS:
        folder = arguments.models / product.name / '1'
        print(f'{folder}\n{write_package(folder, network, product)}')


if __name__ == '__main__':
    main()
