"""Ranks the decoders that could read a model's outputs, by its evidence and by trying them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from ml_integration.core import plugins
from ml_integration.core.datatypes import ModelDescription, ModelIdentity, TensorSpec
from ml_integration.core.declaration import build
from ml_integration.errors import MlIntegrationError, ModelMismatchError
from ml_integration.ops import decoders
from ml_integration.ops.decoders import Candidates, DecoderOptions
from ml_integration.ops.evidence import VALUES, Evidence, Fit, are_scores, plausible_share
from ml_integration.ops.output_shapes import several_grids

LEAST_SCORE = 0.05
"""Boxes below this score are noise and tell nothing about a decoder."""
LEAST_SHARE = 0.3
"""Part of the boxes on a picture that has to make sense for a decoder to be proposed."""
SEEN = 0.25
"""Score from which on a box is an object."""
CROWDED = 0.5
"""Part of a model's boxes that cannot all be objects."""
CONCENTRATED = 0.8
"""Part of the objects that are not all of one class, if there are many."""
MOST_BOXES = 300
"""As many of the best boxes of a picture are looked at."""


class Choice(NamedTuple):
    """Decoder that could read a model's outputs."""

    style: str
    fit: Fit


def rank_decoders(
    evidence: Evidence, style: str = '', options: Mapping[str, Any] | None = None
) -> list[Choice]:
    """Returns the decoders that fit, with their options, best first.

    Args:
        evidence: about the model.
        style: the only decoder to look at; empty for all of them.
        options: of the decoder, which somebody knows already.
    """
    found: list[Choice] = []
    for name in (style,) if style else plugins.names(decoders.PLUGINS):
        for fit in _fits(name, evidence):
            told = replace(fit, options={**fit.options, **(options or {})})
            if (tried := _tried(name, told, evidence)) is not None:
                found.append(Choice(name, tried))
    return sorted(found, key=lambda choice: -choice.fit.score)


def reads_heads(evidence: Evidence) -> bool:
    """Tells whether a decoder reads outputs that look like heads before they are decoded."""
    return any(
        fit.raw for style in plugins.names(decoders.PLUGINS) for fit in _fits(style, evidence)
    )


def _fits(style: str, evidence: Evidence) -> tuple[Fit, ...]:
    apart = several_grids(evidence)  # where what reads one table of boxes would miss the others
    try:
        return tuple(fit for fit in decoders.load(style).fits(evidence) if fit.raw or not apart)
    except MlIntegrationError:  # a broken plug-in of somebody else
        return ()


def _tried(style: str, fit: Fit, evidence: Evidence) -> Fit | None:
    """Returns a fit with the points of a trial; None if the decoder makes nonsense of a run."""
    outputs = tuple(spec for spec in evidence.outputs if spec.name in fit.outputs)
    labels = tuple(map(str, range(evidence.labels)))
    model = ModelDescription(ModelIdentity('the model', 1), labels, (), outputs)
    wh = evidence.input_wh or (1, 1)
    try:
        decode = decoders.load(style)(model, wh, build(DecoderOptions, fit.options, style))
        if not evidence.runs or evidence.input_wh is None:
            return fit
        with np.errstate(all='ignore'):
            every = [decode(run, LEAST_SCORE) for run in evidence.runs]
    except (ModelMismatchError, ValueError, IndexError):
        return None
    judged = _judged(fit, [_best(found) for found in every], evidence, wh)
    if judged is None or not _is_crowded(fit, every, evidence, outputs):
        return judged
    # One column of several that is high everywhere is none of a class, but an angle for example.
    seen = np.concatenate([one.class_ids[one.scores >= SEEN] for one in every])
    single = seen.max() > 0 and np.bincount(np.maximum(seen, 0)).max() > CONCENTRATED * len(seen)
    doubt = 'one class would be on most of the picture, on every one' if single else ''
    return replace(judged, score=judged.score - VALUES, doubt=doubt)


def _is_crowded(
    fit: Fit,
    found: Sequence[Candidates],
    evidence: Evidence,
    outputs: tuple[TensorSpec, ...],
) -> bool:
    """Tells whether most boxes of a model are objects, as if 'no object' were a class."""
    rows = min(max(run[s.name].shape, default=0) for run in evidence.runs for s in outputs)
    most = max(rows * CROWDED, 50)
    if 'top_k' not in fit.options and all((np.diff(one.scores) <= 0).all() for one in found):
        return False  # the model chose and ranked them itself
    return all(np.count_nonzero(one.scores >= SEEN) > most for one in found)


def _best(candidates: Candidates) -> Candidates:
    return candidates.take(np.argsort(-candidates.scores, kind='stable')[:MOST_BOXES])


def _judged(
    fit: Fit, found: list[Candidates], evidence: Evidence, wh: tuple[int, int]
) -> Fit | None:
    xyxy = np.concatenate([one.xyxy for one in found])
    scores = np.concatenate([one.scores for one in found])
    class_ids = np.concatenate([one.class_ids for one in found])
    if not len(scores):
        return fit
    high = evidence.labels or np.iinfo(np.int32).max
    known = float(np.mean((class_ids >= 0) & (class_ids < high)))
    share = plausible_share(xyxy, wh)
    if not are_scores(scores) or share < LEAST_SHARE or known < LEAST_SHARE:
        return None
    percent = f'{100 * share:.0f} % of its boxes on the sample make sense'
    return replace(fit, score=fit.score + VALUES * share * known, why=f'{fit.why}; {percent}')
