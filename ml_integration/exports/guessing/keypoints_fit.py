"""Reads outputs as points of objects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from ml_integration.core.datatypes import TensorSpec
from ml_integration.exports.claims import Claims
from ml_integration.exports.guessing.class_scores import claimed_settings
from ml_integration.exports.guessing.output_fit import Fit
from ml_integration.exports.guessing.regressed_points import regressed
from ml_integration.ops.decoder_choice import rank_decoders
from ml_integration.ops.decoding import grid_of
from ml_integration.ops.evidence import (
    COUNTS,
    NAMES,
    SHAPES,
    Evidence,
    are_fractions,
    are_scores,
)
from ml_integration.ops.output_shapes import column_options, tables_of

TASK = 'keypoints'
_MOST_ROWS = 1000
"""Rows of a model that drops overlapping boxes itself."""
_RATIO = 2.0
"""Bins of SimCC per pixel, in all models of mmpose."""


def read(evidence: Evidence, claims: Claims, named: bool) -> tuple[Fit, ...]:
    """Returns the ways to read points, best first.

    Args:
        evidence: about the model.
        claims: settings of the task that the export states.
        named: whether the export says that it finds points.
    """
    if claims.value('settings.points', '') == 'in_rows':
        return tuple(_in_rows(evidence, claims)) if named else ()
    ways = (_bins, _maps, _listed, _behind_boxes, _with_boxes, regressed)
    found = [fit for way in ways for fit in way(evidence, claims, named)]
    return tuple(sorted(found, key=lambda fit: -fit.score))


def _in_rows(evidence: Evidence, claims: Claims) -> Iterator[Fit]:
    """Yields a table whose rows have as many numbers as the export says."""
    count = claims.value('settings.decoder_options.other_columns', 0)
    end_to_end = claims.value('settings.decoder', '') == 'end_to_end'
    fixed = 6 if end_to_end else 4 + max(1, evidence.labels)
    for output in evidence.outputs:
        if len(output.shape) == 3 and fixed + count in output.shape:
            why = f'rows of {fixed} numbers of a box and {count} of its points'
            options = claims.below('settings.decoder_options.')
            settings = {
                'decoder': claims.value('settings.decoder', ''),
                'decoder_options': dict(options),
                'points': 'in_rows',
                'points_options': dict(claims.below('settings.points_options.')),
            }
            yield _fit(settings, (output,), claims, SHAPES + COUNTS, why)


def _with_boxes(evidence: Evidence, claims: Claims, named: bool) -> Iterator[Fit]:
    """Yields detectors whose rows hold points beside the box by their style."""
    style = claims.value('settings.decoder', '')
    for decoder, found in rank_decoders(
        evidence, style, claims.below('settings.decoder_options.')
    ):
        if not found.points:
            continue
        settings: dict[str, Any] = {'decoder': decoder, 'points': 'in_rows'}
        if found.options:
            settings['decoder_options'] = dict(found.options)
        settings['keypoint_names'] = found.points
        used = tuple(spec for spec in evidence.outputs if spec.name in found.outputs)
        fit = _fit(settings, used, claims, found.score + COUNTS, found.why)
        yield replace(fit, encode=found.encode, doubt=found.doubt, labels=found.labels)


def _behind_boxes(evidence: Evidence, claims: Claims, named: bool) -> Iterator[Fit]:
    """Yields a table of YOLO's boxes whose rows go on with whole points."""
    classes = max(1, evidence.labels)
    shapes = ((4 + classes, 'yolov8', False), (6, 'end_to_end', True))
    for fixed, decoder, upright in shapes if named else ():
        for output, rows, columns in tables_of(evidence, upright):
            size, boxes = (columns, rows) if upright else (rows, columns)
            numbers = next((n for n in (3, 2) if size > fixed and (size - fixed) % n == 0), 0)
            cells = bool(boxes) and grid_of(boxes, evidence.input_wh)[0] == 1
            if not numbers or cells == upright or (upright and boxes and boxes > _MOST_ROWS):
                continue
            tables = evidence.tables(output)
            each = [table if upright else table.T for table in tables]
            fractions = bool(each) and are_fractions(np.concatenate(each)[:, :4])
            points = {'numbers': numbers} if numbers != 3 else {}
            settings = {
                'decoder': decoder,
                'decoder_options': column_options(size - fixed, fractions),
                'points': 'in_rows',
                'points_options': {**points, 'normalized': True} if fractions else points,
            }
            settings = {name: value for name, value in settings.items() if value}
            count = (size - fixed) // numbers
            why = f'rows of {size} = {fixed} numbers of a box and its class, and {count} points'
            yield _fit(settings, (output,), claims, SHAPES, why)


