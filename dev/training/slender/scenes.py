"""Drawn scenes of slender shapes, with turned boxes and masks that are known.

They are scenes of `ml_integration/demos/scenes.py` with other shapes in them, which are longer
than wide: the direction of each is clear, which that of a star or a square is not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from ml_integration.core.datatypes import Array
from ml_integration.demos.scene_maker import make_scene
from ml_integration.demos.scenes import SIZE_WH, SUBPIXEL_BITS, Scene, Shape, fixed_point
from ml_integration.ops.boxes import clip_boxes

LABELS = ('ellipse', 'bar', 'wedge', 'cross')
TIME_S = 5.0
"""Of the frame that is taken of each held-out scene."""
_LONGER = 1.5
"""Length of a slender shape by that of the one whose place it takes."""


@dataclass(frozen=True, slots=True)
class Slender(Shape):
    """A shape of one of `LABELS`: `radius` is half of its length, `squeeze` width by length."""

    def corners(self, time_s: float) -> npt.NDArray[np.float32]:
        """Its outline at a time: (K, 2) xy [px], partly outside the picture at its edges."""
        return self._turned(_OUTLINES[self.kind], time_s)

    def box(self, time_s: float) -> tuple[float, float, float, float, float]:
        """The box along it: center, length and width [px], angle from -pi/2 to pi/2 [rad]."""
        angle = (self.angle + self.spin * time_s + np.pi / 2) % np.pi - np.pi / 2
        length = 2 * self.radius
        return *self.center(time_s), length, length * self.squeeze, angle

    def _turned(self, outline: Array, time_s: float) -> npt.NDArray[np.float32]:
        angle = self.angle + self.spin * time_s
        cos, sin = np.cos(angle), np.sin(angle)
        sized = outline * (self.radius, self.radius * self.squeeze)
        turned = sized @ np.array([[cos, sin], [-sin, cos]]) + self.center(time_s)
        corners: npt.NDArray[np.float32] = turned.astype(np.float32)
        return corners


@dataclass(frozen=True, slots=True)
class SlenderTruth:
    """Contents of a picture, from back to front; shapes that cannot be seen at all are left out.

    Attributes:
        xyxy: (N, 4) float32 [px], upright boxes around whole shapes, cut at the picture's edges.
        turned: (N, 5) float32, center, length and width [px], angle [rad] of the boxes along them.
        class_ids: (N,) int32, places in `LABELS`.
        visible: (N,) float32, share of each shape that is neither covered nor outside (0, 1].
        instances: (480, 640) uint8, 1 + index of the shape that a pixel belongs to, or 0.
    """

    xyxy: npt.NDArray[np.float32]
    turned: npt.NDArray[np.float32]
    class_ids: npt.NDArray[np.int32]
    visible: npt.NDArray[np.float32]
    instances: npt.NDArray[np.uint8]


def make_slender_scene(seed: int) -> Scene:
    """Makes up a scene; the same seed gives the same one."""
    scene = make_scene(seed)
    random = np.random.default_rng((seed, len(LABELS)))
    shapes = tuple(_slender(random, shape) for shape in scene.shapes)
    return replace(scene, shapes=shapes)


def slender_truth(scene: Scene, time_s: float) -> SlenderTruth:
    """Lists what a picture of that time shows."""
    shapes = [shape for shape in scene.shapes if isinstance(shape, Slender)]
    instances = np.zeros(SIZE_WH[::-1], np.uint8)
    for number, shape in enumerate(shapes, 1):
        outline = fixed_point(shape.corners(time_s))
        cv2.fillPoly(instances, [outline], number, cv2.LINE_8, SUBPIXEL_BITS)
    seen = np.bincount(instances.ravel(), minlength=len(shapes) + 1)[1:]
    outlines = [shape.corners(time_s) for shape in shapes]
    areas = np.array([cv2.contourArea(outline) for outline in outlines])
    boxes = np.array([(*each.min(axis=0), *each.max(axis=0)) for each in outlines], np.float32)
    keep = seen > 0
    numbers = np.zeros(len(shapes) + 1, np.uint8)
    numbers[1:][keep] = np.arange(1, keep.sum() + 1)
    return SlenderTruth(
        clip_boxes(boxes, SIZE_WH)[keep],
        np.array([shape.box(time_s) for shape in shapes], np.float32)[keep],
        np.array([LABELS.index(shape.kind) for shape in shapes], np.int32)[keep],
        np.minimum(seen / areas, 1).astype(np.float32)[keep],
        numbers[instances],
    )


def _slender(random: np.random.Generator, shape: Shape) -> Slender:
    return Slender(
        kind=LABELS[random.integers(len(LABELS))],
        radius=_LONGER * shape.radius,
        start_xy=shape.start_xy,
        velocity_xy=shape.velocity_xy,
        angle=shape.angle,
        spin=shape.spin,
        squeeze=float(random.uniform(0.3, 0.6)),
        fill_rgb=shape.fill_rgb,
        edge_rgb=shape.edge_rgb,
        edge_width=shape.edge_width,
    )


def _ellipse() -> npt.NDArray[np.float64]:
    angles = np.arange(48) * (2 * np.pi / 48)
    return np.stack((np.cos(angles), np.sin(angles)), axis=1)


def _cross() -> npt.NDArray[np.float64]:
    quarter = np.array([(1 / 3, 1), (1 / 3, 1 / 3), (1, 1 / 3)])
    flipped = quarter[::-1] * (1, -1)
    half = np.concatenate((quarter, flipped))
    return np.concatenate((half, -half))


# Each fills the square from -1 to 1, which becomes its box.
_OUTLINES = {
    'ellipse': _ellipse(),
    'bar': np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)], np.float64),
    'wedge': np.array([(1, 0), (-1, 1), (-1, -1)], np.float64),
    'cross': _cross(),
}
