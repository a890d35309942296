"""Make the contact sheet `docs/tasks.png`: `make task-sheet`.

Each tile is what a node publishes on `~/overlay`: a model of `models/` in the frame loop of the
nodes, on a real or a drawn picture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from dev.site import sheet_pictures as pictures
from dev.site.sheet_pictures import LARGEST_WH, Shown
from ml_integration.core.declaration import build
from ml_integration.deploy.assembly import plugin
from ml_integration.deploy.loading import Loader
from ml_integration.serving.annotation import annotated
from ml_integration.serving.playback import Outcome, Playback, read_recorded
from ml_integration.store.package.package import ModelPackage, read_package

ROOT = Path(__file__).resolve().parents[2]
MODELS = ROOT / 'models'
SHEET = ROOT / 'docs/tasks.png'
COLUMNS = 3
GAP, CAPTION = 12, 40
"""White between tiles, and room for the words below each [px]."""
CELL = (LARGEST_WH[0] + GAP, LARGEST_WH[1] + CAPTION + GAP)
INK, FAINT = (38, 50, 56), (84, 110, 122)
STEP = 255 / 31
"""Distance of the shades of a color: the file gets half as large, and nobody sees it."""


@dataclass(frozen=True)
class Tile:
    """A picture with what a model says of it.

    Attributes:
        title: the task, and the stages that work on its results.
        model: folder below `models`.
        shown: what the model sees.
        stages: settings of each stage, by its name.
    """

    title: str
    model: str
    shown: Shown
    stages: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def models(self) -> str:
        """The model and those that stages work with."""
        second = [settings['model'] for settings in self.stages.values() if 'model' in settings]
        return ' and '.join([self.model, *second])

    @property
    def folder(self) -> Path:
        """Where the model is."""
        return MODELS / self.model

    @property
    def there(self) -> bool:
        """Tells whether everything that is fetched for it was fetched."""
        return self.shown.there and (self.folder / 'model.onnx').exists()


COCO = 'coco_yolov3_tiny/1'
STREET = Shown('vtest.avi', partial(pictures.street, 90, 90), (pictures.VIDEO,))
WALK = Shown('4 s of vtest.avi', partial(pictures.street, 50, 90), (pictures.VIDEO,))
WALKER = Shown('a walker of vtest.avi', pictures.walker, (pictures.VIDEO,))
PORTRAIT = Shown('an astronaut', pictures.portrait, (pictures.ASTRONAUT,))
FACE = Shown('an astronaut', pictures.face, (pictures.ASTRONAUT,))
SHAPES = Shown('a drawn scene', partial(pictures.slender, 2))
ROOM = Shown('a drawn room', partial(pictures.room, 3))
MOTORCYCLE = Shown(
    'a motorcycle with depth from stereo',
    pictures.motorcycle,
    (pictures.STEREO, pictures.DISPARITIES),
)
TILES = (
    Tile('object_detection', COCO, STREET),
    Tile('object_detection + tracking', COCO, WALK, {'tracking': {}}),
    Tile('object_detection + lifting', COCO, MOTORCYCLE, {'lifting': {}}),
    Tile('keypoints', 'mediapipe_face_detector/1', FACE),
    Tile(
        'keypoints + cascade',
        'mediapipe_face_detector/1',
        FACE,
        {'cascade': {'model': 'mediapipe_face_mesh'}},
    ),
    Tile(
        'object_detection + cascade',
        COCO,
        STREET,
        {'cascade': {'model': 'mediapipe_pose', 'only': ('person',), 'padding': 0.1}},
    ),
    Tile('segmentation', 'mediapipe_selfie/1', PORTRAIT),
    Tile('keypoints', 'mediapipe_pose/1', WALKER),
    Tile('instance_segmentation', 'slender_masks/1', SHAPES),
    Tile('object_detection with rotated boxes', 'slender_boxes/1', SHAPES),
    Tile('classification', 'slender_kinds/1', SHAPES),
    Tile('depth_estimation', 'rooms_depth/1', ROOM),
)  # fmt: skip


def main() -> None:
    """Writes the sheet."""
    missing = sorted({tile.model for tile in TILES if not tile.there})
    if missing:
        raise SystemExit(f'not fetched yet: {", ".join(missing)}; run: make setup')
    overlays = [overlay(tile) for tile in TILES]
    sheet = contact_sheet(TILES, overlays)
    sheet.save(SHEET, optimize=True)
    print(f'wrote {SHEET.relative_to(ROOT)} ({SHEET.stat().st_size / 1e3:.0f} kB)')


def overlay(tile: Tile) -> NDArray[np.uint8]:
    """Returns the last picture of a tile with the result drawn in, (H, W, 3) BGR.

    Raises:
        ValueError: the last picture has no result.
    """
    loader = Loader(reader_for=read_recorded, stages=_stages(tile), find=_second)
    pipeline = loader.load(read_package(tile.folder))
    try:
        playback = Playback(pipeline, print)
        outcomes: list[Outcome] = []
        for topic, recorded in tile.shown.messages():
            outcomes += playback.play(topic, recorded)
        last = outcomes[-1].prediction if outcomes else None
        if last is None or not last.verdict.ok:
            told = outcomes[-1].error or str(last) if outcomes else 'nothing ran'
            raise ValueError(f'{tile.title} of {tile.model} gives no result: {told}')
        return np.asarray(annotated(last, pipeline), np.uint8)
    finally:
        pipeline.close()


def last_picture(tile: Tile) -> NDArray[np.uint8]:
    """Returns the last picture of a tile as it is, (H, W, 3) BGR."""
    *_, message = (item.message for topic, item in tile.shown.messages() if topic == 'image')
    pixels = message.data.reshape(message.height, message.width, 3)
    return np.asarray(pixels, np.uint8)


def _second(name: str) -> ModelPackage:
    """Returns the second model that a stage wants."""
    return read_package(MODELS / name / '1')


def _stages(tile: Tile) -> dict[str, Any]:
    return {
        name: build(plugin('stages', name).Settings, settings, f'stage {name}')
        for name, settings in tile.stages.items()
    }


def sheet_wh(tiles: int) -> tuple[int, int]:
    """Returns the size of a sheet with so many tiles [px]."""
    return COLUMNS * CELL[0] + GAP, -(-tiles // COLUMNS) * CELL[1] + GAP


def contact_sheet(tiles: Sequence[Tile], overlays: Sequence[NDArray[np.uint8]]) -> Image.Image:
    """Puts overlays (H, W, 3) BGR side by side, with what each of them is below it."""
    sheet = Image.new('RGB', sheet_wh(len(tiles)), 'white')
    draw = ImageDraw.Draw(sheet)
    large, small = (ImageFont.load_default(size) for size in (17, 13))
    for number, (tile, picture) in enumerate(zip(tiles, overlays, strict=True)):
        left = GAP + number % COLUMNS * CELL[0]
        top = GAP + number // COLUMNS * CELL[1]
        height, width = picture.shape[:2]
        corner = (left + (LARGEST_WH[0] - width) // 2, top + LARGEST_WH[1] - height)
        sheet.paste(Image.fromarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)), corner)
        below = top + LARGEST_WH[1] + 3
        draw.text((left, below), tile.title, INK, large)
        draw.text((left, below + 21), f'{tile.models} on {tile.shown.words}', FAINT, small)
    return sheet.point(lambda shade: round(round(shade / STEP) * STEP))


if __name__ == '__main__':
    main()
