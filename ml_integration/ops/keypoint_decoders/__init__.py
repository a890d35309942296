"""Decoders that read the keypoints of objects: one file per way in which models give them.

A new way is one file `ops/keypoint_decoders/<way>.py` with a class named after it, or such a class
under an entry point of the group `ml_integration.ops.keypoint_decoders`; it offers what
`KeypointDecoder` says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ml_integration.core import plugins
from ml_integration.core.datatypes import Array, ModelDescription, Tensors, TensorSpec
from ml_integration.core.declaration import declared
from ml_integration.errors import ModelMismatchError
from ml_integration.ops.decoders import Candidates
from ml_integration.ops.decoding import sigmoid

PLUGINS = 'ops.keypoint_decoders'


@dataclass(frozen=True, slots=True)
class KeypointOptions:
    """Options for differences between exports of one way."""

    numbers: int = declared(
        3, 'Numbers of a point: x, y, and from the third on its score as the last.', ge=2, le=5
    )
    normalized: bool = declared(
        False, 'Coordinates are fractions of the input size instead of pixels.'
    )
    scoreless: bool = declared(
        False, 'None of these numbers is a score, as in x, y and z: each point counts as seen.'
    )
    score_at: int = declared(
        -1,
        'Place of the score among these numbers, of regression: 3 in x, y, z, visibility and '
        'presence; -1: the last.',
        ge=-1,
        le=4,
    )
    leading: int = declared(
        0,
        'Points that count, the first ones of regression: 33 of the 39 of BlazePose, whose others '
        'guide its tracker; 0: all.',
        ge=0,
    )
    sigmoid: bool = declared(False, 'Scores of points are given as logits.')
    split_ratio: float = declared(2.0, 'Bins per pixel of simcc.', ge=0.1, le=16.0)
    udp: bool = declared(
        False,
        'Heatmaps reach from edge to edge of the input, and their shape tells where between the '
        'cells a point lies: ViTPose.',
    )
    points_output: str = declared('', 'Output with the points; empty: found by its name.')
    scores_output: str = declared(
        '', 'Output with the scores of points, of listed; empty: found by its name, or none.'
    )
    presence_output: str = declared(
        '',
        'Output with the score of the object, of regression; empty: the mean of its points.',
    )
    presence_sigmoid: bool = declared(False, 'That score is given as a logit.')


class KeypointDecoder(Protocol):
    """Reads the points of objects. Built as `Listed(model, input_wh, options)`."""

    needs_boxes: bool
    """True if the points belong to boxes; otherwise the whole picture is the only object."""
    reads: tuple[str, ...]
    """Names of the outputs that it reads and that are none of a box decoder."""
    batched: bool
    """True if the first axis of these outputs counts pictures."""
    count: int | None
    """Number of points of an object, as far as the model says it."""

    def __init__(
        self, model: ModelDescription, input_wh: tuple[int, int], options: KeypointOptions
    ) -> None:
        """Raises ModelMismatchError when the model's outputs are not of this kind."""

    def __call__(self, outputs: Tensors, boxes: Candidates | None) -> tuple[Array, Array | None]:
        """Reads the points of the boxes, or of the only object.

        Called with numpy's warnings off: what overflows is for validation to report.

        Returns:
            (N, K, 3) float32, x and y [px of the model's input] and score; and the scores (N,) of
            the objects, None if the boxes or the points tell them.
        """


def load(way: str) -> Any:
    """Returns the class that reads points in a way."""
    return plugins.load(PLUGINS, way)


def points_output(
    model: ModelDescription, chosen: str, words: tuple[str, ...], reads: str
) -> TensorSpec:
    """Finds an output by its name, or by words that it contains.

    Raises:
        ModelMismatchError: there is none, or more than one.
    """
    found = [spec for spec in model.outputs if spec.name == chosen]
    if not chosen:
        found = [s for s in model.outputs if any(word in s.name.lower() for word in words)]
        found = found or ([model.outputs[0]] if len(model.outputs) == 1 else [])
    if len(found) == 1:
        return found[0]
    raise ModelMismatchError(
        str(model.identity),
        'the output with the points is not found',
        '; '.join(map(str, model.outputs)),
        reads,
        "Name it in 'points_options.points_output', or choose other 'points'.",
    )


def as_points(numbers: Array, options: KeypointOptions, input_wh: tuple[int, int]) -> Array:
    """Returns points (N, K, 3) [px of the input] of their numbers (N, K, numbers)."""
    points = np.ones((*numbers.shape[:2], 3), np.float32)
    points[..., :2] = numbers[..., :2]
    if options.normalized:
        points[..., :2] *= np.array(input_wh, np.float32)
    if numbers.shape[-1] > 2 and not options.scoreless:
        points[..., 2] = scores_of(numbers[..., -1], options.sigmoid)
    return points


def scores_of(numbers: Array, logits: bool) -> Array:
    """Returns scores, of logits if these are some."""
    return sigmoid(numbers.astype(np.float32)) if logits else numbers


def heights_of(heights: Array, logits: bool) -> Array:
    """Returns scores of the heights of maps or bins, which are trained to be near 1 at a point.

    Those of good models pass 1 and, where there is nothing, 0: they are cut off there, and NaN and
    infinity stay for validation to report.
    """
    if logits:
        return scores_of(heights, logits)
    scores: Array = np.where(np.isfinite(heights), np.clip(heights, 0, 1), heights)
    return scores
