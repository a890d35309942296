"""Moving scenes drawn by code: pictures with known boxes, without any file to download.

Flat shapes of six kinds drift, turn and cover each other in front of a textured, cluttered
background, under uneven light, blurred and grainy. A frame follows from its time alone, so that
a scene can be played at any rate and entered anywhere. `make_scene` of `scene_maker.py` makes
scenes up.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ml_integration.core.datatypes import Array
from ml_integration.ops.boxes import clip_boxes

KINDS = ('circle', 'square', 'triangle', 'star', 'cross', 'hexagon')
SIZE_WH = (640, 480)
LEAST_VISIBLE = 0.3
"""Share of a shape that has to be seen for it to be one that a detector should find."""
GRAIN_PLAY = 32
"""Pixels by which the grain is moved about from frame to frame."""
SUBPIXEL_BITS = 4
"""Binary digits after the point in what `fixed_point` returns."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A shape in a scene.

    Attributes:
        kind: one of `KINDS`.
        radius: from the center to the farthest corner [px].
        start_xy: center at 0 s [px].
        velocity_xy: [px/s]; it turns round at the picture's edges.
        angle: at 0 s [rad].
        spin: [rad/s].
        squeeze: height of the picture of it by its width, as if seen at a slant.
        fill_rgb: color [0-255].
        edge_rgb: color of the outline [0-255].
        edge_width: of the outline [px]; 0: none.
    """

    kind: str
    radius: float
    start_xy: tuple[float, float]
    velocity_xy: tuple[float, float]
    angle: float
    spin: float
    squeeze: float
    fill_rgb: tuple[int, int, int]
    edge_rgb: tuple[int, int, int]
    edge_width: int

    def corners(self, time_s: float) -> npt.NDArray[np.float32]:
        """Its outline at a time: (K, 2) xy [px], partly outside the picture at its edges."""
        angle = self.angle + self.spin * time_s
        cos, sin = np.cos(angle), np.sin(angle)
        turn = np.array([[cos, sin], [-sin, cos]])
        # Squeezed after turning: the slant is the camera's, not the shape's.
        outline = _OUTLINES[self.kind] @ turn * (self.radius, self.radius * self.squeeze)
        corners: npt.NDArray[np.float32] = (outline + self.center(time_s)).astype(np.float32)
        return corners

    def center(self, time_s: float) -> tuple[float, float]:
        """Returns its center at a time [px]."""
        x, y = (
            size - abs((start + speed * time_s) % (2 * size) - size)
            for start, speed, size in zip(self.start_xy, self.velocity_xy, SIZE_WH, strict=True)
        )
        return x, y


@dataclass(frozen=True, slots=True)
class Scene:
    """A scene: what its pictures have in common.

    Attributes:
        shapes: from back to front.
        background: (480, 640, 3) uint8, RGB.
        light: (480, 640, 3) float32, factor on every pixel.
        grain: (480 + 32, 640 + 32, 3) int16, noise of the camera.
        blur: standard deviation of the camera's blur [px]; 0: sharp.
    """

    shapes: tuple[Shape, ...]
    background: Array
    light: Array
    grain: Array
    blur: float


@dataclass(frozen=True, slots=True)
class Truth:
    """Contents of a picture, from back to front.

    Attributes:
        xyxy: (N, 4) float32 [px], boxes around whole shapes, cut at the picture's edges.
        class_ids: (N,) int32, places in `KINDS`.
        visible: (N,) float32, share of each shape that is neither covered nor outside (0, 1].
    """

    xyxy: npt.NDArray[np.float32]
    class_ids: npt.NDArray[np.int32]
    visible: npt.NDArray[np.float32]


def render(scene: Scene, time_s: float) -> npt.NDArray[np.uint8]:
    """Draws a scene at a time from 0 s on: (480, 640, 3) uint8, RGB."""
    picture = scene.background.copy()
    for shape in scene.shapes:
        outline = [fixed_point(shape.corners(time_s))]
        cv2.fillPoly(picture, outline, shape.fill_rgb, cv2.LINE_AA, SUBPIXEL_BITS)
        if shape.edge_width:
            cv2.polylines(
                picture, outline, True, shape.edge_rgb, shape.edge_width, cv2.LINE_AA,
                SUBPIXEL_BITS,
            )  # fmt: skip
    if scene.blur:
        picture = cv2.GaussianBlur(picture, (0, 0), scene.blur)
    picture = cv2.multiply(picture, scene.light, dst=picture, dtype=cv2.CV_8U)
    left, top = np.random.default_rng(round(time_s * 1e6)).integers(0, GRAIN_PLAY, 2)
    width, height = SIZE_WH
    grain = scene.grain[top : top + height, left : left + width]
    return np.asarray(cv2.add(picture, grain, dst=picture, dtype=cv2.CV_8U), np.uint8)


def truth(scene: Scene, time_s: float) -> Truth:
    """Lists what a picture of that time shows; shapes that cannot be seen at all are left out."""
    outlines = [shape.corners(time_s) for shape in scene.shapes]
    small = [outline * np.float32(0.5) for outline in outlines]  # good enough to measure areas
    covers = np.zeros((SIZE_WH[1] // 2, SIZE_WH[0] // 2), np.uint8)
    for number, outline in enumerate(small, 1):
        cv2.fillPoly(covers, [fixed_point(outline)], number, cv2.LINE_8, SUBPIXEL_BITS)
    seen = np.bincount(covers.ravel(), minlength=len(small) + 1)[1:]
    visible = np.minimum(seen / [_pixels(outline) for outline in small], 1)
    boxes = [(*outline.min(axis=0), *outline.max(axis=0)) for outline in outlines]
    class_ids = np.array([KINDS.index(shape.kind) for shape in scene.shapes], np.int32)
    keep = seen > 0
    xyxy = clip_boxes(np.array(boxes, np.float32).reshape(-1, 4), SIZE_WH)
    return Truth(xyxy[keep], class_ids[keep], visible[keep].astype(np.float32))


def _pixels(outline: Array) -> float:
    """Counts the pixels that `fillPoly` sets: the area and half of the edge's pixels (Pick)."""
    return cv2.contourArea(outline) + cv2.arcLength(outline, True) / 2 + 1


def fixed_point(outline: Array) -> npt.NDArray[np.int32]:
    """Corners as OpenCV draws them: its pixel 0 has its CENTER at 0, ours its edge."""
    return np.round((outline - 0.5) * (1 << SUBPIXEL_BITS)).astype(np.int32)


def _polygon(corners: int, *radii: float) -> npt.NDArray[np.float64]:
    angles = np.arange(corners) * (2 * np.pi / corners)
    radius = np.resize(radii, corners)
    return np.stack((np.sin(angles) * radius, np.cos(angles) * radius), axis=1)


def _cross() -> npt.NDArray[np.float64]:
    half = [(1, 3), (1, 1), (3, 1), (3, -1), (1, -1), (1, -3)]
    corners = np.array(half, np.float64) / np.hypot(1, 3)
    return np.concatenate((corners, -corners))


_OUTLINES = {
    'circle': _polygon(48, 1),
    'square': _polygon(4, 1),
    'triangle': _polygon(3, 1),
    'star': _polygon(10, 1, 0.42),
    'cross': _cross(),
    'hexagon': _polygon(6, 1),
}
