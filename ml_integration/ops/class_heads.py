"""Heads of classifiers: which numbers of a model's outputs are the classes of which head."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from ml_integration.core.datatypes import Array, ModelDescription, Tensors, TensorSpec
from ml_integration.errors import ModelMismatchError, SettingError
from ml_integration.ops.decoding import check_output, class_count, the_output

_READS = '[1, classes], [classes] or [1, classes, 1, 1]'


@dataclass(frozen=True, slots=True)
class Head:
    """Classes of which some are true, apart from those of other heads.

    Attributes:
        name: part of the topic's name; empty for the only one.
        first: number of its first class among all.
        count: number of its classes.
    """

    name: str
    first: int
    count: int


class HeadReader:
    """Reads the numbers of each head.

    Args:
        names: of the heads; none for a model with one.
        counts: number of the classes of each; none if each is an output of its own.
        model: its labels are those of all heads, one after another.

    Attributes:
        heads: the heads.
        batched: whether the first axis of every output counts pictures.

    Raises:
        SettingError: names are none of topics, or not one per head.
        ModelMismatchError: the outputs are not those of such heads.
    """

    def __init__(
        self, names: Sequence[str], counts: Sequence[int], model: ModelDescription
    ) -> None:
        _check_names(names, counts, str(model.identity))
        outputs = model.outputs if names else (the_output(model),)
        self._outputs = [spec.name for spec in outputs]
        self.batched = all(len(spec.shape) > 1 for spec in outputs)
        if names:
            sizes = [_size_of(spec, model) for spec in outputs]
            counts = counts or sizes
            _check_counts(names, counts, sum(sizes), model)
        else:
            size = _known_size(outputs[0])
            counts = (class_count(model, size, others=0),)
            _check(model, outputs[0], counts[0])
        starts = accumulate(counts, initial=0)
        named = names or ('',)
        self.heads = tuple(
            Head(name, first, count)
            for name, first, count in zip(named, starts, counts, strict=False)
        )

    def __call__(self, outputs: Tensors) -> list[Array]:
        """Returns the numbers (C,) float32 of each head, copies."""
        arrays = [outputs[name].reshape(-1).astype(np.float32) for name in self._outputs]
        numbers = np.concatenate(arrays) if len(arrays) > 1 else arrays[0]
        return [numbers[head.first : head.first + head.count] for head in self.heads]


def _check_names(names: Sequence[str], counts: Sequence[int], where: str) -> None:
    fine = all(re.fullmatch(r'[A-Za-z]\w*', name, re.ASCII) for name in names)
    if not fine or len(set(names)) < len(names):
        expected = 'names of letters, digits and _, each once'
        raise SettingError('heads', list(names), expected, where=where)
    if counts and len(counts) != len(names):
        raise SettingError(
            'head_classes', list(counts), f'one per head, of which there are {len(names)}',
            where=where,
        )  # fmt: skip


def _check_counts(
    names: Sequence[str], counts: Sequence[int], total: int, model: ModelDescription
) -> None:
    labels = len(model.labels)
    if len(counts) == len(names) and sum(counts) == total and labels in (0, total):
        return
    shown = ', '.join(f'{size} classes' for size in counts)
    raise ModelMismatchError(
        str(model.identity),
        'the heads do not fit the outputs or the labels',
        f'{"; ".join(map(str, model.outputs))} ({shown}), {labels} labels',
        f'heads {", ".join(names)}, one per output or as many classes as head_classes says, and '
        'the labels of all heads one after another',
        "Correct 'heads', 'head_classes' or the labels of the manifest.",
    )


def _known_size(output: TensorSpec) -> int | None:
    batch = len(output.shape) > 1
    return (output.shape[batch : batch + 1] or (None,))[0]


def _size_of(output: TensorSpec, model: ModelDescription) -> int:
    size = _known_size(output) or 1
    _check(model, output, size)
    return size


def _check(model: ModelDescription, output: TensorSpec, classes: int) -> None:
    batch = (1,) if len(output.shape) > 1 else ()
    # A model that ends in a pooled picture gives [1, classes, 1, 1].
    pooled = (1, 1) if len(output.shape) == 4 else ()
    check_output(model, output, (*batch, classes, *pooled), _READS)
