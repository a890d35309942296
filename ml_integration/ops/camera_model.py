"""Rays of a camera: pixels to directions, as its camera info says."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import cv2
import numpy as np

from ml_integration.core.datatypes import Array
from ml_integration.errors import FrameError

POLYNOMIAL = ('plumb_bob', 'rational_polynomial')
"""Distortion models that OpenCV's own calibration writes."""
FISHEYE = ('equidistant', 'fisheye')
COUNTS = {**dict.fromkeys(POLYNOMIAL, (4, 5, 8, 12, 14)), **dict.fromkeys(FISHEYE, (4,))}
"""How many coefficients a model may have."""
UNSOLVED = 1e5
"""OpenCV gives larger rays for points whose distortion it cannot undo."""
SAME_SHAPE = 0.01
"""How much the aspect ratios of two pictures of one camera may differ by rounding."""


@dataclass(frozen=True, slots=True)
class CameraModel:
    """Camera without skew, for pictures of one size.

    Attributes:
        wh: width and height of those pictures [px].
        focal: along x and y [px].
        principal: x and y [px] of the optical axis; the middle of the first pixel is 0.
        distortion: coefficients in the order of OpenCV and ROS; empty for none.
        model: how to read them, as sensor_msgs/msg/CameraInfo names it.
    """

    wh: tuple[int, int]
    focal: tuple[float, float]
    principal: tuple[float, float]
    distortion: tuple[float, ...] = ()
    model: str = ''

    def __post_init__(self) -> None:
        numbers = (*self.focal, *self.principal, *self.distortion)
        if min(self.wh) < 1 or min(self.focal) <= 0 or not np.isfinite(numbers).all():
            raise FrameError(
                'the camera info holds no calibration',
                got='{} x {} px and focal lengths {:g} and {:g}'.format(*self.wh, *self.focal),
                expected='a size and focal lengths above 0',
                hint='Calibrate the camera, or let its driver publish what it knows.',
            )
        if self.distorts and len(self.distortion) not in COUNTS.get(self.model, ()):
            raise FrameError(
                'the camera info has an unknown distortion model',
                got=f"'{self.model}' with {len(self.distortion)} coefficients",
                expected=f'one of {", ".join(COUNTS)} with as many as OpenCV has',
                hint='Rectify the picture, and set rectified to true.',
            )

    @property
    def distorts(self) -> bool:
        """True if rays have to be undistorted."""
        return any(self.distortion) or self.model in FISHEYE

    def scaled(self, wh: tuple[int, int]) -> CameraModel:
        """Returns the same camera for pictures of another size.

        Raises:
            FrameError: they have another shape, so that they are cut out of what it sees.
        """
        if wh == self.wh:
            return self
        require_same_shape('the camera info', self.wh, wh)
        scale = (wh[0] / self.wh[0], wh[1] / self.wh[1])
        return replace(
            self,
            wh=wh,
            focal=(self.focal[0] * scale[0], self.focal[1] * scale[1]),
            principal=(
                (self.principal[0] + 0.5) * scale[0] - 0.5,
                (self.principal[1] + 0.5) * scale[1] - 0.5,
            ),
        )

    def rays(self, points: Array) -> Array:
        """Returns x and y (N, 2) float64 at a depth of 1 for points (N, 2) [px]; NaN if unknown.

        The middle of the first pixel is 0.
        """
        points = np.ascontiguousarray(points, np.float64)
        if not self.distorts or not len(points):
            rays: Array = (points - self.principal) / self.focal
            return rays
        (fx, fy), (cx, cy) = self.focal, self.principal
        matrix = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]], np.float64)
        undistort = cv2.fisheye.undistortPoints if self.model in FISHEYE else cv2.undistortPoints
        coefficients = np.array(self.distortion, np.float64)
        rays = undistort(points.reshape(-1, 1, 2), matrix, coefficients).reshape(-1, 2)
        rays[np.abs(rays) > UNSOLVED] = np.nan
        return rays


@lru_cache(maxsize=16)  # more than a robot has cameras, or each picture would make a new one
def ray_grid(camera: CameraModel) -> tuple[Array, Array]:
    """Returns x and y (H, W) float32 at a depth of 1 for each pixel of a picture.

    Kept for the last cameras, since it takes far longer than to use it; read-only.
    """
    width, height = camera.wh
    across, down = np.arange(width, dtype=np.float64), np.arange(height, dtype=np.float64)
    if camera.distorts:
        x, y = np.meshgrid(across, down)
        x, y = camera.rays(np.stack([x.ravel(), y.ravel()], axis=1)).T.reshape(2, height, width)
    else:  # a column has one x and a row has one y, which takes a hundredth of the time
        rays = camera.rays(np.stack([across, np.zeros(width)], axis=1))
        x = np.broadcast_to(rays[:, 0], (height, width))
        rays = camera.rays(np.stack([np.zeros(height), down], axis=1))
        y = np.broadcast_to(rays[:, 1:], (height, width))
    with np.errstate(over='ignore'):  # of a camera without a sensible calibration
        grids = x.astype(np.float32, order='C'), y.astype(np.float32, order='C')
    for grid in grids:
        grid.flags.writeable = False
    return grids


def require_same_shape(what: str, wh: tuple[int, int], picture_wh: tuple[int, int]) -> None:
    """Checks that two sizes [px] have one aspect ratio, but for a rounded pixel.

    Raises:
        FrameError: they have not; a sentence about `what`, whose size is `wh`.
    """
    across, down = wh[0] / picture_wh[0], wh[1] / picture_wh[1]
    pixel = max(1 / picture_wh[0], 1 / picture_wh[1], SAME_SHAPE)
    if abs(across / down - 1) > pixel:
        raise FrameError(
            f'{what} has another shape than the picture',
            got='{} x {} px'.format(*wh),
            expected='the aspect ratio of {} x {} px'.format(*picture_wh),
            hint='Use the depth image and the camera info that belong to the picture.',
        )
