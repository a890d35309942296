"""Scenes of slender shapes and rooms: the same for a seed, and their truth is what is drawn."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from dev.training.rooms import scenes as rooms
from dev.training.rooms.scenes import Ball, Block, Plane, camera_rays, make_room, render_room
from dev.training.slender.release import FIRST_TRAINING_SEED, HELD_OUT_SEEDS, SCENES
from dev.training.slender.samples import make_slender_samples, slender_batches
from dev.training.slender.scenes import (
    LABELS,
    Slender,
    make_slender_scene,
    slender_truth,
)
from ml_integration.demos.scenes import SIZE_WH, Scene, render
from ml_integration.ops.rotated_boxes import corners

SMALL_WH = (64, 48)


def lonely(kind: str, angle: float) -> Scene:
    """A white shape on black."""
    scene = make_slender_scene(0)
    plain = Slender(kind, 80.0, (300.0, 200.0), (0, 0), angle, 0, 0.4, (255,) * 3, (0,) * 3, 0)
    size = (SIZE_WH[1], SIZE_WH[0], 3)
    return replace(
        scene,
        shapes=(plain,),
        background=np.zeros(size, np.uint8),
        light=np.ones(size, np.float32),
        grain=np.zeros_like(scene.grain),
        blur=0.0,
    )


@pytest.mark.parametrize('kind', LABELS)
@pytest.mark.parametrize('angle', [0.0, 0.5, 2.0, -4.0])
def test_the_turned_box_of_a_slender_shape_touches_it_on_all_sides(
    kind: str, angle: float
) -> None:
    scene = lonely(kind, angle)
    drawn = render(scene, 0.0)[..., 0] > 127
    shown = slender_truth(scene, 0.0)
    x, y, length, width, turned = shown.turned[0].tolist()
    assert (length, width) == pytest.approx((160, 64)) and -np.pi / 2 <= turned < np.pi / 2
    rows, columns = np.nonzero(drawn)
    away = np.stack((columns + 0.5 - x, rows + 0.5 - y))
    along = np.array([np.cos(turned), np.sin(turned)]) @ away
    across = np.array([-np.sin(turned), np.cos(turned)]) @ away
    assert [along.min(), along.max()] == pytest.approx([-80, 80], abs=2)
    assert [across.min(), across.max()] == pytest.approx([-32, 32], abs=2)
    assert (drawn != (shown.instances == 1)).mean() < 0.003
    left, top, right, bottom = shown.xyxy[0].tolist()
    assert (left, top) == pytest.approx((columns.min(), rows.min()), abs=1.5)
    assert (right, bottom) == pytest.approx((columns.max() + 1, rows.max() + 1), abs=1.5)


@pytest.mark.parametrize('seed', range(6))
def test_instances_of_a_picture_are_numbered_as_its_boxes(seed: int) -> None:
    shown = slender_truth(make_slender_scene(seed), 5.0)
    count = len(shown.class_ids)
    assert set(np.unique(shown.instances)) - {0} == set(range(1, count + 1))
    for number, (left, top, right, bottom) in enumerate(shown.xyxy.tolist(), 1):
        rows, columns = np.nonzero(shown.instances == number)
        assert left - 1.5 <= columns.min() and columns.max() <= right + 0.5
        assert top - 1.5 <= rows.min() and rows.max() <= bottom + 0.5


def test_a_seed_gives_the_same_slender_scene_and_the_same_room() -> None:
    one, other = (render(make_slender_scene(7), 1.0) for _ in range(2))
    np.testing.assert_array_equal(one, other)
    assert (one != render(make_slender_scene(8), 1.0)).mean() > 0.5
    for first, second in zip(
        render_room(make_room(3), SMALL_WH), render_room(make_room(3), SMALL_WH), strict=True
    ):
        np.testing.assert_array_equal(first, second)


def test_mirrored_slender_samples_fit_their_pictures() -> None:
    samples = make_slender_samples(2, lambda done, total: None)
    random = np.random.default_rng(1)
    for _ in range(4):
        for batch in slender_batches(samples, 2, random):
            for image, turned, classes, owners in zip(
                batch.images, batch.turned, batch.class_ids, batch.owners, strict=True
            ):
                whole = cv2.resize(owners, image.shape[:0:-1], interpolation=cv2.INTER_NEAREST)
                for row in np.flatnonzero(classes >= 0).tolist():
                    box = np.zeros_like(whole)
                    half = turned[row, 2:4] / 2
                    xyxy = np.concatenate((turned[row, :2] - half, turned[row, :2] + half))
                    (edge,) = corners(xyxy[None], turned[row : row + 1, 4])
                    cv2.fillPoly(box, [np.rint(edge).astype(np.int32)], 1)
                    box = cv2.dilate(box, np.ones((5, 5), np.uint8))  # places are 4 pixels wide
                    mine = whole == row + 1
                    assert (mine & (box == 0)).sum() < 0.05 * mine.sum()


def test_no_training_scene_is_held_out() -> None:
    assert not {*range(FIRST_TRAINING_SEED, FIRST_TRAINING_SEED + SCENES)} & {*HELD_OUT_SEEDS}
    assert rooms.FIRST_TRAINING_SEED not in rooms.HELD_OUT_SEEDS
    assert rooms.HELD_OUT_SEEDS[-1] < rooms.FIRST_TRAINING_SEED


def floats(*numbers: float) -> np.ndarray:
    return np.array(numbers, np.float32)


@pytest.mark.parametrize(
    ('body', 'ray', 'factor', 'normal'),
    [
        (Plane(floats(0, 1, 0), 1.2), (0, 0.5, 1), 2.4, (0, -1, 0)),
        (Plane(floats(0, 1, 0), 1.2), (0, -0.5, 1), np.inf, None),  # it looks up
        (Ball(floats(0, 0, 5), 1), (0, 0, 1), 4, (0, 0, -1)),
        (Ball(floats(0, 0, 5), 1), (1, 0, 1), np.inf, None),  # beside it
        (Block(floats(0, 0, 5), floats(1, 1, 1), 0.0), (0, 0, 1), 4, (0, 0, -1)),
        (Block(floats(0, 0, 5), floats(1, 1, 1), np.pi / 4), (0.01, 0, 1), 3.6215, None),
        (Block(floats(0, 0, 5), floats(1, 1, 1), 0.0), (0.3, 0, 1), np.inf, None),
        (Block(floats(0, 0, -5), floats(1, 1, 1), 0.0), (0, 0, 1), np.inf, None),  # behind
    ],
)
def test_a_ray_meets_a_body_where_geometry_says(
    body: rooms.Body,
    ray: tuple[float, float, float],
    factor: float,
    normal: tuple[float, float, float] | None,
) -> None:
    rays = floats(*ray)[None]
    (found,) = body.reach(rays)
    assert found == pytest.approx(factor, rel=1e-3)
    if normal is not None:
        np.testing.assert_allclose(body.normals(rays * found)[0], normal, atol=1e-5)


@pytest.mark.parametrize('seed', range(5))
def test_every_pixel_of_a_room_has_a_depth_and_none_is_below_the_floor(seed: int) -> None:
    picture, depth = render_room(make_room(seed), SMALL_WH)
    assert picture.shape == (48, 64, 3) and picture.dtype == np.uint8
    assert depth.shape == (48, 64) and (depth > 0).all() and (depth < 20).all()
    below = camera_rays(SMALL_WH)[:, 1] * depth.ravel()
    assert below.max() <= rooms.HEIGHT_M + 1e-3
