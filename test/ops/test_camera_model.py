"""Rays of cameras: against projecting points by hand."""

from __future__ import annotations

import numpy as np
import pytest

from ml_integration.core.datatypes import Frame
from ml_integration.errors import FrameError
from ml_integration.ops.camera_frames import camera_of, depth_of, read_camera
from ml_integration.ops.camera_model import CameraModel, ray_grid
from ml_integration.ops.point_clouds import points_of

BENT = (-0.3, 0.1, 0.001, -0.002, 0.02)


def info(frame_id: str = 'camera', **changes: float) -> Frame:
    """A calibration as the sensor 'camera_info' gives it; `__` stands for the dot."""
    k, p = (400, 0, 310, 0, 410, 250, 0, 0, 1), (380, 0, 300, 0, 0, 390, 240, 0, 0, 0, 1, 0)
    values = {'width': 640.0, 'height': 480.0}
    values |= {f'k.{n}': v for n, v in enumerate(k)} | {f'p.{n}': v for n, v in enumerate(p)}
    values |= {f'roi.{n}': 0.0 for n in ('x_offset', 'y_offset', 'width', 'height')}
    values |= {f'd.plumb_bob.{n}': v for n, v in enumerate(BENT)}
    values |= {name.replace('__', '.'): v for name, v in changes.items()}
    return Frame(np.array([[*values.values()]]), 'samples', 0, frame_id, tuple(values))


def picture(width: int, height: int, frame_id: str = 'camera') -> Frame:
    return Frame(np.zeros((height, width, 3), np.uint8), 'rgb8', 0, frame_id)


def test_rays_are_undistorted_by_the_model_of_the_calibration() -> None:
    true = np.array([[0.0, 0.0], [0.3, -0.2], [-0.4, 0.25], [0.1, 0.3]])
    x, y = true.T
    k1, k2, p1, p2, k3 = BENT
    square = x**2 + y**2
    radial = 1 + k1 * square + k2 * square**2 + k3 * square**3
    bent_x = x * radial + 2 * p1 * x * y + p2 * (square + 2 * x**2)
    bent_y = y * radial + p1 * (square + 2 * y**2) + 2 * p2 * x * y
    pixels = np.stack([bent_x * 400 + 310, bent_y * 410 + 250], axis=1)
    camera = read_camera(info(), rectified=False)
    np.testing.assert_allclose(camera.rays(pixels), true, atol=1e-3)


@pytest.mark.parametrize('bent', [0.05, 0.0])  # with 0 it is a fisheye all the same
def test_a_fisheye_is_undistorted_by_its_own_model(bent: float) -> None:
    true = np.array([[0.5, 0.1], [-1.0, 0.8]])
    radius = np.hypot(*true.T)
    angle = np.arctan(radius)
    seen = true * (angle * (1 + bent * angle**2) / radius)[:, None]
    camera = CameraModel((640, 480), (200, 210), (320, 240), (bent, 0, 0, 0), 'equidistant')
    pixels = seen * (200, 210) + (320, 240)
    np.testing.assert_allclose(camera.rays(pixels), true, atol=1e-4)


def test_of_a_rectified_picture_the_projection_holds() -> None:
    camera = read_camera(info(), rectified=True)
    assert (camera.focal, camera.principal, camera.distorts) == ((380, 390), (300, 240), False)


def test_a_region_and_a_smaller_picture_see_the_same_directions() -> None:
    whole = read_camera(info(), rectified=False)
    region = info(roi__x_offset=100, roi__y_offset=60, roi__width=320, roi__height=240)
    points = np.array([[150.0, 100.0], [300.0, 200.0]])
    cut = camera_of(region, picture(320, 240), rectified=False)
    np.testing.assert_allclose(cut.rays(points - (100, 60)), whole.rays(points), atol=1e-6)
    half = camera_of(info(), picture(320, 240), rectified=False)
    np.testing.assert_allclose(half.rays((points - 0.5) / 2), whole.rays(points), atol=1e-6)


@pytest.mark.parametrize(
    ('call', 'sentence'),
    [
        (lambda: camera_of(info(), picture(640, 360), False), 'another shape than the picture'),
        (lambda: camera_of(info('left'), picture(640, 480), False), "the frame 'left'"),
        (lambda: depth_of(picture(64, 64), picture(64, 48)), 'another shape than the picture'),
        (lambda: depth_of(picture(64, 48, 'ir'), picture(64, 48)), 'registered to the picture'),
        (lambda: read_camera(info(p__0=0), True), 'holds no calibration'),
        (lambda: read_camera(info(width=0), False), 'holds no calibration'),
        (lambda: CameraModel((9, 9), (9, 9), (4, 4), (1.0,), 'odd'), 'unknown distortion model'),
        (lambda: CameraModel((9, 9), (9, 9), (4, 4), (1.0,), 'plumb_bob'), '1 coefficients'),
    ],
)
def test_what_does_not_belong_together_is_refused_in_a_sentence(
    call: object, sentence: str
) -> None:
    assert callable(call)
    with pytest.raises(FrameError, match=sentence):
        call()


def test_a_rounded_pixel_and_an_empty_frame_are_no_difference() -> None:
    assert depth_of(picture(213, 160, ''), picture(640, 480)).shape[:2] == (160, 213)
    assert camera_of(info(''), picture(427, 320), False).wh == (427, 320)


def test_points_project_onto_the_pixels_that_they_come_from() -> None:
    camera = CameraModel((32, 24), (20, 22), (15, 12))
    depth = np.random.default_rng(0).uniform(1, 5, (24, 32)).astype(np.float32)
    depth[3, 4] = np.nan
    points = points_of(depth, camera)
    assert points.shape == (24, 32, 3) and points.dtype == np.float32
    assert np.isnan(points[3, 4]).all() and np.isnan(points).sum() == 3
    y, x = np.mgrid[:24, :32]
    known = np.isfinite(depth)
    u, v = points[..., 0] / depth * 20 + 15, points[..., 1] / depth * 22 + 12
    np.testing.assert_allclose(u[known], x[known], atol=1e-4)
    np.testing.assert_allclose(v[known], y[known], atol=1e-4)
    assert ray_grid(camera) is ray_grid(CameraModel((32, 24), (20, 22), (15, 12)))


@pytest.mark.parametrize('bent', [(), BENT])
def test_the_rays_of_a_grid_are_those_of_its_pixels(bent: tuple[float, ...]) -> None:
    camera = CameraModel((9, 7), (20, 22), (4.2, 3), bent, 'plumb_bob' if bent else '')
    across, down = ray_grid(camera)
    for row, column in ((0, 0), (6, 8), (2, 5)):
        (ray,) = camera.rays(np.array([[column, row]]))
        np.testing.assert_allclose((across[row, column], down[row, column]), ray, rtol=1e-6)
    assert across.shape == down.shape == (7, 9) and across.flags.c_contiguous


def test_the_grids_of_a_dozen_cameras_are_kept() -> None:
    cameras = [CameraModel((4, 3), (20 + number, 22), (2, 1)) for number in range(12)]
    first = [ray_grid(camera) for camera in cameras]
    assert all(ray_grid(camera) is grid for camera, grid in zip(cameras, first, strict=True))
