"""Objects in space: against scenes whose depths are known."""

from __future__ import annotations

import numpy as np
import pytest

from ml_integration.core.datatypes import Array
from ml_integration.ops.camera_model import CameraModel
from ml_integration.ops.captions import caption
from ml_integration.ops.detections import Detections
from ml_integration.ops.lifting import LiftingRules, lift

WIDTH, HEIGHT, FOCAL = 640, 480, 600.0
CAMERA = CameraModel((WIDTH, HEIGHT), (FOCAL, FOCAL), (319.5, 239.5))
RULES = LiftingRules(min_depth_m=0.1, max_depth_m=50.0, min_valid=0.1, core=0.6)
BOX = (270, 100, 370, 400)


def found(*boxes: tuple[float, ...], **more: Array) -> Detections:
    xyxy, count = np.array(boxes, np.float32).reshape(-1, 4), len(boxes)
    scores, classes = np.ones(count, np.float32), np.zeros(count, np.int32)
    return Detections(xyxy, scores, classes, count, **more)


def wall(meters: float = 8.0) -> np.ndarray:
    return np.full((HEIGHT, WIDTH), meters, np.float32)


def person(meters: float = 2.3) -> np.ndarray:
    """Fills 40 % of `BOX`; a wall fills the rest."""
    depth = wall()
    depth[100:400, 300:340] = meters
    return depth


def z_of(objects: Detections, depth: Array, rules: LiftingRules = RULES) -> list[float]:
    lifted = lift(objects, depth, CAMERA, rules)
    assert lifted.centers_m is not None
    return [float(z) for z in lifted.centers_m[:, 2]]


def test_a_person_before_a_wall_has_the_depth_of_the_person() -> None:
    rng = np.random.default_rng(0)
    depth = person() + rng.normal(0, 0.02, (HEIGHT, WIDTH)).astype(np.float32)
    depth[rng.random(depth.shape) < 0.3] = np.nan
    whole_box = LiftingRules(0.1, 50.0, 0.1, core=1.0)
    for rules in (RULES, whole_box):
        assert z_of(found(BOX), depth, rules) == [pytest.approx(2.3, abs=0.02)]


def test_a_thin_thing_before_an_object_is_not_the_object() -> None:
    depth = wall(5.0)
    depth[:, 315:325] = 1.0  # a lamppost: a tenth of the box
    assert z_of(found(BOX), depth) == [pytest.approx(5.0)]


def test_center_and_size_are_those_of_the_box_at_that_depth() -> None:
    lifted = lift(found((100, 60, 220, 150)), wall(3.0), CAMERA, RULES)
    x, y = (160 - 320) / FOCAL * 3, (105 - 240) / FOCAL * 3
    np.testing.assert_allclose(lifted.centers_m, [[x, y, 3]], rtol=1e-5)
    sizes = [[120 / FOCAL * 3, 90 / FOCAL * 3, 0]]
    np.testing.assert_allclose(lifted.sizes_m, sizes, rtol=1e-5, atol=1e-6)


def test_a_surface_that_leads_away_is_as_deep_as_it_is() -> None:
    depth = np.tile(np.linspace(2, 4, WIDTH, dtype=np.float32), (HEIGHT, 1))
    lifted = lift(found((0, 100, WIDTH, 300)), depth, CAMERA, LiftingRules(0.1, 50, 0.1, 1.0))
    assert lifted.centers_m[0, 2] == pytest.approx(3.0, abs=0.1)
    assert lifted.sizes_m[0, 2] == pytest.approx(0.9 * 2, abs=0.1)  # 5th to 95th percentile


@pytest.mark.parametrize('bad', [0.0, np.nan, np.inf, -np.inf, -1.0, 0.05, 60.0])
def test_what_is_no_measurement_counts_for_nothing(bad: float) -> None:
    depth = wall(4.0)
    depth[::2] = bad
    assert z_of(found(BOX), depth) == [pytest.approx(4.0)]
    depth[:] = bad
    lifted = lift(found(BOX), depth, CAMERA, RULES)
    assert np.isnan(lifted.centers_m).all() and np.isnan(lifted.sizes_m).all()


