"""Pictures of slender shapes to learn from, as the robot's own pre-processing gives them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from dev.training.samples import PADDING, UNCOUNTED, to_uint8_tensor
from dev.training.slender.release import (
    FIRST_TRAINING_SEED,
    FRAMES,
    INPUT_WH,
    LEAST_VISIBLE,
    PREPROCESS,
)
from dev.training.slender.scenes import make_slender_scene, slender_truth
from ml_integration.core.datatypes import Frame
from ml_integration.demos.scenes import SIZE_WH, Scene, render

MOST_SHAPES = 8
MASK_STRIDE = 4
_LONGEST_S = 60.0


@dataclass(frozen=True)
class SlenderSamples:
    """A set of pictures with what they show.

    Attributes:
        images: (N, 3, H, W) uint8.
        boxes: (N, 8, 4) float32, xyxy [px of the model's input], from back to front.
        turned: (N, 8, 5) float32, center, length, width [px of the input] and angle [rad].
        class_ids: (N, 8) int64; `PADDING` where there is no box, `UNCOUNTED` where too little
            of it is visible.
        owners: (N, H / 4, W / 4) uint8, 1 + row of the shape that a place belongs to, or 0.
    """

    images: npt.NDArray[np.uint8]
    boxes: npt.NDArray[np.float32]
    turned: npt.NDArray[np.float32]
    class_ids: npt.NDArray[np.int64]
    owners: npt.NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.images)


def make_slender_samples(scenes: int, progress: Callable[[int, int], None]) -> SlenderSamples:
    """Draws all training pictures.

    Args:
        scenes: how many scenes, with `FRAMES` pictures of each.
        progress: called with the scenes done and to do.
    """
    samples = _empty(scenes * FRAMES)
    for number in range(scenes):
        scene = make_slender_scene(FIRST_TRAINING_SEED + number)
        times_s = np.random.default_rng(number).uniform(0, _LONGEST_S, FRAMES)
        progress(number, scenes)
        for frame, time_s in enumerate(times_s.tolist()):
            _fill(samples, number * FRAMES + frame, scene, time_s)
    return samples


def slender_batches(
    samples: SlenderSamples, size: int, random: np.random.Generator
) -> Iterator[SlenderSamples]:
    """One epoch in random order; batches are mirrored, pictures relit and recolored at random."""
    order = random.permutation(len(samples))
    for begin in range(0, len(order) - size + 1, size):
        chosen = order[begin : begin + size]
        batch = SlenderSamples(
            samples.images[chosen][:, random.permutation(3)],
            samples.boxes[chosen],
            samples.turned[chosen],
            samples.class_ids[chosen],
            samples.owners[chosen],
        )
        for axis in (0, 1):
            if random.random() < 0.5:
                batch = _mirrored(batch, axis)
        images = batch.images * random.uniform(0.7, 1.3, (size, 3, 1, 1)).astype(np.float32)
        images += random.uniform(-20, 20, (size, 1, 1, 1)).astype(np.float32)
        batch.images[...] = images.clip(0, 255).astype(np.uint8)
        yield batch


def _empty(count: int) -> SlenderSamples:
    width, height = INPUT_WH
    return SlenderSamples(
        np.empty((count, 3, height, width), np.uint8),
        np.zeros((count, MOST_SHAPES, 4), np.float32),
        np.ones((count, MOST_SHAPES, 5), np.float32),
        np.full((count, MOST_SHAPES), PADDING, np.int64),
        np.zeros((count, height // MASK_STRIDE, width // MASK_STRIDE), np.uint8),
    )


def _fill(samples: SlenderSamples, index: int, scene: Scene, time_s: float) -> None:
    to_tensor, tensor = to_uint8_tensor(PREPROCESS, INPUT_WH)
    geometry = to_tensor([Frame(render(scene, time_s), 'rgb8')])
    shown = slender_truth(scene, time_s)
    rows = slice(0, len(shown.class_ids))
    scale = INPUT_WH[0] / SIZE_WH[0]
    samples.images[index] = tensor[0]
    samples.boxes[index, rows] = geometry.to_target(shown.xyxy)
    samples.turned[index, rows] = shown.turned * (scale, scale, scale, scale, 1)
    counted = shown.visible >= LEAST_VISIBLE
    samples.class_ids[index, rows] = np.where(counted, shown.class_ids, UNCOUNTED)
    size = samples.owners.shape[:0:-1]
    samples.owners[index] = cv2.resize(
        shown.instances, size, interpolation=cv2.INTER_NEAREST_EXACT
    )


def _mirrored(batch: SlenderSamples, axis: int) -> SlenderSamples:
    """Mirrors pictures left to right (axis 0) or upside down (axis 1)."""
    far = INPUT_WH[axis]
    boxes, turned = batch.boxes.copy(), batch.turned.copy()
    boxes[..., axis::2] = far - batch.boxes[..., axis::2][..., ::-1]
    turned[..., axis] = far - turned[..., axis]
    turned[..., 4] *= -1
    flip = (..., slice(None, None, -1)) if axis == 0 else (..., slice(None, None, -1), slice(None))
    return SlenderSamples(
        np.ascontiguousarray(batch.images[flip]),
        boxes,
        turned,
        batch.class_ids,
        np.ascontiguousarray(batch.owners[flip]),
    )
