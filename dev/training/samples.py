"""Pictures to learn from, as the robot's own pre-processing gives them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from dev.training.releases import FIRST_TRAINING_SEED, LEAST_VISIBLE, Release
from ml_integration.core.datatypes import Frame, TensorSpec
from ml_integration.demos.scene_maker import make_scene
from ml_integration.demos.scenes import render, truth
from ml_integration.encoders.image import Image
from ml_integration.ops.picture_input import PreprocessSettings

PADDING = -1
"""Class of a row that holds no box."""
UNCOUNTED = -2
"""Class of a box that need not be found: too little of it is visible."""
_MOST_SHAPES = 8
_LONGEST_S = 60.0


@dataclass(frozen=True)
class Samples:
    """A set of pictures with what they show.

    Attributes:
        images: (N, 3, H, W) uint8, in the release's size and order of colors.
        boxes: (N, 8, 4) float32, xyxy [px of the model's input], from back to front.
        class_ids: (N, 8) int64; `PADDING` where there is no box, `UNCOUNTED` where too little
            of it is visible. Kinds the release does not know are left out.
    """

    images: npt.NDArray[np.uint8]
    boxes: npt.NDArray[np.float32]
    class_ids: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.images)


def make_samples(release: Release, progress: Callable[[int, int], None]) -> Samples:
    """Draws all training pictures of a release; a few GB for thousands of scenes.

    Args:
        release: what to make them for.
        progress: called with the scenes done and to do.
    """
    count = release.scenes * release.frames
    width, height = release.input_wh
    images = np.empty((count, 3, height, width), np.uint8)
    boxes = np.zeros((count, _MOST_SHAPES, 4), np.float32)
    class_ids = np.full((count, _MOST_SHAPES), PADDING, np.int64)
    to_tensor, tensor = to_uint8_tensor(release.preprocess, release.input_wh)
    for index in range(count):
        number, frame = divmod(index, release.frames)
        if frame == 0:
            scene = make_scene(FIRST_TRAINING_SEED + number)
            times_s = np.random.default_rng(number).uniform(0, _LONGEST_S, release.frames)
            progress(number, release.scenes)
        geometry = to_tensor([Frame(render(scene, times_s[frame]), 'rgb8')])
        images[index] = tensor[0]
        shown = truth(scene, times_s[frame])
        known = shown.class_ids < len(release.labels)
        rows = slice(0, int(known.sum()))
        boxes[index, rows] = geometry.to_target(shown.xyxy[known])
        visible = shown.visible[known] >= LEAST_VISIBLE
        class_ids[index, rows] = np.where(visible, shown.class_ids[known], UNCOUNTED)
    return Samples(images, boxes, class_ids)


def to_uint8_tensor(
    preprocess: PreprocessSettings, input_wh: tuple[int, int]
) -> tuple[Image, npt.NDArray[np.uint8]]:
    """A model's own encoder, but for the scale of the values, and what it writes into."""
    width, height = input_wh
    spec = TensorSpec('images', 'uint8', (1, 3, height, width))
    encoder = Image(replace(preprocess, scale=1.0), spec)
    tensor = np.empty((1, 3, height, width), np.uint8)
    encoder.bind(tensor)
    return encoder, tensor


def batches(samples: Samples, size: int, random: np.random.Generator) -> Iterator[Samples]:
    """One epoch in random order; batches are mirrored, pictures relit and recolored at random."""
    order = random.permutation(len(samples))
    height, width = samples.images.shape[2:]
    for begin in range(0, len(order) - size + 1, size):
        chosen = order[begin : begin + size]
        images = samples.images[chosen][:, random.permutation(3)].astype(np.float32)
        boxes = samples.boxes[chosen]
        if random.random() < 0.5:
            images, boxes[..., 0::2] = images[..., ::-1], width - boxes[..., 2::-2]
        if random.random() < 0.5:
            images, boxes[..., 1::2] = images[..., ::-1, :], height - boxes[..., 3::-2]
        images = images * random.uniform(0.7, 1.3, (size, 3, 1, 1)).astype(np.float32)
        images += random.uniform(-20, 20, (size, 1, 1, 1)).astype(np.float32)
        yield Samples(images.clip(0, 255).astype(np.uint8), boxes, samples.class_ids[chosen])
