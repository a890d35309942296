"""Puts pictures with results drawn into them side by side, for people to look at."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from ml_integration.core.datatypes import Array
from ml_integration.errors import ExportError
from ml_integration.exports.trying.trial import Trial
from ml_integration.store.files import why

HEIGHT = 480
"""Height of a picture among several [px]."""
MOST = 3


def contact_sheet(trial: Trial) -> Array:
    """Returns the pictures with the most results, the best first: (H, W, 3) uint8 BGR."""
    good = [one for one in trial.attempts if one.prediction.verdict.ok]
    best = sorted(good or trial.attempts, key=lambda one: -len(one.scores))[:MOST]
    drawn = [trial.drawn(one) for one in best]
    if len(drawn) == 1:
        return drawn[0]
    return np.hstack([scaled(picture) for picture in drawn])


def write_picture(file: Path, picture: Array) -> Path:
    """Writes a picture where there is no file yet.

    Args:
        file: ends in .jpg, .png or the like.
        picture: (H, W, 3) uint8 BGR.

    Returns:
        The file.

    Raises:
        ExportError: it cannot be written, or is there already.
    """
    try:
        done, data = cv2.imencode(file.suffix or '.jpg', picture)
    except cv2.error:
        done, data = False, np.empty(0, np.uint8)
    if not done:
        what = 'pictures of this kind cannot be written'
        raise ExportError(what, where=str(file), expected='.jpg or .png')
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open('xb') as stream:
            stream.write(data.tobytes())
    except OSError as error:
        raise ExportError(
            f'the picture cannot be written: {why(error)}', where=str(file)
        ) from error
    return file


def scaled(picture: Array) -> Array:
    """Returns a picture (H, W, 3) in the height of those that stand side by side."""
    height, width = picture.shape[:2]
    resized: Array = cv2.resize(picture, (max(1, round(width * HEIGHT / height)), HEIGHT))
    return resized
