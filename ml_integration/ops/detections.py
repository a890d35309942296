"""Objects that were found in a picture: the result of every task that finds objects."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ml_integration.core.datatypes import Array
from ml_integration.ops.details import Detail

_EACH = {
    'xyxy': ('float32', (4,)),
    'scores': ('float32', ()),
    'class_ids': ('int32', ()),
    'angles': ('float32', ()),
    'keypoints': ('float32', (None, 3)),
    'ids': ('int64', ()),
    'centers_m': ('float32', (3,)),
    'sizes_m': ('float32', (3,)),
}
"""Dtype and sizes that each object has of a field."""


@dataclass(frozen=True, slots=True)
class Detections:
    """Objects that were found in one picture, best first.

    What a model or a stage does not give is None.

    Attributes:
        xyxy: (N, 4) float32 [px of the picture], left, top, right, bottom; of a rotated box those
            that it has before it is turned around its center.
        scores: (N,) float32, 0 to 1.
        class_ids: (N,) int32, index into the model's labels.
        found: number of objects before the cut to `max_detections`.
        angles: (N,) float32 [rad], how far each box is turned from the x axis towards the y axis,
            which is clockwise to the eye.
        instances: (H, W) uint8 or uint16, of the picture's size: 1 + index of the object that a
            pixel belongs to, 0 where there is none; the better object has a pixel of two.
        keypoints: (N, K, 3) float32, x and y [px of the picture] and score, 0 to 1.
        ids: (N,) int64, the number that an object keeps from picture to picture; 0: none yet.
        centers_m: (N, 3) float32 [m], center in the camera's optical frame; NaN where unknown.
        sizes_m: (N, 3) float32 [m], extent along the axes of that frame; NaN where unknown.
        details: what a second model says of each of the N objects; None of those that it was not
            asked about, or that it says nothing of.
    """

    xyxy: npt.NDArray[np.float32]
    scores: npt.NDArray[np.float32]
    class_ids: npt.NDArray[np.int32]
    found: int
    angles: npt.NDArray[np.float32] | None = None
    instances: npt.NDArray[Any] | None = None
    keypoints: npt.NDArray[np.float32] | None = None
    ids: npt.NDArray[np.int64] | None = None
    centers_m: npt.NDArray[np.float32] | None = None
    sizes_m: npt.NDArray[np.float32] | None = None
    details: tuple[Detail | None, ...] | None = None

    def __post_init__(self) -> None:
        count = len(self.scores)
        for name, (dtype, sizes) in _EACH.items():
            array = getattr(self, name)
            if array is not None and not _holds(array, dtype, (count, *sizes)):
                wanted = f'{dtype}{(count, *sizes)}'
                raise ValueError(f'{name} is {array.dtype}{array.shape}, not {wanted}')
        if self.details is not None and len(self.details) != count:
            raise ValueError(f'there are {len(self.details)} details of {count} objects')
        image = self.instances
        if image is not None and (image.ndim != 2 or image.dtype.name not in ('uint8', 'uint16')):
            raise ValueError(
                f'instances is {image.dtype}{image.shape}, not uint8 or uint16 (H, W)'
            )

    def __len__(self) -> int:
        return len(self.scores)

    def classes(self, label: Callable[[int], str]) -> list[str]:
        """Returns the name of each object's class; `label` gives that of a class."""
        return [label(class_id) for class_id in self.class_ids.tolist()]

    @property
    def names(self) -> list[str]:
        """Ids as text, as messages have them; empty for objects without a number."""
        if self.ids is None:
            return [''] * len(self)
        return [str(number) if number else '' for number in self.ids.tolist()]

    def take(self, which: Array) -> Detections:
        """Returns some of the objects, in the order of their indices `which` (M,)."""
        chosen: dict[str, Any] = {
            field.name: getattr(self, field.name)[which]
            for field in fields(self)
            if field.name in _EACH and getattr(self, field.name) is not None
        }
        if self.instances is not None:
            chosen['instances'] = self._renumbered(which)
        if self.details is not None:
            chosen['details'] = tuple(self.details[index] for index in which.tolist())
        return replace(self, **chosen)

    def _renumbered(self, which: Array) -> Array:
        assert self.instances is not None
        numbers = np.zeros(len(self) + 1, self.instances.dtype)
        numbers[which + 1] = np.arange(1, len(which) + 1)
        image: Array = numbers[self.instances]
        return image


def _holds(array: Array, dtype: str, shape: tuple[int | None, ...]) -> bool:
    """Tells whether an array has a dtype and a shape, of which None is any size."""
    return (
        array.dtype.name == dtype
        and array.ndim == len(shape)
        and all(w is None or w == s for w, s in zip(shape, array.shape, strict=True))
    )
