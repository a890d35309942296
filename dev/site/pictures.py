"""Make the pictures of the documentation: `python -m dev.site.pictures`, after `make setup`.

The photograph is the one of the detector's golden sample: NASA's portrait of Eileen Collins
(public domain).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dev.site.diagrams import DIAGRAMS
from ml_integration.core.abilities import Drawing
from ml_integration.core.arrivals import of_one
from ml_integration.core.inputs import SensorInput
from ml_integration.deploy.loading import Loader
from ml_integration.store.package.package import read_package

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / 'docs/pictures'
DETECTOR = ROOT / 'models/coco_yolov3_tiny/1'
QUALITY = 85
GAP = 12  # white columns between two pictures [px]


def main() -> None:
    """Writes all pictures."""
    FOLDER.mkdir(exist_ok=True)
    for diagram in DIAGRAMS:
        (FOLDER / f'{diagram.__name__}.svg').write_text(str(diagram()), encoding='utf-8')
    photo = photograph()
    right = annotated(photo, {})
    save('first_model', cv2.resize(right, None, fx=1.5, fy=1.5, interpolation=cv2.INTER_CUBIC))
    wrong = annotated(photo, {'scale': 1.0})
    gap = np.full((len(photo), GAP, 3), 255, np.uint8)
    save('models', np.hstack([right, gap, wrong]))


def photograph() -> NDArray[np.uint8]:
    """Returns the golden sample's picture without the bars around it: (H, W, 3) BGR."""
    with np.load(DETECTOR / 'golden.npz') as golden:
        picture = golden['input.images'][0].transpose(1, 2, 0)
    rows = np.flatnonzero(picture.std(axis=(1, 2)) > 1)
    return np.ascontiguousarray(picture[rows[0] : rows[-1] + 1, :, ::-1])


def annotated(picture: NDArray[np.uint8], encode: Mapping[str, Any]) -> NDArray[np.uint8]:
    """Returns a picture with what the detector finds drawn in.

    Args:
        picture: (H, W, 3) BGR.
        encode: changes to the preprocessing that the manifest declares.
    """
    package = read_package(DETECTOR)
    (source,) = package.manifest.inputs
    assert isinstance(source, SensorInput)
    source = replace(source, encode={**source.encode, **encode})
    package = replace(package, manifest=replace(package.manifest, inputs=(source,)))
    pipeline = Loader().load(package)
    height, width = picture.shape[:2]
    message = SimpleNamespace(
        header=SimpleNamespace(frame_id=''), height=height, width=width, step=3 * width,
        encoding='bgr8', is_bigendian=0, data=picture.tobytes(),
    )  # fmt: skip
    prediction = pipeline.run(of_one('images', message))
    canvas = picture.copy()
    assert isinstance(pipeline.task, Drawing)
    pipeline.task.draw(canvas, prediction.result)
    pipeline.close()
    return canvas


def save(name: str, picture: NDArray[Any]) -> None:
    """Writes a photograph."""
    cv2.imwrite(str(FOLDER / f'{name}.jpg'), picture, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])


if __name__ == '__main__':
    main()
