"""Reads an output as the depth of each pixel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ml_integration.core.datatypes import TensorSpec
from ml_integration.exports.claims import Claims
from ml_integration.exports.guessing.class_scores import claimed_settings
from ml_integration.exports.guessing.output_fit import Fit
from ml_integration.ops.evidence import COUNTS, NAMES, SHAPES, Evidence
from ml_integration.ops.output_shapes import is_map

_TASK = 'depth_estimation'
_INVERSE = ('disparity', 'inverse_depth', 'inverse_distance', 'inv_depth')
_WORDS = ('depth', *_INVERSE)
_MEANINGS = {
    'inverse_depth': 'larger for what is nearer, without a unit',
    'metric': 'distances in meters',
    'relative_depth': 'larger for what is farther, without a unit',
}


def read(evidence: Evidence, claims: Claims, named: bool) -> tuple[Fit, ...]:
    """Returns the kinds of depth that an output can hold, the likeliest first.

    Args:
        evidence: about the model.
        claims: settings of the task that the export states.
        named: whether the export says that it estimates depth.
    """
    maps = [spec for spec in evidence.outputs if _is_depth(evidence, spec, named)]
    told = [spec for spec in maps if any(word in spec.name.lower() for word in _WORDS)]
    if len(told) != 1 and not (named and len(maps) == 1):
        return ()
    output = (told or maps)[0]
    score = SHAPES + NAMES * bool(told) + COUNTS * named
    others = claimed_settings(_TASK, claims)
    kinds = _kinds(evidence, output, claims)
    return tuple(
        Fit(
            _TASK,
            {**others, 'kind': kind},
            (output,),
            score,
            f"'{output.name}' holds a number per pixel: {_MEANINGS.get(kind, kind)}",
        )
        for kind in kinds
    )


def _is_depth(evidence: Evidence, spec: TensorSpec, named: bool) -> bool:
    """Tells whether an output has one floating-point number per pixel."""
    shape = evidence.shape(spec)
    if np.dtype(spec.dtype).kind != 'f' or len(shape) not in (3, 4) or shape[0] not in (1, None):
        return False
    if len(shape) == 4:
        if shape[3] == 1:
            shape = shape[:3]
        elif shape[1] != 1:
            return False
    free = named and None in shape[-2:]
    return free or is_map(shape, evidence.input_wh)


def _kinds(evidence: Evidence, output: TensorSpec, claims: Claims) -> Sequence[str]:
    claim = claims.get('settings.kind')
    if claim is not None and claim.sure:
        return (claim.value,)
    name = output.name.lower()
    if any(word in name for word in _INVERSE):
        return ('inverse_depth',)
    first = claim.value if claim is not None else 'inverse_depth'
    return tuple(dict.fromkeys((first, *_possible(evidence, output))))


def _possible(evidence: Evidence, output: TensorSpec) -> Iterator[str]:
    """Yields the kinds that go with the values on pictures: no distance is below zero."""
    values = evidence.values(output)
    below = values is not None and bool((values < 0).any())
    yield from (kind for kind in _MEANINGS if not (below and kind == 'metric'))
