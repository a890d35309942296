"""Detections as serialized vision_msgs/msg/Detection2DArray, without making a message first.

A hundred detections are a thousand message objects, which take longer to make and to serialize
than many models take to run. Here they are rows of one array.

Source of the layout: vision_msgs 4.1 and geometry_msgs; plain CDR as in `ml_integration.ops.cdr`.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np

from ml_integration.core.datatypes import Array
from ml_integration.ops import cdr_writer

# What follows the class of a detection, in numbers of 8 bytes.
_NUMBERS = 50
_SCORE, _ORIENTATION_W, _CENTER, _THETA, _SIZE, _ID = 0, 7, slice(44, 46), 46, slice(47, 49), 49
_EMPTY_ID = np.frombuffer(b'\x01\0\0\0\0\0\0\0', '<f8')[0]
# The empty id ends here; what the row has behind it only aligns the next detection.
_UNUSED = 3


def serialize_detections(
    stamp: tuple[int, int],
    frame_id: str,
    xyxy: Array,
    scores: Array,
    classes: Sequence[str],
    angles: Array | None = None,
) -> bytes:
    """Serializes detections; each one has one hypothesis and no id or pose.

    Args:
        stamp: seconds and nanoseconds, for the header of the array and of each detection.
        frame_id: for the same headers.
        xyxy: (N, 4) boxes [px], left, top, right, bottom.
        scores: (N,) 0 to 1.
        classes: N names.
        angles: (N,) [rad], by which boxes are turned; None: none is.
    """
    header = cdr_writer.header(stamp, frame_id)
    begin = cdr_writer.ENCAPSULATION + header + struct.pack('<I', len(classes))
    if not classes:
        return begin
    rows = _rows(xyxy, scores, angles)
    # From the second detection on, each one begins at a multiple of 8 behind the encapsulation.
    heads = {name: _head(header, name, 0) for name in set(classes)}
    first = _head(header, classes[0], len(begin) - len(cdr_writer.ENCAPSULATION))
    parts = [begin, first, rows[0]]
    for name, row in zip(classes[1:], rows[1:], strict=True):
        parts += (heads[name], row)
    return b''.join(parts)[:-_UNUSED]


def _rows(xyxy: Array, scores: Array, angles: Array | None) -> list[bytes]:
    """The numbers of each detection, from its score to its id, as bytes."""
    numbers = np.zeros((len(scores), _NUMBERS), '<f8')
    low, high = xyxy[:, :2], xyxy[:, 2:]
    numbers[:, _SCORE] = scores
    numbers[:, _ORIENTATION_W] = 1.0
    numbers[:, _CENTER] = (low + high) / 2
    numbers[:, _THETA] = 0.0 if angles is None else angles
    numbers[:, _SIZE] = high - low
    numbers[:, _ID] = _EMPTY_ID
    flat, size = numbers.tobytes(), numbers.strides[0]
    return [flat[begin : begin + size] for begin in range(0, len(flat), size)]


def _head(header: bytes, name: str, position: int) -> bytes:
    """A detection up to its score, when it begins at `position`."""
    head = header + struct.pack('<I', 1) + cdr_writer.text(name)
    return cdr_writer.filled(head, 8, position)
