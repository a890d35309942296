"""Finds the axis of an output that counts the classes of each pixel."""

from __future__ import annotations

from ml_integration.core.datatypes import ModelDescription, TensorSpec
from ml_integration.errors import ModelMismatchError


def class_axis(output: TensorSpec, kind: str, model: ModelDescription) -> int | None:
    """Returns which of the last three axes of the output counts classes; None if none does.

    Raises:
        ModelMismatchError: the output is none of such a kind.
    """
    shape, classes = output.shape, len(model.labels) or None
    if kind == 'scores':
        if len(shape) == 3 or (len(shape) == 4 and shape[0] in (1, None)):
            sizes = shape[-3:]
            axes = [
                axis
                for axis in (0, 2)
                if (size := sizes[axis]) is not None and size > 1 and classes in (None, size)
            ]
            (wh,) = model.pictures.values()
            # Where labels do not tell which one it is, the others are shaped as the picture.
            axes.sort(key=lambda axis: not _is_shaped(sizes[1 - axis // 2 :][:2], wh))
            if axes:
                return axes[0]
        reads = '[1, classes, height, width] or [1, height, width, classes], one per label'
    else:
        big = [size for size in shape if size != 1]
        if len(big) == 2 or (len(big) == 3 and shape[0] is None and 1 < len(shape) < 5):
            return None
        reads = '[1, height, width], [1, 1, height, width] or [1, height, width, 1]'
    raise ModelMismatchError(
        str(model.identity),
        f"the output does not hold the '{kind}' of a segmentation",
        f'{output}, {len(model.labels)} labels',
        reads,
        "Correct 'kind' or the labels of the manifest.",
    )


def _is_shaped(hw: tuple[int | None, ...], wh: tuple[int, int]) -> bool:
    """Tells whether height and width of a map have the ratio of a picture's."""
    height, width = hw
    return None in hw or (height or 0) * wh[0] == (width or 0) * wh[1]