def test_too_small_a_share_of_measurements_gives_no_place() -> None:
    depth = np.zeros((HEIGHT, WIDTH), np.float32)
    depth[:, ::8] = 4.0
    assert z_of(found(BOX), depth, LiftingRules(0.1, 50, 0.05, 1.0)) == [pytest.approx(4.0)]
    assert np.isnan(z_of(found(BOX), depth, LiftingRules(0.1, 50, 0.3, 1.0)))


def test_a_mask_tells_what_belongs_to_the_object() -> None:
    depth, instances = wall(), np.zeros((HEIGHT, WIDTH), np.uint8)
    depth[100:400, 270:350], depth[100:400, 350:370] = 2.0, 5.0
    instances[100:400, 270:350], instances[100:400, 350:370] = 1, 2
    objects = found(BOX, BOX, BOX, instances=instances)
    near, far, hidden = z_of(objects, depth)
    assert (near, far) == (pytest.approx(2.0), pytest.approx(5.0))
    assert np.isnan(hidden)


def test_keypoints_tell_which_surface_is_the_object() -> None:
    depth = wall()
    depth[100:400, 270:340] = 3.0
    points = np.array([[[355, 150, 0.9], [360, 200, 0.9], [358, 300, 0.9], [280, 200, 0.1]]])
    points = points.astype(np.float32)
    assert z_of(found(BOX), depth, LiftingRules(0.1, 50, 0.1, 1.0)) == [pytest.approx(3.0)]
    behind = z_of(found(BOX, keypoints=points), depth, LiftingRules(0.1, 50, 0.1, 1.0))
    assert behind == [pytest.approx(8.0)]


def test_a_rotated_box_is_looked_at_where_it_is() -> None:
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    along, across = (x - 320) + (y - 240), (x - 320) - (y - 240)
    depth = wall()
    depth[(np.abs(along) < 280) & (np.abs(across) < 28)] = 2.0  # a stick, 45 degrees clockwise
    box = (320 - 200, 240 - 20, 320 + 200, 240 + 20)
    turned = lift(found(box, angles=np.full(1, np.pi / 4, np.float32)), depth, CAMERA, RULES)
    assert turned.centers_m[0, 2] == pytest.approx(2.0)
    side = (400 + 40) * np.sqrt(0.5) / FOCAL * 2
    np.testing.assert_allclose(turned.sizes_m[0, :2], side, rtol=1e-4)


def test_depth_of_another_resolution_is_that_of_the_same_picture() -> None:
    objects = found(BOX, (10, 20, 60, 70))
    small, whole = person()[::4, ::4], person()
    np.testing.assert_allclose(z_of(objects, small), z_of(objects, whole))


def test_boxes_that_are_wrong_or_outside_have_no_place_and_harm_no_other() -> None:
    boxes = (BOX, (np.nan, 0, 1, 1), (0, 0, np.inf, 9), (900, 900, 950, 950), (5, 5, 5, 5))
    center, *others = z_of(found(*boxes), wall(4.0))
    assert center == pytest.approx(4.0)
    assert np.isnan(others[:3]).all()


def test_nothing_found_is_lifted_to_nothing() -> None:
    lifted = lift(found(), wall(), CAMERA, RULES)
    assert lifted.centers_m.shape == lifted.sizes_m.shape == (0, 3)


def test_a_caption_tells_the_distance_where_it_is_known() -> None:
    depth = person()
    depth[:, 400:] = np.nan
    lifted = lift(found(BOX, (500, 100, 600, 200)), depth, CAMERA, RULES)
    assert [caption(lifted, index, 'person') for index in range(2)] == [
        'person 1.00 2.3 m',
        'person 1.00',
    ]
