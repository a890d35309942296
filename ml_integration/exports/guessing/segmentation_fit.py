"""Reads an output as the class of each pixel."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from ml_integration.core.datatypes import TensorSpec
from ml_integration.exports.claims import Claims
from ml_integration.exports.guessing.class_scores import claimed_settings
from ml_integration.exports.guessing.output_fit import Fit
from ml_integration.ops.evidence import COUNTS, NAMES, SHAPES, Evidence, are_scores
from ml_integration.ops.output_shapes import is_map

_TASK = 'segmentation'
_SIDE_OUTPUT = ('aux',)
"""Names of outputs that only training needs."""
_MASKS = ('mask', 'masks', 'segmentation')
_MATTES = ('alpha', 'alphas', 'matte', 'pha')
_SURE, _MOSTLY, _SOME = 0.05, 0.8, 0.01
"""Distance from 0 or 1 up to which a probability is sure, the share of all numbers that are, and
the least share of either."""


def read(evidence: Evidence, claims: Claims, named: bool) -> tuple[Fit, ...]:
    """Returns how an output holds classes of pixels, where there is one that can.

    Args:
        evidence: about the model.
        claims: settings of the task that the export states.
        named: whether the export says that it is a segmentation.
    """
    fits = [
        (output, found)
        for output in evidence.outputs
        if output.name.lower() not in _SIDE_OUTPUT
        for found in _readings(evidence, output, named)
    ]
    if len({output.name for output, _ in fits}) != 1:
        return ()
    settings = claimed_settings(_TASK, claims)
    score = SHAPES + COUNTS + NAMES * named
    return tuple(
        Fit(_TASK, {**found, **settings}, (output,), score, _why(output, found), sure)
        for output, found in fits
        if settings.get('kind') in (None, found['kind'])
        for sure in (named or found['kind'] != 'probability' or _is_told(evidence, output),)
    )


def _readings(evidence: Evidence, output: TensorSpec, named: bool) -> Iterator[dict[str, Any]]:
    """Yields the kinds that an output can be, as settings."""
    shape, kind = evidence.shape(output), np.dtype(output.dtype).kind
    if not _is_whole(evidence, shape):
        return
    channels = _channels(shape)
    if channels == 1:
        if kind in 'iub' and (named or evidence.labels):
            yield {'kind': 'classes'}
        elif kind == 'f' and (named or _is_mask(evidence, output)):
            values = evidence.values(output)
            logits = values is not None and not are_scores(values)
            options = {'sigmoid': logits, 'alpha': _has_word(output, _MATTES)}
            asked = {key: True for key, wanted in options.items() if wanted}
            yield {'kind': 'probability', **asked, 'upsampling': 'linear'}
    elif kind == 'f' and channels and _is_labeled(evidence, channels, named):
        yield {'kind': 'scores', 'upsampling': 'linear'}


def _is_labeled(evidence: Evidence, channels: int, named: bool) -> bool:
    return channels == evidence.labels or (named and not evidence.labels)


def _is_mask(evidence: Evidence, output: TensorSpec) -> bool:
    """Tells whether one number per pixel is clearly how probable something is there.

    A mask says yes or no of nearly each pixel, which a depth or another measure does not.
    """
    tables = evidence.tables(output)
    if not tables or not all(map(are_scores, tables)):
        return False
    values = np.concatenate([table.ravel() for table in tables])
    ends = [float(np.mean(each)) for each in (values < _SURE, values > 1 - _SURE)]
    return _is_told(evidence, output) or (sum(ends) > _MOSTLY and min(ends) > _SOME)


def _is_told(evidence: Evidence, output: TensorSpec) -> bool:
    """Tells whether a name, or labels for yes and no, speak for a mask."""
    return _has_word(output, (*_MASKS, *_MATTES)) or evidence.labels in (1, 2)


def _has_word(output: TensorSpec, words: tuple[str, ...]) -> bool:
    return any(word in re.split('[^a-z]+', output.name.lower()) for word in words)


def _is_whole(evidence: Evidence, shape: tuple[int | None, ...]) -> bool:
    """Tells whether an output has numbers for all of the picture, at any resolution."""
    if len(shape) not in (3, 4) or shape[0] not in (1, None):
        return False
    last = len(shape) == 4 and not is_map(shape, evidence.input_wh)
    return is_map(shape[:3] if last else shape, evidence.input_wh)


def _channels(shape: tuple[int | None, ...]) -> int | None:
    """Returns how many numbers a pixel has, in the second axis or the last, the shorter one."""
    if len(shape) == 3:
        return 1
    second, last = shape[1], shape[3]
    if second is None or last is None:
        return second or last
    return min(second, last)


def _why(output: TensorSpec, found: dict[str, Any]) -> str:
    what = {
        'classes': 'the class number of each pixel',
        'probability': 'a probability per pixel',
        'scores': 'a score per pixel and class',
    }
    return f"'{output.name}' holds {what[found['kind']]}"
