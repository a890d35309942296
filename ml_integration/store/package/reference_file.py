"""The reference as a file of a package: `reference.npz`, with the arrays and texts of it."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ml_integration.core.blocks import BlockRule
from ml_integration.core.datatypes import Array
from ml_integration.core.drift_reference import Limits, Reference
from ml_integration.core.score_calibration import ScoreCalibration
from ml_integration.errors import ManifestError
from ml_integration.store.package.stored_arrays import read_arrays

REFERENCE = 'reference.npz'
MOST_BLOCKS, MOST_SIGNALS = 20_000, 64
"""Blocks, 5.5 h of them, and signals of the largest reference."""
MOST_FRAMES = 100_000
"""Most frames that a block can need."""
LONGEST = 200
"""Characters of the longest text."""
LARGEST = 2**23
"""Bytes of the largest file."""
_TEXTS = ('model', 'sha256', 'data', 'made_by')
_NUMBERS = ('block_s', 'block_frames', 'per_block', 'in_a_row', 'independent')
_CALIBRATION = ('temperature', 'error', 'raw_error', 'accuracy', 'pictures')
"""Numbers that are there all or none."""
_BOUNDS: Mapping[str, tuple[float, float]] = {
    'block_s': (0.0, 3600.0),
    'block_frames': (1.0, MOST_FRAMES),
    'per_block': (1e-9, 1.0),
    'in_a_row': (1.0, 1000.0),
    'independent': (0.0, MOST_BLOCKS),
    'temperature': (0.01, 100.0),
    'error': (0.0, 1.0),
    'raw_error': (0.0, 1.0),
    'accuracy': (0.0, 1.0),
    'pictures': (1.0, 1e9),
}


def packed_reference(reference: Reference) -> bytes:
    """Returns the content of the file; the same reference gives the same bytes."""
    limits, rule = reference.limits, reference.rule
    arrays = {
        'blocks': reference.blocks.astype(np.float32),
        'names': np.array(reference.names),
        'center': limits.center,
        'scale': limits.scale,
        'level': limits.level,
        'step': limits.step,
        'shape': limits.shape,
        'block_s': np.float64(rule.seconds),
        'block_frames': np.float64(rule.frames),
        'per_block': np.float64(limits.per_block),
        'in_a_row': np.float64(limits.in_a_row),
        'independent': np.float64(limits.independent),
        **{name: np.array(getattr(reference, name)) for name in _TEXTS},
        **_calibration_arrays(reference.calibration),
    }
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)  # type: ignore[arg-type]
    return stream.getvalue()


def parse_reference(data: bytes, file: Path) -> Reference:
    """Reads a reference; nothing of it is believed before it is checked.

    Args:
        data: the file's content.
        file: where it comes from, for errors.

    Raises:
        ManifestError: it is not such a file.
    """
    if len(data) > LARGEST:
        raise ManifestError(file, 'reference', f'{len(data)} bytes', f'at most {LARGEST}')
    most = {'blocks': MOST_BLOCKS * MOST_SIGNALS, 'names': MOST_SIGNALS * LONGEST}
    small = dict.fromkeys(
        (*_NUMBERS, *_TEXTS, *_OF_SIGNALS, *_CALIBRATION), 3 * MOST_SIGNALS * LONGEST
    )
    arrays = read_arrays(data, file, {**most, **small}, 'reference')
    try:
        return _reference(arrays)
    except (KeyError, ValueError, TypeError) as error:
        what = f'the reference is not one: {error}'
        hint = "Take it and the key 'reference' away, and make it anew with ml_model profile."
        raise ManifestError(file, 'reference', '', '', hint, what=what) from error


_OF_SIGNALS: Mapping[str, int] = {'center': 1, 'scale': 1, 'level': 3, 'step': 3, 'shape': 3}
"""Arrays with a number per signal, and how many rows of them."""


def _reference(arrays: Mapping[str, Array]) -> Reference:
    wanted = {'blocks', 'names', *_NUMBERS, *_TEXTS, *_OF_SIGNALS}
    if arrays.keys() & set(_CALIBRATION):
        wanted |= set(_CALIBRATION)
    if odd := arrays.keys() ^ wanted:
        raise ValueError(f'arrays that are missing or unknown: {", ".join(sorted(odd))}')
    texts = {name: _text(name, arrays[name]) for name in _TEXTS}
    numbers = {name: _number(name, arrays[name]) for name in _NUMBERS}
    names = _names(arrays['names'])
    blocks = arrays['blocks']
    if blocks.dtype != np.float32 or blocks.ndim != 2 or blocks.shape[1] != len(names):
        raise ValueError(f'blocks is {blocks.dtype}{blocks.shape} for {len(names)} names')
    if not 1 <= len(blocks) <= MOST_BLOCKS or np.isinf(blocks).any():
        raise ValueError(f'blocks has {len(blocks)} rows, or numbers that are infinite')
    each = {
        name: _of_signals(name, arrays[name], rows, len(names))
        for name, rows in _OF_SIGNALS.items()
    }
    if not (each['scale'] > 0).all():
        raise ValueError('a scale is not above 0')
    limits = Limits(
        **each,
        per_block=numbers['per_block'],
        in_a_row=int(numbers['in_a_row']),
        independent=numbers['independent'],
    )
    rule = BlockRule(numbers['block_s'], int(numbers['block_frames']))
    calibration = _calibration(arrays) if 'temperature' in arrays else None
    return Reference(
        names=names, blocks=blocks, rule=rule, limits=limits, calibration=calibration, **texts
    )


def _calibration_arrays(calibration: ScoreCalibration | None) -> Mapping[str, Array]:
    if calibration is None:
        return {}
    return {name: np.array(float(getattr(calibration, name))) for name in _CALIBRATION}


def _calibration(arrays: Mapping[str, Array]) -> ScoreCalibration:
    temperature, error, raw_error, accuracy, pictures = (
        _number(name, arrays[name]) for name in _CALIBRATION
    )
    return ScoreCalibration(temperature, error, raw_error, accuracy, int(pictures))


def _names(array: Array) -> tuple[str, ...]:
    if array.dtype.kind != 'U' or array.ndim != 1 or not 1 <= len(array) <= MOST_SIGNALS:
        raise ValueError(f'names is {array.dtype}{array.shape}')
    names = tuple(array.tolist())
    for name in names:
        if not 0 < len(name) <= LONGEST or not name.isprintable() or names.count(name) > 1:
            raise ValueError(f'the name {name[:LONGEST]!a} is odd, or there twice')
    return names


def _text(name: str, array: Array) -> str:
    if array.dtype.kind != 'U' or array.ndim:
        raise ValueError(f'{name} is {array.dtype}{array.shape}, not a text')
    text = str(array)
    if len(text) > LONGEST or not text.isprintable():
        raise ValueError(f'{name} is no plain text of at most {LONGEST} characters')
    return text


def _number(name: str, array: Array) -> float:
    low, high = _BOUNDS[name]
    if array.dtype != np.float64 or array.ndim or not low <= float(array) <= high:
        raise ValueError(f'{name} is no number from {low:g} to {high:g}')
    return float(array)


def _of_signals(name: str, array: Array, rows: int, signals: int) -> Array:
    shape = (signals,) if rows == 1 else (rows, signals)
    if array.dtype != np.float64 or array.shape != shape or not np.isfinite(array).all():
        raise ValueError(f'{name} is {array.dtype}{array.shape}, not finite float64{shape}')
    high = {'step': np.inf, 'shape': 1.0}.get(name)
    if high is not None and ((array < 0) | (array > high)).any():
        raise ValueError(f'{name} is not from 0 to {high:g}')
    return array
