"""Scores results without knowing the truth: they are strong, and the mirror image gives them too.

A network that gets pictures scaled as it never saw them often finds more than it should, with
scores near 1; but it does not find the same things in the mirror image.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ml_integration.core.datatypes import Array
from ml_integration.exports.trying.sample_pictures import Picture
from ml_integration.ops.classes import Classes
from ml_integration.ops.detections import Detections

OVERLAP = 0.5
"""Overlap from which on two boxes are the same object."""
UNSTABLE, STABLE = 0.4, 0.8
"""Share of results that the mirror image confirms: nothing counts below, all does above."""
BLIND = 0.9
"""Certainty about shuffled pictures from which on a network is certain whatever it gets."""
TILES = 6
"""Number of rows and columns into which a picture is cut to be shuffled."""

Run = Callable[[Picture], Any]
"""Returns the result for a picture; None if it would not be published."""


@dataclass(frozen=True, slots=True)
class Plausibility:
    """Plausibility of a model's results on some pictures.

    Attributes:
        stability: share of the scores that the mirror images confirm, 0 to 1.
        scores: score of each picture (N,): the sum of confirmed detections' scores, or the
            confirmed score of the best class.
        blind: certainty about pictures that show nothing, by that about the pictures.
    """

    stability: float
    scores: npt.NDArray[np.float64]
    blind: float = 0.0

    @property
    def score(self) -> float:
        """Mean score of a picture; 0 where most results are not confirmed."""
        trust = np.clip((self.stability - UNSTABLE) / (STABLE - UNSTABLE), 0.0, 1.0)
        return float(self.scores.mean() * trust)


def of_detector(run: Run, pictures: Sequence[Picture]) -> Plausibility:
    """Scores a detector: detections that are there in the mirror image too."""
    confirmed, claimed = [], 0.0
    for picture in pictures:
        seen, mirrored = run(picture), run(_mirror(picture))
        if seen is None or mirrored is None:
            confirmed.append(0.0)
            claimed += 1.0
            continue
        confirmed.append(_same_objects(seen, mirrored, picture.pixels.shape[1]))
        claimed += float(seen.scores.sum() + mirrored.scores.sum()) / 2
    scores = np.array(confirmed)
    return Plausibility(float(scores.sum()) / claimed if claimed else 0.0, scores)


def of_classifier(run: Run, pictures: Sequence[Picture]) -> Plausibility:
    """Scores a classifier: the best class that the mirror image has too.

    Its certainty about shuffled tiles of the pictures, which show nothing, counts against it: a
    network that is always certain has not understood the picture.
    """
    confirmed, certain, blind, best = [], 0.0, 0.0, set()
    for picture in pictures:
        results = [run(one) for one in (picture, _mirror(picture), _shuffled(picture))]
        if any(one is None or not len(one.scores) for one in results):
            confirmed.append(0.0)
            certain, blind = certain + 1.0, blind + 1.0
            continue
        seen, mirrored, nonsense = results
        confirmed.append(_same_class(seen, mirrored))
        certain += float(seen.scores[0])
        blind += float(nonsense.scores[0])
        best.add(int(seen.class_ids[0]))
    scores = np.array(confirmed)
    constant = len(pictures) > 2 and len(best) < 2
    saturated = blind >= BLIND * certain and blind >= BLIND * len(pictures)
    stability = 0.0 if constant or saturated or not certain else float(scores.sum()) / certain
    return Plausibility(stability, scores, blind / certain if certain else 1.0)


def _mirror(picture: Picture) -> Picture:
    return Picture(picture.name, np.ascontiguousarray(picture.pixels[:, ::-1]))


def _shuffled(picture: Picture) -> Picture:
    height, width = (size // TILES for size in picture.pixels.shape[:2])
    whole = picture.pixels[: height * TILES, : width * TILES]
    tiles = whole.reshape(TILES, height, TILES, width, 3).transpose(0, 2, 1, 3, 4)
    order = np.random.default_rng(1).permutation(TILES * TILES)
    mixed = tiles.reshape(-1, height, width, 3)[order].reshape(tiles.shape)
    pixels = mixed.transpose(0, 2, 1, 3, 4).reshape(whole.shape)
    return Picture(picture.name, np.ascontiguousarray(pixels) if whole.size else picture.pixels)


def _same_class(seen: Classes, mirrored: Classes) -> float:
    others = dict(zip(mirrored.class_ids.tolist(), mirrored.scores.tolist(), strict=True))
    pairs = zip(seen.class_ids.tolist(), seen.scores.tolist(), strict=True)
    return max((min(score, others.get(one, 0.0)) for one, score in pairs), default=0.0)


def _same_objects(seen: Detections, mirrored: Detections, width: int) -> float:
    """Returns the sum of the scores of detections that both have, the lower one of each pair."""
    if not len(seen) or not len(mirrored):
        return 0.0
    back = mirrored.xyxy.copy()
    back[:, [0, 2]] = width - back[:, [2, 0]]
    overlaps = _overlaps(seen.xyxy, back)
    overlaps[seen.class_ids[:, None] != mirrored.class_ids[None]] = 0.0
    total = 0.0
    for row, score in enumerate(seen.scores.tolist()):
        column = int(overlaps[row].argmax())
        if overlaps[row, column] > OVERLAP:
            total += min(score, float(mirrored.scores[column]))
            overlaps[:, column] = 0.0
    return total


def _overlaps(one: Array, other: Array) -> Array:
    """Returns the intersection over union (N, M) of boxes (N, 4) and (M, 4)."""
    low = np.maximum(one[:, None, :2], other[None, :, :2])
    high = np.minimum(one[:, None, 2:], other[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=2)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(axis=1) for boxes in (one, other)]
    union = areas[0][:, None] + areas[1][None] - shared
    overlaps: Array = shared / np.maximum(union, 1e-9)
    return overlaps
