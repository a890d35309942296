"""Released versions of `shapes` and how they are trained."""

from __future__ import annotations

from dataclasses import dataclass

from ml_integration.demos.scenes import KINDS
from ml_integration.ops.picture_input import PreprocessSettings

HELD_OUT_SEEDS = range(600)
"""Scenes that no training may see; `golden.npz` and the figures in the README are made of them."""
GOLDEN_SEED = 2
FIRST_TRAINING_SEED = 100_000
LEAST_VISIBLE = 0.4
"""Of a shape [share]: one that is hidden more is neither asked for nor counted as wrong."""


@dataclass(frozen=True)
class Release:
    """One version.

    Attributes:
        version: its number.
        labels: the kinds it knows, the first of `KINDS`; the others are background to it.
        input_wh: size of its input [px].
        preprocess: how a picture gets there.
        decoder: layout of its output: 'yolo' or 'yolov8'.
        score_threshold: best F1 on scenes that are neither trained on nor held out.
        width: channels of the first layer; 4 and 6 times as many inside.
        scenes: how many scenes it is trained on, `frames` pictures of each.
        frames: pictures per scene.
        epochs: how often it sees each of them, in random mirrorings and colors.
        batch: pictures per step.
    """

    version: int
    labels: tuple[str, ...]
    input_wh: tuple[int, int]
    preprocess: PreprocessSettings
    decoder: str
    score_threshold: float
    width: int
    scenes: int
    epochs: int
    frames: int = 3
    batch: int = 16


# The versions differ in all that has to change in the same instant when one replaces the other:
# size, resizing, colors, scale, layout of the output and labels.
RELEASES = {
    1: Release(
        version=1,
        labels=KINDS[:5],
        input_wh=(192, 192),
        preprocess=PreprocessSettings(resize='stretch', color='rgb', scale=255.0),
        decoder='yolo',
        score_threshold=0.3,
        width=8,
        scenes=2000,
        epochs=12,
    ),
    2: Release(
        version=2,
        labels=KINDS,
        input_wh=(256, 208),
        preprocess=PreprocessSettings(resize='letterbox', color='bgr', scale=1.0),
        decoder='yolov8',
        score_threshold=0.35,
        width=16,
        scenes=4000,
        epochs=4,
    ),
}
