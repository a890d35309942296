"""Makes scenes up from a seed."""

from __future__ import annotations

import cv2
import numpy as np

from ml_integration.core.datatypes import Array
from ml_integration.demos.scenes import (
    GRAIN_PLAY,
    KINDS,
    SIZE_WH,
    SUBPIXEL_BITS,
    Scene,
    Shape,
    fixed_point,
)


def make_scene(seed: int) -> Scene:
    """Makes up a scene; the same seed gives the same one."""
    random = np.random.default_rng(seed)
    base_rgb = random.integers(40, 216, 3)
    background = _background(random, base_rgb)
    shapes = tuple(_shape(random, base_rgb) for _ in range(random.integers(2, 9)))
    width, height = SIZE_WH
    grain_size = (height + GRAIN_PLAY, width + GRAIN_PLAY, 3)
    grain = random.standard_normal(grain_size, np.float32) * random.uniform(1, 9)
    light = _light(random)
    blur = max(0.0, random.uniform(-0.6, 2.2))
    return Scene(shapes, background, light, grain.astype(np.int16), blur)


def _shape(random: np.random.Generator, base_rgb: Array) -> Shape:
    fill = random.integers(0, 256, 3)
    if np.abs(fill - base_rgb).max() < 60:  # too much like the background
        fill = (fill + 128) % 256
    speed, course = random.uniform(15, 110), random.uniform(0, 2 * np.pi)
    return Shape(
        kind=KINDS[random.integers(len(KINDS))],
        radius=float(np.exp(random.uniform(np.log(22), np.log(90)))),
        start_xy=tuple((random.random(2) * SIZE_WH).tolist()),
        velocity_xy=(float(speed * np.cos(course)), float(speed * np.sin(course))),
        angle=random.uniform(0, 2 * np.pi),
        spin=random.uniform(-1, 1),
        squeeze=random.uniform(0.75, 1),
        fill_rgb=tuple(fill.tolist()),
        edge_rgb=tuple(random.integers(0, 256, 3).tolist()),
        edge_width=int(random.choice([0, 0, 2, 4])),
    )


def _background(random: np.random.Generator, base_rgb: Array) -> Array:
    """Clouds of three sizes, and clutter that is none of the kinds: strips, slivers, specks."""
    width, height = SIZE_WH
    texture = np.full((height, width, 3), base_rgb, np.float32)
    for cells, strength in ((4, 24), (16, 14), (80, 8)):
        noise = random.standard_normal((cells * 3 // 4, cells, 3), np.float32)
        noise *= np.float32(strength * random.uniform(0.2, 1.2))
        texture += cv2.resize(noise, SIZE_WH, interpolation=cv2.INTER_CUBIC)
    picture = texture.clip(0, 255).astype(np.uint8)
    for _ in range(random.integers(0, 14)):
        place, far = ((random.random(2) * SIZE_WH).astype(int).tolist() for _ in range(2))
        color = (base_rgb + random.integers(-70, 71, 3)).clip(0, 255).tolist()
        long, angle = int(random.integers(20, 120)), random.uniform(0, 180)
        draw = random.integers(3)
        if draw == 0:
            cv2.line(picture, place, far, color, int(random.integers(1, 9)), cv2.LINE_AA)
        elif draw == 1:
            cv2.ellipse(picture, place, (long, long // 4), angle, 0, 360, color, -1, cv2.LINE_AA)
        else:
            strip = cv2.boxPoints((tuple(map(float, place)), (float(long * 2), long / 3), angle))
            cv2.fillPoly(picture, [fixed_point(strip)], color, cv2.LINE_AA, SUBPIXEL_BITS)
    return picture


def _light(random: np.random.Generator) -> Array:
    """Light that falls off across the picture: (480, 640, 3) float32 between 0.4 and 1.3."""
    width, height = SIZE_WH
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    course, slope = random.uniform(0, 2 * np.pi), random.uniform(0, 0.35)
    light = random.uniform(0.75, 1) + slope * (x * np.cos(course) + y * np.sin(course))
    return np.repeat(light.clip(0.4, 1.3).astype(np.float32)[..., None], 3, axis=2)
