"""Makes exports and records what their exporters make of pictures.

`python -m dev.exporters OUT --pictures FOLDER`, in the environment of `make test-models`.
"""

from __future__ import annotations

import argparse
import os
import traceback
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import torch

from dev.exporters import compiled_operators
from dev.exporters.expectation import Case
from dev.exporters.pictures import Pictures, pictures_of

Export = Callable[[Path, Pictures], Case]


def exports() -> Iterator[tuple[str, Export]]:
    """Yields what makes each case, by name."""
    compiled_operators.stand_in()
    # Nothing is asked of a hub: all weights are made here.
    os.environ['HF_HUB_OFFLINE'] = '1'
    # Both have to be settled before any of these is imported.
    from dev.exporters import (
        depth_anything,
        hugging_face,
        rcnn,
        recipe,
        timm_models,
        torchvision_models,
        vitpose,
        yolo,
    )

    for one in (*hugging_face.RECIPES, depth_anything.FREE):
        yield one.name, partial(recipe.export, one)
    yield depth_anything.FIXED.name, depth_anything.fixed
    yield vitpose.RECIPE.name, vitpose.export
    for name in timm_models.MODELS:
        yield name, partial(timm_models.export, name)
    name = 'torchvision_mobilenet'
    yield name, partial(torchvision_models.classifier, name)
    name = 'torchvision_ssdlite'
    yield name, partial(torchvision_models.detector, name)
    yield 'mask_rcnn', partial(rcnn.masks, 'mask_rcnn')
    for name in yolo.TASKS:
        yield name, partial(yolo.export, name)
    yield 'keypoint_rcnn', partial(rcnn.points, 'keypoint_rcnn')


def main() -> int:
    """Makes the cases that are asked for; the status is 1 if one of them failed."""
    parser = argparse.ArgumentParser(prog='dev.exporters', description=__doc__)
    parser.add_argument('out', type=Path, help='folder for the exports')
    parser.add_argument('--pictures', type=Path, required=True, help='folder of PNG files')
    parser.add_argument('--only', default='', help='one case')
    args = parser.parse_args()
    warnings.filterwarnings('ignore')
    torch.set_num_threads(1)
    pictures = pictures_of(args.pictures)
    failed = 0
    for name, export in exports():
        if args.only in ('', name):
            try:
                export(args.out, pictures).write(args.out)
                print(f'made {name}', flush=True)
            except Exception:
                failed += 1
                print(f'failed: {name}\n{traceback.format_exc()}', flush=True)
    return int(failed > 0)


if __name__ == '__main__':
    raise SystemExit(main())
