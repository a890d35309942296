"""Says in words what outputs look like that no task reads."""

from __future__ import annotations

import numpy as np

from ml_integration.core.datatypes import TensorSpec
from ml_integration.exports.guessing.class_scores import class_axis
from ml_integration.ops.decoder_choice import reads_heads
from ml_integration.ops.decoding import grid_of
from ml_integration.ops.evidence import Evidence
from ml_integration.ops.output_shapes import is_map, several_grids

NO_TASK = (
    "no task here reads it yet (the task 'tensor' publishes the numbers of outputs as they are)"
)
_NAMES = {
    'depth': ('depth', 'disparity', 'inverse_distance'),
    'embedding': ('embed', 'feature', 'hidden_state', 'pooler', 'descriptor', 'feats'),
    'pose': ('simcc', 'heatmap', 'keypoint', 'kpt', 'pose'),
    'flow': ('flow',),
    'mask': ('mask', 'segment'),
    'surface': ('normal',),
    'raw': ('regression', 'anchors', 'bbox_delta', 'box_delta', 'landm'),
}
_WORDS = {
    'depth': 'a depth map',
    'embedding': 'an embedding: numbers to compare pictures by, not classes',
    'pose': 'keypoints of a pose',
    'flow': 'optical flow',
    'mask': 'a segmentation mask',
    'surface': 'a map of surface normals',
}
_NUMBERS = 'a depth map or a mask: a number per pixel'
_CLASSES = 'a segmentation mask: a class number per pixel'
_SAY_CLASSES = 'say so with --task segmentation, and which labels it has'
_MAPS = 'segmentation logits or heatmaps: {} numbers per pixel'
_POINTS = (
    'boxes with {} more numbers each that are not all scores, such as the keypoints of a pose'
)
_READ_POINTS = '--task keypoints reads them where they are joints of people or other points'
_NAMED = {
    _WORDS['pose']: _READ_POINTS,
    _WORDS['depth']: 'say so with --task depth_estimation',
    _POINTS: _READ_POINTS,
    _MAPS: '--task segmentation reads scores of classes, and --labels tells how many there are; '
    '--task keypoints reads heatmaps',
    _NUMBERS: '--task depth_estimation reads a depth, --task segmentation a mask',
    _CLASSES: _SAY_CLASSES,
    _WORDS['mask']: _SAY_CLASSES,
}
"""What to do about outputs whose meaning somebody has to say."""
_RAW = (
    "its outputs look like a detector's heads before they are decoded, or features of a "
    'backbone; export it with decoding (YOLOv5: without --train; RKNN or TensorRT exports leave '
    'it out)'
)
_UNIT = 0.02
"""Difference of an embedding's length from 1."""


def refused(evidence: Evidence) -> str:
    """Returns why no task reads outputs whose names or values are those of something else.

    Returns:
        A sentence; empty if there is nothing against reading them as boxes or classes.
    """
    firsts = {spec.shape[0] if len(spec.shape) > 1 else None for spec in evidence.outputs}
    if len(firsts) == 1 and not firsts & {None, 1} and _several(first := evidence.outputs[0]):
        return (
            f"output '{first}' is for {first.shape[0]} pictures at once; export it for one "
            'picture, or with a free batch'
        )
    if lost := next((spec for spec in evidence.outputs if _is_lost(evidence, spec)), None):
        return (
            f"output '{lost}' holds no finite number on the sample; half precision may be too "
            'narrow for it, or it is broken'
        )
    raw = several_grids(evidence) or any(_word(spec) == 'raw' for spec in evidence.outputs)
    if raw and not reads_heads(evidence):
        return _RAW
    scores = [spec for spec in evidence.outputs if class_axis(spec) is not None]
    if len(evidence.outputs) <= 2 and scores and not evidence.labels:
        for spec in scores:
            if _is_unit(evidence, spec) or _word(spec) == 'embedding':
                return _sentence(spec, _WORDS['embedding'])
    return ''


def appearance(evidence: Evidence) -> str:
    """Returns a sentence about outputs that no task reads: what they look like, and what to do."""
    if _raw_heads(evidence):
        return _RAW
    for spec in evidence.outputs:
        looks, number = _looks(evidence, spec)
        if looks in _NAMED:
            return f"output '{spec}' looks like {looks.format(number)}; {_NAMED[looks]}"
        if looks:
            return _sentence(spec, looks)
    return generic(evidence)


