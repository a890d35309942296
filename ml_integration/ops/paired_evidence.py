"""Tells from outputs with boxes and scores apart how `boxes_and_scores` would read them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from ml_integration.core.datatypes import Array, TensorSpec
from ml_integration.ops.decoding import grid_of
from ml_integration.ops.evidence import (
    COUNTS,
    NAMES,
    SHAPES,
    Evidence,
    Fit,
    are_fractions,
    are_scores,
)
from ml_integration.ops.output_shapes import name_option, of_tensorflow, three_lists
from ml_integration.ops.picture_input import IMAGENET_MEAN, IMAGENET_STD

BOX_WORDS = ('boxes', 'box', 'dets')
SCORE_WORDS = ('logits', 'logit', 'scores', 'score', 'class', 'confs', 'labels')
_DETR_CLASSES = 92
"""91 numbers of COCO and 'no object': what every DETR and YOLOS that was not trained anew has."""
_LOW = -1.5
"""Logit of a class that is not there, in a model whose classes have a sigmoid each."""
_QUERIES = 1000
"""More boxes than this are those of a grid, which overlap."""
_IMAGENET = {'mean': IMAGENET_MEAN, 'std': IMAGENET_STD, 'resize': 'stretch'}


class _Pair(NamedTuple):
    """Boxes and scores of the same N boxes.

    Attributes:
        rows: the number of boxes.
        classes: the number of scores per box, background included.
        values: scores of the runs (M, classes); None without runs.
    """

    boxes: TensorSpec
    scores: TensorSpec
    rows: int | None
    classes: int
    values: Array | None

    @property
    def activated(self) -> bool:
        """Whether scores are no logits, by their name or by the runs."""
        if 'logit' in self.scores.name.lower():
            return False
        if self.values is not None:
            return are_scores(self.values)
        return self.scores.name != 'labels'

    @property
    def of_transformer(self) -> bool:
        """Whether the names are those that all of DETR's descendants give."""
        return (self.boxes.name, self.scores.name) == ('pred_boxes', 'logits')


def paired_fits(evidence: Evidence) -> Iterator[Fit]:
    """Yields the ways to read a pair of boxes and scores; none if there is no such pair."""
    pair = _find(evidence)
    if pair is None or three_lists(evidence) is not None:
        return
    names = f'{pair.boxes.name} {pair.scores.name}'.lower()
    score = SHAPES + NAMES * ('box' in names or 'dets' in names)
    options: dict[str, Any] = {
        **name_option('boxes_output', pair.boxes, BOX_WORDS, (pair.boxes, pair.scores)),
        **name_option('scores_output', pair.scores, SCORE_WORDS, (pair.boxes, pair.scores)),
    }
    each, _ = grid_of(pair.rows, evidence.input_wh)
    queries = pair.rows is not None and pair.rows <= _QUERIES and not (each and pair.activated)
    score += COUNTS * bool(each or queries)
    outputs = (pair.boxes.name, pair.scores.name)
    roboflow = outputs == ('dets', 'labels')
    for boxes in _box_options(evidence, pair, queries):
        for fit in _score_fits(evidence, pair, queries):
            options_of = {**options, **boxes, **fit.options} | ({} if queries else {'nms': True})
            yield replace(
                fit, score=score + fit.score, options=options_of, outputs=outputs,
                encode=_IMAGENET if roboflow else {},
            )  # fmt: skip


def _find(evidence: Evidence) -> _Pair | None:
    floats = [s for s in evidence.outputs if np.dtype(s.dtype).kind == 'f' and len(s.shape) > 2]
    boxes = [s for s in floats if s.shape[-1] == 4 and not _named(s, SCORE_WORDS)]
    boxes = [s for s in boxes if 'raw' not in s.name.lower()]
    chosen = [s for s in boxes if _named(s, BOX_WORDS)] or boxes
    for spec in chosen[:1]:
        rows = evidence.shape(spec)[1]
        others = [s for s in floats if s is not spec and len(s.shape) == 3 and s not in chosen]
        named = [s for s in others if _named(s, SCORE_WORDS)] or others
        for other in named:
            if (pair := _paired(evidence, spec, other, rows)) is not None:
                return pair
    return None


def _paired(
    evidence: Evidence, boxes: TensorSpec, scores: TensorSpec, rows: int | None
) -> _Pair | None:
    first, second = evidence.shape(scores)[1:]
    tables = evidence.tables(scores)
    turned = (rows == second and rows != first) or (first is not None and second is None)
    if not turned and rows != first:
        return None
    classes = first if turned else second
    if classes is None:
        return None
    both = [table.T for table in tables] if turned else list(tables)
    return _Pair(boxes, scores, rows, classes, np.concatenate(both) if both else None)


