"""Saves pictures with a model's results drawn into them, for people to look at."""

from __future__ import annotations

from pathlib import Path

import cv2

from ml_integration.core.datatypes import Array
from ml_integration.errors import StateError
from ml_integration.exports.trying.preprocessing_trial import PreprocessingReport
from ml_integration.exports.trying.trial import Trial

COMPARISON = 'preprocessing.png'
"""Name of the picture that shows two ways to prepare pictures side by side."""


def save_pictures(folder: Path, trial: Trial, comparison: PreprocessingReport) -> None:
    """Writes '01.png', '02.png' and so on, and the comparison where another way is better.

    Args:
        folder: is made if it is not there; files of these names are replaced.
        trial: the pictures with their results.
        comparison: of the same model.

    Raises:
        StateError: a file cannot be written.
    """
    both = comparison.side_by_side()
    pictures = {f'{i:02}.png': trial.drawn(one) for i, one in enumerate(trial.attempts, 1)}
    if both is not None:
        pictures[COMPARISON] = both
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StateError(folder, f'cannot be made: {error.strerror}') from error
    for name, pixels in pictures.items():
        save_picture(folder / name, pixels)


def save_picture(file: Path, pixels: Array) -> None:
    """Writes a picture, (H, W, 3) uint8 BGR, as PNG.

    Raises:
        StateError: it cannot be written.
    """
    _, data = cv2.imencode('.png', pixels)
    try:
        file.write_bytes(data.tobytes())
    except OSError as error:
        raise StateError(file, f'cannot be written: {error.strerror}') from error
