"""Reads outputs as points of the only object, by the counts of published networks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ml_integration.core.datatypes import Array, TensorSpec
from ml_integration.exports.claims import Claims
from ml_integration.exports.guessing.class_scores import claimed_settings
from ml_integration.exports.guessing.output_fit import Fit
from ml_integration.ops.evidence import COUNTS, NAMES, SHAPES, VALUES, Evidence, are_scores

_TASK = 'keypoints'
_ENCODE: Mapping[str, Any] = {
    'resize': 'letterbox', 'color': 'rgb', 'scale': 255.0, 'mean': (0.0,), 'std': (1.0,),
}  # fmt: skip
_INSIDE = 0.5
"""Share of the points that lie on the picture; a body may be cut off by its edge."""
_SPREAD = 0.02
"""Part of the picture over which points are spread at least."""


@dataclass(frozen=True, slots=True)
class _Network:
    """A published network, known by how many numbers it gives.

    Attributes:
        title: what it is called.
        points: of the object.
        numbers: of each point.
        options: how the points are read.
        settings: of the task.
    """

    title: str
    points: int
    numbers: int
    options: Mapping[str, Any]
    settings: Mapping[str, Any] = field(default_factory=dict)


_BODY = (
    'nose', 'left_eye_inner', 'left_eye', 'left_eye_outer', 'right_eye_inner', 'right_eye',
    'right_eye_outer', 'left_ear', 'right_ear', 'mouth_left', 'mouth_right', 'left_shoulder',
    'right_shoulder', 'left_elbow', 'right_elbow', 'left_wrist', 'right_wrist', 'left_pinky',
    'right_pinky', 'left_index', 'right_index', 'left_thumb', 'right_thumb', 'left_hip',
    'right_hip', 'left_knee', 'right_knee', 'left_ankle', 'right_ankle', 'left_heel',
    'right_heel', 'left_foot_index', 'right_foot_index',
)  # fmt: skip
_BODY_BONES = (
    (0, 1), (1, 2), (2, 3), (3, 7), (0, 4), (4, 5), (5, 6), (6, 8), (9, 10), (11, 12), (11, 13),
    (13, 15), (15, 17), (15, 19), (15, 21), (17, 19), (12, 14), (14, 16), (16, 18), (16, 20),
    (16, 22), (18, 20), (11, 23), (12, 24), (23, 24), (23, 25), (24, 26), (25, 27), (26, 28),
    (27, 29), (28, 30), (29, 31), (30, 32), (27, 31), (28, 32),
)  # fmt: skip
_BLAZE_POSE = {
    'keypoint_names': list(_BODY),
    'skeleton': [f'{_BODY[one]} {_BODY[other]}' for one, other in _BODY_BONES],
}
_NETWORKS = (
    _Network(
        'BlazePose', 39, 5, {'score_at': 3, 'sigmoid': True, 'leading': len(_BODY)}, _BLAZE_POSE
    ),
    _Network("MediaPipe's face mesh", 468, 3, {'scoreless': True}),
    _Network("MediaPipe's face mesh with irises", 478, 3, {'scoreless': True}),
    _Network("MediaPipe's hand", 21, 3, {'scoreless': True}),
)


def regressed(evidence: Evidence, claims: Claims, named: bool) -> Iterator[Fit]:
    """Yields outputs with the numbers of a known network, if these are points on the pictures.

    Args:
        evidence: about the model.
        claims: settings of the task that the export states.
        named: whether the export says that it finds points.
    """
    for output in evidence.outputs:
        for network in _NETWORKS:
            if _count(evidence, output) == network.points * network.numbers:
                yield from _of_network(evidence, claims, output, network, named)


def _of_network(
    evidence: Evidence, claims: Claims, output: TensorSpec, network: _Network, named: bool
) -> Iterator[Fit]:
    seen = _points(evidence, output, network.numbers)
    if evidence.runs and (seen is None or not _on_picture(seen, evidence.input_wh)):
        return
    single = [one for one in evidence.outputs if _count(evidence, one) == 1]
    options = {'points_output': output.name, 'numbers': network.numbers, **network.options}
    if single:
        options['presence_output'] = single[0].name
        values = evidence.values(single[0])
        if values is not None and not are_scores(values):
            options['presence_sigmoid'] = True
    settings = {
        'points': 'regression',
        'points_options': options,
        **network.settings,
        **claimed_settings(_TASK, claims),
    }
    proven = bool(evidence.runs) and evidence.input_wh is not None
    # Without a run there could be as many classes.
    score = SHAPES + NAMES * named + (COUNTS + VALUES) * proven
    why = f'{network.points} points of {network.numbers} numbers, as {network.title} gives them'
    yield Fit(_TASK, settings, (output, *single[:1]), score, why, proven or named, _ENCODE)


def _count(evidence: Evidence, output: TensorSpec) -> int | None:
    """Returns how many numbers an output has for a picture; None where that is free."""
    sizes = evidence.shape(output)
    first = 1 if len(sizes) > 1 and sizes[0] is None else sizes[0] if sizes else 1
    known = [size for size in (first, *sizes[1:]) if size is not None]
    return int(np.prod(known)) if len(known) == max(1, len(sizes)) else None


def _points(evidence: Evidence, output: TensorSpec, numbers: int) -> Array | None:
    """Returns x and y in all runs, (N, K, 2); None if they are not all finite."""
    runs = [run[output.name] for run in evidence.runs if output.name in run]
    if not runs:
        return None
    points = np.stack([run.astype(np.float64).reshape(-1, numbers)[:, :2] for run in runs])
    return points if np.isfinite(points).all() else None


def _on_picture(points: Array, input_wh: tuple[int, int] | None) -> bool:
    """Tells whether points (N, K, 2) are pixels of the input, spread over a part of it."""
    if input_wh is None:
        return True
    size = np.array(input_wh)
    inside = ((points >= 0) & (points <= size)).all(axis=-1)
    spread = points.std(axis=1) / size
    return bool(inside.mean() >= _INSIDE and np.median(spread) >= _SPREAD)