def _box_options(evidence: Evidence, pair: _Pair, queries: bool) -> Iterator[dict[str, Any]]:
    """Yields formats and units of the boxes that the values allow."""
    values = evidence.values(pair.boxes)
    usable = values is not None and np.isfinite(values).all() and (values != 0).any()
    fractions = are_fractions(values) if usable and values is not None else queries
    units: dict[str, Any] = {'normalized': True} if fractions else {}
    if pair.of_transformer:
        yield {'normalized': True, 'box_format': 'cxcywh'}
        return
    if not usable or values is None:
        yield {**units, **({'box_format': 'cxcywh'} if queries else {})}
        return
    corners = bool((values[:, 2:] >= values[:, :2] - 1e-3).all())
    sizes = bool((values[:, 2:] >= 0).all())
    if corners and len(values) > 1:
        if of_tensorflow((pair.boxes.name, pair.scores.name)):
            yield {**units, 'box_format': 'yxyx'}
        yield units
    elif sizes:
        yield {**units, 'box_format': 'cxcywh'}
        if not queries:
            yield {**units, 'box_format': 'xywh'}


def _score_fits(evidence: Evidence, pair: _Pair, queries: bool) -> Iterator[Fit]:
    """Yields activations and backgrounds that the values and the labels allow."""
    spare = pair.classes - evidence.labels if evidence.labels else None
    if spare not in (None, 0, 1):
        return
    points = COUNTS * (spare == 0)
    what = f'boxes and {pair.classes} scores apart'
    values = pair.values
    if values is not None and pair.activated:
        yield from _activated(pair, values, spare, what)
        return
    named = values is None and 'logit' not in pair.scores.name.lower() and not queries
    if named:
        yield Fit(points, what, {})
        return
    top = {'top_k': pair.rows} if queries and pair.rows else {}
    if pair.scores.name == 'labels':  # Roboflow's, which has a class that is never trained
        last = {'background': 'last'} if spare == 1 else {}
        yield Fit(COUNTS, f'{what}, sigmoid', {'activation': 'sigmoid', **last, **top})
        return
    place = _place_of_background(pair)
    softmax = {'activation': 'softmax', 'background': place}
    for_softmax, for_sigmoid = _weights(pair, spare)
    if for_softmax:
        yield Fit(for_softmax, f"{what}, softmax with 'no object' {place}", softmax)
    if for_sigmoid:
        yield Fit(for_sigmoid, f'{what}, sigmoid', {'activation': 'sigmoid', **top})


def _activated(pair: _Pair, values: Array, spare: int | None, what: str) -> Iterator[Fit]:
    """Yields how probabilities are read: shares of one have a background among them."""
    if np.allclose(values.sum(axis=1), 1, atol=0.02) and pair.classes > 1 and spare != 0:
        means = values.mean(axis=0)
        first = bool(means[0] > means[-1])
        yield Fit(
            COUNTS, f'{what}, with a background', {'background': 'first' if first else 'last'}
        )
    elif spare != 1:
        yield Fit(COUNTS * (spare == 0), what, {})


def _place_of_background(pair: _Pair) -> str:
    """Tells where the class is that wins in most boxes: first in an SSD, last in a DETR."""
    if pair.values is None or pair.of_transformer or pair.classes < 2:
        return 'last'
    best = pair.values.argmax(axis=1)
    return 'first' if np.mean(best == 0) > np.mean(best == pair.classes - 1) else 'last'


def _weights(pair: _Pair, spare: int | None) -> tuple[float, float]:
    """Returns points for a softmax with a background and for a sigmoid, 0 where ruled out.

    In most queries of a model with a background its logit is the highest; without one nearly all
    logits are far below zero. A model that was not trained does neither.
    """
    if spare == 1:
        return COUNTS, 0.0
    if spare == 0:
        return 0.0, COUNTS
    if pair.values is not None and pair.classes > 2:
        best = pair.values.argmax(axis=1)
        first = not pair.of_transformer and float(np.mean(best == 0)) > 0.5
        if first or float(np.mean(best == pair.classes - 1)) > 0.5:
            return COUNTS, SHAPES
        if float(np.median(pair.values)) < _LOW:
            return SHAPES, COUNTS
    return COUNTS, 0.0 if pair.classes == _DETR_CLASSES else COUNTS


def _named(spec: TensorSpec, words: tuple[str, ...]) -> bool:
    return any(word in spec.name.lower() for word in words)
