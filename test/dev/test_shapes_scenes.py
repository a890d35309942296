"""Drawn scenes: the same everywhere for a seed, and their boxes are where the shapes are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_integration.core.datatypes import Array
from ml_integration.demos.scene_maker import make_scene
from ml_integration.demos.scenes import KINDS, SIZE_WH, Scene, Shape, render, truth

TIMES_S = (0.0, 3.3, 47.0)


def shape(
    kind: str = 'square', center_xy: tuple[float, float] = (320, 240), **more: object
) -> Shape:
    plain = Shape(kind, 50, center_xy, (0, 0), 0, 0, 1, (255, 0, 0), (0, 0, 0), 0)
    return replace(plain, **more)  # type: ignore[arg-type]


def plain_scene(*shapes: Shape) -> Scene:
    size = (SIZE_WH[1], SIZE_WH[0], 3)
    grain = np.zeros((size[0] + 32, size[1] + 32, 3), np.int16)
    return Scene(shapes, np.zeros(size, np.uint8), np.ones(size, np.float32), grain, 0)


def drawn_box(picture: Array) -> list[int]:
    rows, columns = (np.flatnonzero(picture.any(axis=(2, 1 - axis))) for axis in (0, 1))
    return [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]


def test_a_seed_gives_the_same_pictures_in_whatever_order_they_are_asked_for() -> None:
    forward = [render(make_scene(7), time_s) for time_s in TIMES_S]
    scene = make_scene(7)
    backward = [render(scene, time_s) for time_s in reversed(TIMES_S)]
    for one, other in zip(forward, reversed(backward), strict=True):
        np.testing.assert_array_equal(one, other)


def test_another_seed_and_another_time_give_another_picture() -> None:
    picture = render(make_scene(7), 1.0)
    assert picture.shape == (480, 640, 3) and picture.dtype == np.uint8
    assert (picture != render(make_scene(8), 1.0)).mean() > 0.5
    assert (picture != render(make_scene(7), 2.0)).mean() > 0.01


@pytest.mark.parametrize('seed', range(8))
def test_boxes_lie_in_the_picture_and_labels_are_known(seed: int) -> None:
    scene = make_scene(seed)
    for time_s in TIMES_S:
        shown = truth(scene, time_s)
        low, high = shown.xyxy[:, :2], shown.xyxy[:, 2:]
        assert (low >= 0).all() and (high <= SIZE_WH).all() and (high > low).all()
        assert set(shown.class_ids.tolist()) <= set(range(len(KINDS)))
        assert ((shown.visible > 0) & (shown.visible <= 1)).all()


def test_every_kind_occurs() -> None:
    assert {shape.kind for seed in range(20) for shape in make_scene(seed).shapes} == set(KINDS)


@pytest.mark.parametrize('kind', KINDS)
def test_the_box_is_where_the_shape_is_drawn(kind: str) -> None:
    scene = plain_scene(shape(kind, (300.3, 200.7), angle=0.4, squeeze=0.8))
    (box,) = truth(scene, 0.0).xyxy
    np.testing.assert_allclose(box, drawn_box(render(scene, 0.0) > 127), atol=1.1)


@pytest.mark.parametrize(
    ('others', 'center_xy', 'visible'),
    [
        ((), (320, 240), 1.0),  # alone
        ((), (0, 240), 0.5),  # half outside
        ((), (0, 0), 0.25),  # in a corner
        ((shape('circle', (320, 240), radius=25),), (320, 240), 0.607),  # a disc on a diamond
    ],
)
def test_the_visible_share_is_what_is_left_of_a_shape(
    others: tuple[Shape, ...], center_xy: tuple[float, float], visible: float
) -> None:
    shown = truth(plain_scene(shape(center_xy=center_xy), *others), 0.0)
    assert shown.visible[0] == pytest.approx(visible, abs=0.04)


def test_a_scene_without_shapes_has_a_truth_too() -> None:
    assert truth(plain_scene(), 0.0).xyxy.shape == (0, 4)


def test_a_shape_that_is_wholly_covered_is_left_out() -> None:
    shown = truth(plain_scene(shape(), shape('circle', radius=80)), 0.0)
    assert shown.class_ids.tolist() == [KINDS.index('circle')]


@settings(deadline=None)
@given(
    time_s=st.floats(0, 1e5),
    speeds=st.tuples(st.floats(-500, 500), st.floats(-500, 500)),
)
def test_shapes_stay_in_the_picture_however_long_they_move(
    time_s: float, speeds: tuple[float, float]
) -> None:
    # Of a square the mean of the corners is the center.
    center = shape(velocity_xy=speeds).corners(time_s).mean(axis=0)
    assert ((center >= -0.1) & (center <= np.array(SIZE_WH) + 0.1)).all()
