"""What the network of slender shapes is, and how it is trained."""

from __future__ import annotations

from ml_integration.ops.picture_input import PreprocessSettings

HELD_OUT_SEEDS = range(300)
"""Scenes that no training may see; `golden.npz` and the figures are made of them."""
FIRST_TRAINING_SEED = 100_000
LEAST_VISIBLE = 0.4
"""Of a shape [share]: one that is hidden more is neither asked for nor counted as wrong."""
INPUT_WH = (256, 192)
PREPROCESS = PreprocessSettings(resize='letterbox', color='rgb', scale=255.0)
WIDTH = 12
"""Channels of the first layer; 4 and 6 times as many inside."""
PROTOTYPES = 8
"""Common masks, of which those of the shapes are mixed."""
SCENES = 3000
FRAMES = 3
"""Pictures per scene."""
EPOCHS = 5
BATCH = 16
SEED = 10
