"""Reads outputs as objects with masks: boxes that a decoder finds, and masks that go with them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ml_integration.core.datatypes import Array, ModelDescription, ModelIdentity, TensorSpec
from ml_integration.errors import ModelMismatchError
from ml_integration.exports.claims import Claims
from ml_integration.exports.guessing.class_scores import claimed_settings
from ml_integration.exports.guessing.output_fit import Fit
from ml_integration.ops.decoder_choice import Choice, rank_decoders
from ml_integration.ops.evidence import COUNTS, SHAPES, Evidence, are_scores
from ml_integration.ops.mask_decoders import masks_output
from ml_integration.ops.output_shapes import mask_coefficients

TASK = 'instance_segmentation'
_SMALL = 64
"""Longest side of a mask in a box [cells]; those of Mask R-CNN have 14, 28 or 56."""


@dataclass(frozen=True, slots=True)
class _Masks:
    """Output with masks: the settings that it needs, and why."""

    output: TensorSpec
    settings: dict[str, Any]
    why: str


def read(evidence: Evidence, claims: Claims, named: bool) -> tuple[Fit, ...]:
    """Returns the ways to read boxes with masks, best first.

    Masks speak clearly by themselves, so it does not matter whether the export names the task:
    there are as many coefficients or grids as boxes need, beside boxes that make sense.
    """
    style = claims.value('settings.decoder', '')
    options = claims.below('settings.decoder_options.')
    found = []
    for masks in _every(evidence):
        mixed = masks.settings['masks'] == 'prototypes'
        others = tuple(spec for spec in evidence.outputs if spec is not masks.output)
        boxes = evidence if mixed else replace(evidence, outputs=others)
        for choice in rank_decoders(boxes, style, options):
            numbers = choice.fit.options.get('other_columns', 0)
            if numbers != (masks.output.shape[-3] if mixed else 0):
                continue
            if mixed or _one_each(evidence, masks.output, choice):
                found.append(_fit(evidence, claims, masks, choice))
    return tuple(sorted(found, key=lambda fit: -fit.score))


def _every(evidence: Evidence) -> Iterator[_Masks]:
    """Yields outputs that could be masks."""
    count = mask_coefficients(evidence)
    for spec in evidence.outputs:
        named = 'mask' in spec.name.lower() and len(spec.shape) == 3
        if not named and len(spec.shape) != 4:
            continue
        if count and spec.shape[1] == count:
            yield _Masks(spec, {'masks': 'prototypes'}, f'{count} prototypes of masks')
        else:
            yield from _of_boxes(evidence, spec)


def _of_boxes(evidence: Evidence, spec: TensorSpec) -> Iterator[_Masks]:
    """Yields how an output holds a mask per box: small in the box, or on the whole picture."""
    arrays = _arrays(evidence, spec)
    sizes = {array.shape[-2:] for array in arrays} or {spec.shape[-2:]}
    shares = all(are_scores(array) for array in arrays)
    small = all(h == w and h is not None and h <= _SMALL for h, w in sizes)
    if small and shares:
        yield _Masks(spec, {'masks': 'in_boxes'}, 'a small mask for each')
    elif arrays or None not in spec.shape[-2:]:
        pasted = shares and bool(arrays)
        activation = {'mask_activation': 'none'} if pasted else {}
        what = 'a mask of the whole picture for each'
        yield _Masks(spec, {'masks': 'whole', **activation}, what)


def _arrays(evidence: Evidence, spec: TensorSpec) -> list[Array]:
    """Returns the masks of the runs that have some, as float32."""
    arrays = [run[spec.name] for run in evidence.runs if spec.name in run]
    return [array.astype(np.float32, copy=False) for array in arrays if array.size]


def _one_each(evidence: Evidence, masks: TensorSpec, choice: Choice) -> bool:
    """Tells whether there are as many masks as rows of the other outputs, in each run."""
    for run in evidence.runs:
        count = int(np.prod(run[masks.name].shape[:-2]))
        if any(count not in run[name].shape for name in choice.fit.outputs[:1]):
            return False
    return True


def _fit(evidence: Evidence, claims: Claims, masks: _Masks, choice: Choice) -> Fit:
    style, boxes = choice
    names = {*boxes.outputs, masks.output.name}
    used = tuple(spec for spec in evidence.outputs if spec.name in names)
    settings: dict[str, Any] = {
        'decoder': style,
        **({'decoder_options': dict(boxes.options)} if boxes.options else {}),
        **masks.settings,
        **_output_setting(used, masks.output),
        **claimed_settings(TASK, claims),
    }
    sure = bool(boxes.score > SHAPES) and not boxes.doubt
    why = f'{boxes.why}, and {masks.why}'
    return Fit(TASK, settings, used, boxes.score + COUNTS, why, sure, boxes.encode, boxes.doubt)


def _output_setting(used: tuple[TensorSpec, ...], masks: TensorSpec) -> dict[str, str]:
    """Returns the setting that names the output, if it would not be found without."""
    model = ModelDescription(ModelIdentity('the model', 1), (), (), used)
    try:
        found = masks_output(model, '')
    except ModelMismatchError:
        found = None
    return {} if found is masks else {'masks_output': masks.name}
