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

from dev.site.pictures import photograph
from dev.training.slender.scenes import make_slender_scene
from ml_integration.demos.scenes import Scene, render
from ml_integration.recordings import Recorded
from ml_integration.recordings.pictures import IMAGE, picture_message
from ml_integration.recordings.video import Video

DATA = Path(__file__).resolve().parents[2] / 'dev/data'
VIDEO, STEREO, DISPARITIES = 'vtest.avi', 'motorcycle_left.png', 'motorcycle_disp.npz'
CAMERA_INFO = 'sensor_msgs/msg/CameraInfo'
FOCAL, CENTER, SHIFT, BASELINE_M = 994.978, (311.193, 254.877), 31.086, 0.193001
"""Calibration of Middlebury's motorcycle of 2014 at a quarter of its size [px]."""
LARGEST_WH = (480, 360)
"""Pictures are made as small as this before a model sees them: what is drawn stays sharp."""

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
    yield 'image', recorded(photograph())


def street(begin_s: float, end_s: float) -> Messages:
    """Yields the frames of the street's video between two times."""
    video = Video(DATA / VIDEO)
    frames = islice(video.frames(), int(begin_s * video.rate_hz), int(end_s * video.rate_hz))
    for number, pixels in enumerate(frames):
        yield 'image', recorded(pixels, round(number / video.rate_hz * 1e9))


def drawn(make: Callable[[int], Scene], seed: int, time_s: float = 5.0) -> Messages:
    """Yields a picture of a drawn scene."""
    yield 'image', recorded(cv2.cvtColor(render(make(seed), time_s), cv2.COLOR_RGB2BGR))


def slender(seed: int) -> Messages:
    """Yields a picture of slender shapes."""
    return drawn(make_slender_scene, seed)


def motorcycle() -> Messages:
    """Yields depth image, camera info and picture of the motorcycle."""
    picture = _as_small(np.asarray(cv2.imread(str(DATA / STEREO))))
    with np.load(DATA / DISPARITIES) as file:
        disparity = file['arr_0'].astype(np.float64)
    meters = FOCAL * BASELINE_M / (disparity + SHIFT)
    depth = np.where(np.isfinite(disparity), 1000 * meters, 0).round().astype('<u2')
    scale = picture.shape[1] / depth.shape[1]
    yield 'depth', _recorded(IMAGE, _depth_message(depth))
    yield 'camera_info', _recorded(CAMERA_INFO, _camera_info(picture.shape[1::-1], scale))
    yield 'image', recorded(picture)


def recorded(pixels: NDArray[Any], stamp_ns: int = 0) -> Recorded:
    """Makes a message of a picture (H, W, 3) BGR, which is made smaller if it is large."""
    return _recorded(IMAGE, picture_message(_as_small(pixels), stamp_ns), stamp_ns)


def _recorded(kind: str, message: object, stamp_ns: int = 0) -> Recorded:
    return Recorded('', kind, message, stamp_ns, '', stamp_ns)


def _as_small(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    height, width = pixels.shape[:2]
    scale = min(1.0, LARGEST_WH[0] / width, LARGEST_WH[1] / height)
    size = (round(width * scale), round(height * scale))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


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
