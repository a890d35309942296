"""Drawn rooms with boxes and balls on the floor, whose depth is known at each pixel.

One camera looks at all of them, from the same height at the same angle: only so do meters follow
from a single picture. Rays are cast without shadows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

FOCAL = 0.8
"""Focal length by the width of a picture."""
HEIGHT_M = 1.2
"""Of the camera above the floor."""
PITCH = np.radians(12.0)
"""How far the camera looks down."""
HELD_OUT_SEEDS = range(200)
"""Rooms that no training may see; `golden.npz` and the figures are made of them."""
FIRST_TRAINING_SEED = 100_000
_DOWN = np.array([0, 1, 0], np.float32)


class Body(Protocol):
    """Something that rays meet. Axes: x to the right, y down, z forward and level [m]."""

    def reach(self, rays: Floats) -> Floats:
        """Returns by what rays (N, 3) from the camera are multiplied where they first meet it.

        (N,); infinite for those that miss it.
        """

    def normals(self, points: Floats) -> Floats:
        """Returns the unit normals (N, 3) of points (N, 3) on it."""


@dataclass(frozen=True, slots=True)
class Plane:
    """A floor or a wall: the points whose product with the unit normal is `offset` [m]."""

    normal: Floats
    offset: float

    def reach(self, rays: Floats) -> Floats:
        """Returns by what rays are multiplied where they meet it."""
        with np.errstate(divide='ignore'):
            factors = np.float32(self.offset) / (rays @ self.normal)
        factors[factors <= 0] = np.inf
        return factors

    def normals(self, points: Floats) -> Floats:
        """Returns the direction towards the camera."""
        return np.broadcast_to(-self.normal, points.shape)


@dataclass(frozen=True, slots=True)
class Ball:
    """A ball: center and radius [m]."""

    center: Floats
    radius: float

    def reach(self, rays: Floats) -> Floats:
        """Returns by what rays are multiplied where they meet it."""
        square, along = np.einsum('nk,nk->n', rays, rays), rays @ self.center
        rest = along**2 - square * np.float32(self.center @ self.center - self.radius**2)
        with np.errstate(invalid='ignore'):
            factors: Floats = (along - np.sqrt(rest)) / square
        factors[~(factors > 0)] = np.inf
        return factors

    def normals(self, points: Floats) -> Floats:
        """Returns the directions away from the center."""
        away: Floats = (points - self.center) / np.float32(self.radius)
        return away


@dataclass(frozen=True, slots=True)
class Block:
    """An upright block: center and half of its size [m], turned about the vertical [rad]."""

    center: Floats
    half: Floats
    yaw: float

    @property
    def turn(self) -> Floats:
        """Matrix (3, 3) whose columns are its own axes."""
        cos, sin = np.cos(self.yaw), np.sin(self.yaw)
        return np.array([[cos, 0, -sin], [0, 1, 0], [sin, 0, cos]], np.float32)

    def reach(self, rays: Floats) -> Floats:
        """Returns by what rays are multiplied where they meet it."""
        enter = np.full(len(rays), 0, np.float32)
        leave = np.full(len(rays), np.inf, np.float32)
        for axis, half in zip(self.turn.T, self.half, strict=True):
            along, middle = rays @ axis, self.center @ axis
            with np.errstate(divide='ignore', invalid='ignore'):
                one, other = (middle - half) / along, (middle + half) / along
            np.maximum(enter, np.minimum(one, other), out=enter)
            np.minimum(leave, np.maximum(one, other), out=leave)
        return np.where((enter > 0) & (enter <= leave), enter, np.float32(np.inf))

    def normals(self, points: Floats) -> Floats:
        """Returns the axis of the side that a point is on."""
        own = (points - self.center) @ self.turn / self.half
        side = np.abs(own).argmax(axis=1)
        signs = np.sign(np.take_along_axis(own, side[:, None], axis=1))
        normals: Floats = self.turn.T[side] * signs
        return normals


@dataclass(frozen=True, slots=True)
class Thing:
    """A body with its paint: two colors (3,) 0-255 in checks of a size [m]."""

    body: Body
    colors: tuple[Floats, Floats]
    check_m: float


@dataclass(frozen=True, slots=True)
class Room:
    """What there is to see, the direction that light comes from, and the camera's noise."""

    things: Sequence[Thing]
    light: Floats
    grain: float


