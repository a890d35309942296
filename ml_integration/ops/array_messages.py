"""Makes std_msgs/msg/Float32MultiArray of arrays."""

from __future__ import annotations

from array import array as FloatArray  # noqa: N812
from collections.abc import Sequence
from typing import Any

import numpy as np

from ml_integration.core.contracts import MessageTypes
from ml_integration.core.datatypes import Array

MESSAGE_TYPE = 'std_msgs/msg/Float32MultiArray'


def multi_array(values: Array, labels: Sequence[str], messages: MessageTypes) -> Any:
    """Builds a Float32MultiArray of an array of any sizes, with a label for each dimension."""
    message = messages(MESSAGE_TYPE)()
    dimension_type = messages('std_msgs/msg/MultiArrayDimension')
    stride, dimensions = values.size, []
    for size, label in zip(values.shape, labels, strict=True):
        dimension = dimension_type()
        dimension.label, dimension.size, dimension.stride = label, size, stride
        stride //= max(size, 1)
        dimensions.append(dimension)
    message.layout.dim = dimensions
    message.data = FloatArray('f', np.ascontiguousarray(values, np.float32).tobytes())
    return message
