"""Reads outputs as the heads of a classifier, each with the scores of classes of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ml_integration.core.datatypes import TensorSpec
from ml_integration.exports.guessing.class_numbers import Numbers, activation, numbers_of
from ml_integration.exports.guessing.output_fit import Fit
from ml_integration.ops.evidence import COUNTS, SHAPES, Evidence

_SUFFIXES = ('logits', 'logit', 'probs', 'prob', 'probabilities', 'scores', 'softmax', 'output')


def read_heads(
    evidence: Evidence, told: Mapping[str, Any], found: Sequence[tuple[TensorSpec, int]]
) -> Iterator[Fit]:
    """Yields how all outputs of a model could be heads, where they can.

    Args:
        evidence: about the model; its labels are those of all heads, one after another.
        told: settings of the task that the export states.
        found: outputs, each with the number of its classes.
    """
    counts = [classes for _, classes in found]
    total = sum(counts)
    if evidence.labels not in (0, total):
        return
    each = [numbers_of(evidence, output) for output, _ in found]
    kinds = {numbers.kind for numbers in each}
    if len(kinds) > 1 and 'logits' in kinds:  # one setting is for all of them
        return
    numbers = Numbers(each[0].kind if len(kinds) == 1 else 'scores', each[0].why)
    settings = {**activation(numbers, told, min(counts)), 'heads': told.get('heads')}
    settings['heads'] = settings['heads'] or head_names([output.name for output, _ in found])
    sure = bool(evidence.labels) or kinds == {'shares'}
    shown = ' and '.join(map(str, counts))
    why = f'heads of {shown} classes, all about the whole picture; {numbers.why}'
    outputs = tuple(output for output, _ in found)
    yield Fit('classification', settings, outputs, SHAPES + COUNTS * sure, why, sure)


def head_names(outputs: Sequence[str]) -> tuple[str, ...]:
    """Returns names of heads, each once, that topics can have, of the names of outputs."""
    names = [_plain(name) for name in outputs]
    if len(set(names)) == len(names) and all(re.match('[a-z]', name) for name in names):
        return tuple(names)
    return tuple(f'head_{number}' for number, _ in enumerate(names, 1))


def _plain(output: str) -> str:
    """Returns what tells a head from others in the name of its output."""
    words = re.findall('[a-z0-9]+', re.sub(r':\d+$', '', output).lower())
    while len(words) > 1 and words[-1] in _SUFFIXES:
        words.pop()
    return '_'.join(words)