def make_room(seed: int) -> Room:
    """Makes up a room; the same seed gives the same one."""
    random = np.random.default_rng(seed)
    far, yaw = random.uniform(4.0, 8.0), random.uniform(-0.4, 0.4)
    things = [
        _painted(random, Plane(_DOWN, HEIGHT_M)),
        _painted(random, Plane(_floats(np.sin(yaw), 0, np.cos(yaw)), far * np.cos(yaw))),
    ]
    if random.random() < 0.6:
        side = random.choice([-1.0, 1.0])
        normal = _floats(side * np.cos(yaw), 0, -side * np.sin(yaw))
        things.append(_painted(random, Plane(normal, random.uniform(1.5, 3.0))))
    for _ in range(random.integers(2, 7)):
        z = random.uniform(1.8, 0.85 * far)
        x = random.uniform(-0.5, 0.5) * z / FOCAL
        things.append(_painted(random, _standing(random, x, z)))
    light = _floats(random.uniform(-1, 1), -1.0, random.uniform(-1, 0.2))
    light /= np.linalg.norm(light)
    return Room(things, light, random.uniform(1, 8))


def render_room(
    room: Room, size_wh: tuple[int, int]
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
    """Draws a room.

    Returns:
        Picture (H, W, 3) uint8, RGB, and depth (H, W) float32 along the optical axis [m].
    """
    rays = camera_rays(size_wh)
    depth = np.full(len(rays), np.inf, np.float32)
    colors = np.zeros((len(rays), 3), np.float32)
    for thing in room.things:
        factors = thing.body.reach(rays)
        nearer = np.flatnonzero(factors < depth)
        depth[nearer] = factors[nearer]
        points = rays[nearer] * factors[nearer, None]
        # A little aside, so that no check ends in a surface.
        odd = np.floor(points / np.float32(thing.check_m) + 0.01).sum(axis=1) % 2
        shade = 0.5 + 0.5 * np.clip(thing.body.normals(points) @ room.light, 0, 1)
        colors[nearer] = np.stack(thing.colors)[odd.astype(int)] * shade[:, None]
    random = np.random.default_rng(len(room.things))
    colors += np.float32(room.grain) * random.standard_normal(colors.shape, np.float32)
    picture = colors.clip(0, 255).astype(np.uint8)
    width, height = size_wh
    return picture.reshape(height, width, 3), depth.reshape(height, width)


def camera_rays(size_wh: tuple[int, int]) -> Floats:
    """Directions (H * W, 3) of the pixels, as long as their depth is 1."""
    width, height = size_wh
    y, x = np.mgrid[:height, :width] + 0.5
    focal = FOCAL * width
    x, y = (x - width / 2) / focal, (y - height / 2) / focal
    level = -y * np.sin(PITCH) + np.cos(PITCH)
    down = y * np.cos(PITCH) + np.sin(PITCH)
    return np.stack((x, down, level), axis=-1).reshape(-1, 3).astype(np.float32)


def _standing(random: np.random.Generator, x: float, z: float) -> Body:
    if random.random() < 0.4:
        radius = random.uniform(0.12, 0.45)
        return Ball(_floats(x, HEIGHT_M - radius, z), radius)
    half = random.uniform((0.12, 0.12, 0.12), (0.45, 0.6, 0.45))
    center = _floats(x, HEIGHT_M - half[1], z)
    return Block(center, half.astype(np.float32), random.uniform(0, np.pi))


def _painted(random: np.random.Generator, body: Body) -> Thing:
    color = random.uniform(30, 250, 3).astype(np.float32)
    other = (color + random.uniform(-70, 70, 3)).clip(0, 255).astype(np.float32)
    checked = random.random() < 0.5
    return Thing(body, (color, other if checked else color), random.uniform(0.15, 0.7))


def _floats(*numbers: float) -> Floats:
    return np.array(numbers, np.float32)
