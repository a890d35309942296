"""Numbers that two models have for classes of the same name."""

from __future__ import annotations

import numpy as np

from ml_integration.core.datatypes import Array, ModelDescription


def renumbered(class_ids: Array, of: ModelDescription, to: ModelDescription) -> Array:
    """Returns class numbers of one model as those of another one.

    Args:
        class_ids: array of integers of any shape, not below 0.
        of: the model that they are of.
        to: the other one.

    Returns:
        Numbers of the same shape; a class that the other model does not know has one that is
        larger than all of its own.
    """
    if of.labels == to.labels:
        return class_ids
    known = {label: number for number, label in reversed(list(enumerate(to.labels)))}
    table = []
    for number in range(int(class_ids.max(initial=0)) + 1):
        label = of.label(number)
        is_number = not to.labels and label.isascii() and label.isdecimal()
        beyond = len(to.labels) + number
        table.append(known.get(label, int(label) if is_number else beyond))
    numbers: Array = np.array(table, np.int32)[class_ids]
    return numbers
