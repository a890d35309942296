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

# What lies between the class of a detection and its id, in numbers of 8 bytes.
_NUMBERS = 49
_SCORE, _ORIENTATION_W, _CENTER, _THETA, _SIZE = 0, 7, slice(44, 46), 46, slice(47, 49)


def serialize_detections(
    stamp: tuple[int, int],
    frame_id: str,
    xyxy: Array,
    scores: Array,
    classes: Sequence[str],
    angles: Array | None = None,
    ids: Sequence[str] = (),
) -> bytes:
    """Serializes detections; each one has one hypothesis without a pose.

    Args:
        stamp: seconds and nanoseconds, for the header of the array and of each detection.
        frame_id: for the same headers.
        xyxy: (N, 4) boxes [px], left, top, right, bottom.
        scores: (N,) 0 to 1.
        classes: N names.
        angles: (N,) [rad], by which boxes are turned; None: none is.
        ids: N ids; none at all: each one is empty.
    """
    header = cdr_writer.header(stamp, frame_id)
    begin = cdr_writer.ENCAPSULATION + header + struct.pack('<I', len(classes))
    if not classes:
        return begin
    # Both depend on what they hold and on where they begin, and few of them differ.
    heads: dict[tuple[str, int], bytes] = {}
    tails: dict[str, bytes] = {}
    parts, position = [begin], len(begin) - len(cdr_writer.ENCAPSULATION)
    for name, row, number in zip(
        classes, _rows(xyxy, scores, angles), ids or [''] * len(classes), strict=True
    ):
        at = name, position % 8
        head = heads.get(at) or heads.setdefault(at, _head(header, name, position))
        tail = tails.get(number) or tails.setdefault(number, _tail(number))
        parts += (head, row, tail)
        position += len(head) + len(row) + len(tail)
    # What fills up the last one would align the next.
    return b''.join(parts)[: -(len(tail) - len(cdr_writer.text(number))) or None]


def _rows(xyxy: Array, scores: Array, angles: Array | None) -> list[bytes]:
    """The numbers of each detection, from its score to its size, as bytes."""
    numbers = np.zeros((len(scores), _NUMBERS), '<f8')
    low, high = xyxy[:, :2], xyxy[:, 2:]
    numbers[:, _SCORE] = scores
    numbers[:, _ORIENTATION_W] = 1.0
    numbers[:, _CENTER] = (low + high) / 2
    numbers[:, _THETA] = 0.0 if angles is None else angles
    numbers[:, _SIZE] = high - low
    flat, size = numbers.tobytes(), numbers.strides[0]
    return [flat[begin : begin + size] for begin in range(0, len(flat), size)]


def _head(header: bytes, name: str, position: int) -> bytes:
    """A detection up to its score, when it begins at `position`."""
    head = header + struct.pack('<I', 1) + cdr_writer.text(name)
    return cdr_writer.filled(head, 8, position)


def _tail(number: str) -> bytes:
    """The id of a detection, up to where the next detection begins."""
    return cdr_writer.filled(cdr_writer.text(number), 4)
