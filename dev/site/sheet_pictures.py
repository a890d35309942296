"""Pictures that models are shown on, as the messages that a robot would get of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dev.training.rooms.scenes import make_room, render_room
from dev.training.slender.scenes import TIME_S, make_slender_scene
from ml_integration.demos.scenes import render
from ml_integration.recordings import Recorded
from ml_integration.recordings.pictures import IMAGE, picture_message
from ml_integration.recordings.video import Video

DATA = Path(__file__).resolve().parents[2] / 'dev/data'
ASTRONAUT, VIDEO = 'astronaut.png', 'vtest.avi'
STEREO, DISPARITIES = 'motorcycle_left.png', 'motorcycle_disp.npz'
CAMERA_INFO = 'sensor_msgs/msg/CameraInfo'
FOCAL, CENTER, SHIFT, BASELINE_M = 994.978, (311.193, 254.877), 31.086, 0.193001
"""Calibration of Middlebury's motorcycle of 2014 at a quarter of its size [px]."""
WALK = (250, 60)
"""Left and top of the part of the video that is shown [px]."""
LARGEST_WH = (480, 360)
"""Pictures get this size before a model sees them: what is drawn stays sharp."""

Messages = Iterator[tuple[str, Recorded]]
"""Messages with the topic in the manifest that each is for."""


@dataclass(frozen=True)
class Shown:
    """What a model is shown.

    Attributes:
        words: what it is, for a caption.
        messages: the messages.
        files: what they are made of, below `dev/data`.
    """

    words: str
    messages: Callable[[], Messages]
    files: tuple[str, ...] = ()

    @property
    def there(self) -> bool:
        """Tells whether its files were fetched."""
        return all((DATA / file).exists() for file in self.files)


def portrait() -> Messages:
    """Yields the photograph of an astronaut."""
    yield 'image', recorded(_photograph()[:384])


def face() -> Messages:
    """Yields the part of that photograph around the face."""
    yield 'image', recorded(_photograph()[:216, 80:368])


def walker() -> Messages:
    """Yields a picture of somebody who walks."""
    *_, pixels = islice(Video(DATA / VIDEO).frames(), 61)
    yield 'image', recorded(pixels[212:342, 535:708])


def street(first: int, last: int) -> Messages:
    """Yields the part of the street's video where people walk, from one frame to another."""
    video, (width, height) = Video(DATA / VIDEO), LARGEST_WH
    left, top = WALK
    for number, pixels in enumerate(islice(video.frames(), first, last + 1)):
        part = pixels[top : top + height, left : left + width]
        yield 'image', recorded(part, round(number / video.rate_hz * 1e9))


def slender(seed: int) -> Messages:
    """Yields a picture of slender shapes."""
    yield 'image', recorded(_bgr(render(make_slender_scene(seed), TIME_S)))


def room(seed: int) -> Messages:
    """Yields a picture of a room."""
    picture, _ = render_room(make_room(seed), LARGEST_WH)
    yield 'image', recorded(_bgr(picture))


def motorcycle() -> Messages:
    """Yields depth image, camera info and picture of the motorcycle."""
    picture = _fitted(np.asarray(cv2.imread(str(DATA / STEREO))))
    with np.load(DATA / DISPARITIES) as file:
        disparity = file['arr_0'].astype(np.float64)
    meters = FOCAL * BASELINE_M / (disparity + SHIFT)
    depth = np.where(np.isfinite(disparity), 1000 * meters, 0).round().astype('<u2')
    scale = picture.shape[1] / depth.shape[1]
    yield 'depth', _recorded(IMAGE, _depth_message(depth))
    yield 'camera_info', _recorded(CAMERA_INFO, _camera_info(picture.shape[1::-1], scale))
    yield 'image', recorded(picture)


def recorded(pixels: NDArray[Any], stamp_ns: int = 0) -> Recorded:
    """Makes a message of a picture (H, W, 3) BGR, which is made as large as it may be."""
    return _recorded(IMAGE, picture_message(_fitted(pixels), stamp_ns), stamp_ns)


def _bgr(rgb: NDArray[np.uint8]) -> NDArray[Any]:
    return rgb[..., ::-1]


def _photograph() -> NDArray[Any]:
    return np.asarray(cv2.imread(str(DATA / ASTRONAUT)))


def _recorded(kind: str, message: object, stamp_ns: int = 0) -> Recorded:
    return Recorded('', kind, message, stamp_ns, '', stamp_ns)


def _fitted(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    height, width = pixels.shape[:2]
    scale = min(LARGEST_WH[0] / width, LARGEST_WH[1] / height)
    size = (round(width * scale), round(height * scale))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(pixels, size, interpolation=way), np.uint8)


def _header() -> SimpleNamespace:
    return SimpleNamespace(stamp=SimpleNamespace(sec=0, nanosec=0), frame_id='')


def _depth_message(depth: NDArray[np.uint16]) -> SimpleNamespace:
    height, width = depth.shape
    return SimpleNamespace(
        header=_header(), height=height, width=width, step=2 * width, encoding='16UC1',
        is_bigendian=0, data=depth.tobytes(),
    )  # fmt: skip


def _camera_info(size_wh: tuple[int, ...], scale: float) -> SimpleNamespace:
    focal, (x, y) = FOCAL * scale, (scale * center for center in CENTER)
    k = (focal, 0.0, x, 0.0, focal, y, 0.0, 0.0, 1.0)
    roi = SimpleNamespace(x_offset=0, y_offset=0, width=0, height=0)
    return SimpleNamespace(
        header=_header(), width=size_wh[0], height=size_wh[1], distortion_model='plumb_bob',
        k=k, p=(*k[:3], 0.0, *k[3:6], 0.0, *k[6:], 0.0), d=(), roi=roi, binning_x=0, binning_y=0,
    )  # fmt: skip