def _bins(evidence: Evidence, claims: Claims, named: bool) -> Iterator[Fit]:
    """Yields a row of bins along x and one along y."""
    pair = [s for s in evidence.outputs if len(s.shape) == 3]
    if len(pair) != 2 or evidence.input_wh is None or pair[0].shape[1] != pair[1].shape[1]:
        return
    told = all('simcc' in spec.name.lower() for spec in pair)
    bins = {round(side * _RATIO) for side in evidence.input_wh}
    fits = {evidence.shape(spec)[2] for spec in pair} == bins
    if fits and (told or named):
        why = 'bins along x and along y for each point'
        yield _fit({'points': 'simcc'}, tuple(pair), claims, SHAPES + COUNTS + NAMES * told, why)


def _maps(evidence: Evidence, claims: Claims, named: bool) -> Iterator[Fit]:
    """Yields a smaller map of the picture for each point."""
    for output in evidence.outputs:
        shape, told = evidence.shape(output), 'heatmap' in output.name.lower()
        wh = evidence.input_wh
        if len(shape) != 4 or wh is None or None in shape[1:] or not (told or named):
            continue
        _, count, height, width = shape
        same = height and width and wh[0] * height == wh[1] * width and wh[0] % width == 0
        if same and count and count > 1:
            settings: dict[str, Any] = {'points': 'heatmaps'}
            options = dict(claims.below('settings.points_options.'))
            if not told and 'keypoint' not in output.name.lower() and len(evidence.outputs) > 1:
                options['points_output'] = output.name
            if options:
                settings['points_options'] = options
            points = SHAPES + COUNTS + NAMES * told
            yield _fit(settings, (output,), claims, points, 'a heatmap for each point')


def _listed(evidence: Evidence, claims: Claims, named: bool) -> Iterator[Fit]:
    """Yields points as an output beside boxes that make sense."""
    points = [s for s in evidence.outputs if _are_points(evidence, s)]
    if len(points) != 1:
        return
    extra = {s.name for s in evidence.outputs if 'keypoint' in s.name.lower()} | {points[0].name}
    others = tuple(s for s in evidence.outputs if s.name not in extra)
    boxes = Evidence(
        evidence.input_wh, others, evidence.labels, evidence.runs, evidence.background
    )
    style = claims.value('settings.decoder', '')
    for decoder, found in rank_decoders(boxes, style, claims.below('settings.decoder_options.')):
        if found.options.get('other_columns', 0) or not _shares_rows(
            evidence, points[0], found.outputs
        ):
            continue
        settings: dict[str, Any] = {'decoder': decoder, 'points': 'listed'}
        if found.options:
            settings['decoder_options'] = dict(found.options)
        if _are_logits(evidence, extra):
            settings['points_options'] = {'sigmoid': True}
        names = {*found.outputs, *extra}
        used = tuple(s for s in evidence.outputs if s.name in names)
        why = f'{found.why}, and points for each'
        yield _fit(settings, used, claims, found.score + COUNTS, why)


def _are_points(evidence: Evidence, spec: TensorSpec) -> bool:
    named = 'keypoint' in spec.name.lower() or 'kpt' in spec.name.lower()
    whole, shape = np.dtype(spec.dtype).kind != 'f', evidence.shape(spec)
    return named and not whole and len(shape) in (3, 4) and shape[-1] in (2, 3)


def _are_logits(evidence: Evidence, names: set[str]) -> bool:
    """Tells whether scores of points, among some outputs, are not from 0 to 1."""
    scores = [s for s in evidence.outputs if s.name in names and 'score' in s.name.lower()]
    values = [evidence.values(spec) for spec in scores]
    return any(numbers is not None and not are_scores(numbers) for numbers in values)


def _shares_rows(evidence: Evidence, points: TensorSpec, boxes: tuple[str, ...]) -> bool:
    """Tells whether there are points for each row of the boxes, in each run."""
    return all(
        int(np.prod(run[points.name].shape[:-2])) in run[boxes[0]].shape for run in evidence.runs
    )


def _fit(
    settings: dict[str, Any],
    used: tuple[TensorSpec, ...],
    claims: Claims,
    score: float,
    why: str,
) -> Fit:
    return Fit(TASK, {**settings, **claimed_settings(TASK, claims)}, used, score, why)