def generic(evidence: Evidence) -> str:
    """Returns the sentence about outputs that look like nothing known."""
    shown = '; '.join(map(str, evidence.outputs)) or 'none'
    return f'no task here reads outputs like {shown}'


def misnamed(evidence: Evidence, task: str, source: str) -> str:
    """Returns a sentence about outputs that the task which somebody names does not read."""
    shown = '; '.join(map(str, evidence.outputs)) or 'none'
    return (
        f"its task is '{task}' by {source}, which does not read outputs like {shown} where there "
        f'are labels for {evidence.labels or "no"} classes; correct the task, its settings or the '
        'labels'
    )


def _looks(evidence: Evidence, spec: TensorSpec) -> tuple[str, int]:
    """Returns words, and the number that belongs into them; no words if nothing is known."""
    shape = evidence.shape(spec)
    if len(shape) == 4 and shape[3] == 1:
        shape = shape[:3]
    if len(shape) > 2 and is_map(shape, evidence.input_wh):
        channels = shape[1] if len(shape) == 4 else 1
        return _map_words(channels, spec, _word(spec)), channels or 0
    words = _row_words(evidence, spec)
    return words, min(shape[1] or 0, shape[2] or 0) - 4 if words == _POINTS else 0


def _row_words(evidence: Evidence, spec: TensorSpec) -> str:
    shape = evidence.shape(spec)
    word = _word(spec)
    if word in ('pose', 'embedding', 'depth', 'flow'):
        return _WORDS[word]
    if all(size in (1, None) for size in shape) and len(evidence.outputs) == 1:
        return 'a single number (regression), not classes'
    if np.dtype(spec.dtype).kind in 'iu' and np.dtype(spec.dtype).itemsize == 1:
        return 'numbers of 8 bits of a quantized model, whose scale nothing says'
    if class_axis(spec) is not None and not evidence.labels:
        return ''
    values = evidence.values(spec)
    if len(shape) == 3 and values is not None and len(evidence.outputs) == 1:
        return _table_words(evidence, shape)
    return ''


def _map_words(channels: int | None, spec: TensorSpec, word: str) -> str:
    if np.dtype(spec.dtype).kind in 'iub':
        return _CLASSES
    if word:
        return _WORDS[word]
    if channels == 1:
        return _NUMBERS
    if channels == 2:
        return 'optical flow or a mask: two numbers per pixel'
    if channels == 3:
        return 'a picture: image to image'
    return _MAPS


def _cells(evidence: Evidence, count: int) -> bool:
    each, _ = grid_of(count, evidence.input_wh)
    return bool(each)


def _table_words(evidence: Evidence, shape: tuple[int | None, ...]) -> str:
    rows, columns = shape[1] or 0, shape[2] or 0
    few = min(rows, columns)
    if few < 5 or (rows <= 128 and columns > rows and not _cells(evidence, columns)):
        return 'rows of numbers that are no boxes, such as letters of a text or keypoints'
    return _POINTS


def _is_lost(evidence: Evidence, spec: TensorSpec) -> bool:
    values = evidence.values(spec)
    return values is not None and values.size > 0 and not np.isfinite(values).any()


def _raw_heads(evidence: Evidence) -> bool:
    wh = evidence.input_wh
    deep = [evidence.shape(spec) for spec in evidence.outputs if len(spec.shape) in (4, 5)]
    sizes = {shape[2:4] for shape in deep}
    whole = wh is not None and any(shape[2:4] == (wh[1], wh[0]) for shape in deep)
    return len(deep) == len(evidence.outputs) and len(sizes) >= 2 and not whole


def _several(spec: TensorSpec) -> bool:
    """Tells whether an output's first size is a batch of several pictures."""
    return len(spec.shape) > 2 and spec.shape[0] not in (1, None)


def _word(spec: TensorSpec) -> str:
    name = spec.name.lower()
    return next((k for k, words in _NAMES.items() if any(w in name for w in words)), '')


def _is_unit(evidence: Evidence, spec: TensorSpec) -> bool:
    """Tells whether numbers have the length 1 in every run, and negative ones are among them."""
    values = [run[spec.name].ravel() for run in evidence.runs if spec.name in run]
    lengths = [float(np.linalg.norm(numbers.astype(np.float64))) for numbers in values]
    signed = any((numbers < 0).any() for numbers in values)
    return bool(values) and signed and all(abs(length - 1) < _UNIT for length in lengths)


def _sentence(spec: TensorSpec, looks: str) -> str:
    return f"output '{spec}' looks like {looks}; {NO_TASK}"
