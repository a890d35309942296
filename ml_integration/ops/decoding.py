"""Checks outputs of detectors at the start and reads them per frame, for all decoders."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ml_integration.core.datatypes import Array, ModelDescription, TensorSpec
from ml_integration.errors import ModelMismatchError

_NEAR = 0.25
"""Distance to a whole number below which a number stands for it; halves round by 0.06 at 100."""

_USUAL_STRIDES = (
    (8, 16, 32), (16, 32), (8, 16, 32, 64), (4, 8, 16, 32), (8, 16, 32, 64, 128),
    (8,), (16,), (32,),
)  # fmt: skip


def promising(scores: Array, threshold: float) -> Array:
    """Returns the indices of scores (N,) from `threshold` up, NaN and infinities included.

    `scores >= threshold` would be False for NaN: a broken model would look like one that
    sees nothing.
    """
    return np.flatnonzero(~((scores < threshold) & (scores > -np.inf)))


def best_first(scores: Array) -> Array:
    """Returns indices that sort scores (N,): not finite ones, then the best; ties keep order."""
    return np.argsort(np.where(np.isfinite(scores), -scores, -np.inf), kind='stable')


def floats(tensor: Array) -> Array:
    """Returns a tensor with a batch of one as float32 without the batch axis."""
    without_batch: Array = tensor[0]
    return without_batch.astype(np.float32, copy=False)


def softmax(logits: Array) -> Array:
    """Returns the shares of the last axis, which add up to 1; NaN where a logit is infinite."""
    with np.errstate(invalid='ignore'):  # for validation to report
        powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
        shares: Array = powers / powers.sum(axis=-1, keepdims=True)
    return shares


def sigmoid(logits: Array) -> Array:
    """Returns the share of each logit by itself."""
    with np.errstate(over='ignore'):
        shares: Array = 1 / (1 + np.exp(-logits))
    return shares


def class_ids_from(numbers: Array, offset: int) -> Array:
    """Returns class ids (N,) int32 of the model's numbers, which may be floating-point ones.

    A number is rounded to the whole number that is less than a quarter away. What has none, such
    as 2.5 or NaN, is no class number: its id is -1, for validation to report.
    """
    ids = np.asarray(numbers, np.float64) - offset
    nearest = np.rint(np.where(np.isfinite(ids), ids, -1))
    known = (np.abs(ids - nearest) < _NEAR) & (np.abs(nearest) < 2**31)
    return np.where(known, nearest, -1).astype(np.int32)


def count_from(tensor: Array, most: int) -> int:
    """Returns the number of valid rows, rounded; `most` if the model's is not one of 0 to most."""
    (count,) = class_ids_from(tensor.reshape(-1)[:1] if tensor.size else np.array([-1]), 0)
    return int(count) if 0 <= count <= most else most


def in_pixels(boxes: Array, input_wh: tuple[int, int], normalized: bool) -> Array:
    """Returns boxes (N, 4), xyxy or cxcywh, in pixels of the model's input."""
    return boxes * np.array(input_wh * 2, np.float32) if normalized else boxes


def cell_count(input_wh: tuple[int, int], strides: Sequence[int]) -> int:
    """Returns the number of cells of all grids that lie on the model's input."""
    return sum((input_wh[0] // stride) * (input_wh[1] // stride) for stride in strides)


def grid_of(rows: int | None, input_wh: tuple[int, int] | None) -> tuple[int, tuple[int, ...]]:
    """Returns how many rows of a table belong to each cell of a usual set of grids.

    Returns:
        Rows per cell and the strides [px]; 0 and none if the number of rows is no such count.
    """
    for strides in _USUAL_STRIDES if rows and input_wh else ():
        cells = cell_count(input_wh or (0, 0), strides)
        for each in (1, 3) if len(strides) > 1 else (1,):
            if cells and rows == each * cells:
                return each, strides
    return 0, ()


def the_output(model: ModelDescription) -> TensorSpec:
    """Returns the only output of a model.

    Raises:
        ModelMismatchError: there are more.
    """
    if len(model.outputs) == 1:
        return model.outputs[0]
    raise ModelMismatchError(
        str(model.identity),
        'the decoder reads a single output',
        '; '.join(map(str, model.outputs)),
        'one output',
        "Choose another decoder, or list only the detections under 'outputs'.",
    )


def find_output(
    model: ModelDescription, option: str, chosen: str, words: tuple[str, ...]
) -> TensorSpec:
    """Returns the output named `chosen`; if that is empty, the one whose name contains a word.

    Args:
        model: whose outputs to search.
        option: name of the option that `chosen` comes from, for the error.
        chosen: full name of an output, or ''.
        words: lower case, the most telling first.

    Raises:
        ModelMismatchError: there is no such output, or more than one.
    """
    names = {output.name if chosen else output.name.lower(): output for output in model.outputs}
    if (chosen or words[0]) in names:
        return names[chosen or words[0]]
    for word in () if chosen else words:
        found = [output for name, output in names.items() if word in name]
        if len(found) == 1:
            return found[0]
    raise ModelMismatchError(
        str(model.identity),
        f'cannot tell which output is decoder_options.{option}',
        '; '.join(map(str, model.outputs)),
        repr(chosen) if chosen else f'one output with {" or ".join(words)} in its name',
        f"Set 'decoder_options.{option}' to the name of an output.",
    )


def count_output(model: ModelDescription) -> str:
    """Returns the name of the output that says how many rows are valid; empty if there is none."""
    names = (output.name for output in model.outputs)
    return next((n for n in names if 'num' in n.lower() or 'count' in n.lower()), '')


def class_count(model: ModelDescription, size: int | None, others: int) -> int:
    """Returns the number of classes that an axis holds beside `others` numbers, at least 1."""
    return len(model.labels) or max(1, (size or 0) - others)


def check_output(
    model: ModelDescription, output: TensorSpec, shape: tuple[int | None, ...], reads: str
) -> None:
    """Compares an output with what a decoder reads.

    Args:
        model: for the error.
        output: the output.
        shape: expected sizes; None for any, and a first 1 is a batch, which may be free.
        reads: the expected shape in words.

    Raises:
        ModelMismatchError: it has another shape, or does not hold numbers.
    """
    sizes = tuple(output.shape)
    if shape[0] == 1 and sizes[:1] == (None,):
        sizes = (1, *sizes[1:])
    pairs = zip(shape, sizes, strict=False)
    same = len(sizes) == len(shape) and all(wanted in (None, size) for wanted, size in pairs)
    if same and np.dtype(output.dtype).kind in 'fiu':
        return
    expected = ', '.join('any' if size is None else str(size) for size in shape)
    labels = f' with {len(model.labels)} labels' if model.labels else ''
    raise ModelMismatchError(
        str(model.identity),
        f"output '{output.name}' cannot be decoded",
        str(output),
        f'[{expected}]: {reads}{labels}',
        "Choose another decoder, correct the labels, or fix free sizes under 'outputs'.",
    )
