"""ViTPose, which finds the joints of one person that was cut out of a picture."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers

from dev.exporters.expectation import Case, Expected
from dev.exporters.pictures import Pictures
from dev.exporters.recipe import Recipe, made

WIDTH, HEIGHT = 192, 256
NAMES = ('head', 'left hand', 'right hand', 'left foot', 'right foot')
EDGES = [[0, 1], [0, 2], [0, 3], [0, 4]]


def model() -> Any:
    """Makes a ViTPose."""
    backbone = transformers.VitPoseBackboneConfig(
        image_size=[HEIGHT, WIDTH], patch_size=[16, 16], hidden_size=32, num_hidden_layers=2,
        num_attention_heads=2, mlp_ratio=1,
    )  # fmt: skip
    config = transformers.VitPoseConfig(
        backbone_config=backbone, edges=EDGES, id2label=dict(enumerate(NAMES)),
        label2id={name: number for number, name in enumerate(NAMES)},
    )  # fmt: skip
    return transformers.VitPoseForPoseEstimation(config)


RECIPE = Recipe(
    'vitpose', model, transformers.VitPoseImageProcessor, ('head.conv',), 0.3,
    'keypoint-detection',
)  # fmt: skip


def export(folder: Path, pictures: Pictures) -> Case:
    """Exports it and records the joints that it sees in the middle of each picture.

    These are cut out to the size of its input and written to `NAME_pictures`.

    Args:
        folder: of all cases.
        pictures: to cut.
    """
    whole, processor = made(RECIPE, folder)
    # The cut is not made again by moving pixels by parts of one.
    processor.do_affine_transform = False
    out = folder / f'{RECIPE.name}_pictures'
    out.mkdir()
    seen = {}
    for name, picture in pictures.items():
        left, top = (picture.width - WIDTH) // 2, (picture.height - HEIGHT) // 2
        cut = picture.crop((left, top, left + WIDTH, top + HEIGHT))
        cut.save(out / name)
        seen[name] = list(_seen(whole, processor, cut))
    return Case(RECIPE.name, seen)


def _seen(whole: Any, processor: Any, picture: Any) -> Iterator[Expected]:
    # A box grows by a quarter before it is cut out; this one becomes the whole picture.
    box = [WIDTH * 0.1, HEIGHT * 0.1, WIDTH * 0.8, HEIGHT * 0.8]
    with torch.no_grad():
        outputs = whole(**processor(images=picture, boxes=[[box]], return_tensors='pt'))
    ((found,),) = processor.post_process_pose_estimation(outputs, boxes=[[box]])
    scores = found['scores'].numpy()
    points = np.column_stack([found['keypoints'].numpy(), scores])
    yield Expected(
        'person', float(np.clip(scores, 0, 1).mean()), points=tuple(points.ravel().tolist())
    )
