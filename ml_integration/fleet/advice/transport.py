"""Advice about the way of messages to a node."""

from __future__ import annotations

from collections.abc import Iterator

from ml_integration.fleet.advice import Advice
from ml_integration.fleet.situation import Situation, Source

LARGE_BYTES = 64_000
"""A message above this is cut into pieces on a network, a UDP datagram's largest size [bytes]."""
MS_PER_MB = 1.5
"""Time that a megabyte takes through shared memory, seen on several machines [ms]."""
LATE_MS = 20.0
"""Age beyond the node's own stages that is worth looking at [ms]."""
BYTES_PER_PX = 3.0
OVERSIZED = 4.0
"""A picture with so many times the model's pixels is larger than it needs to be."""


def segment(situation: Situation) -> Iterator[Advice]:
    """Finds messages that do not fit into the shared memory of their publisher."""
    for one in situation.sources:
        if 0 < one.segment_bytes < one.message_bytes:
            yield Advice(
                'segment',
                f'{one.topic} has messages of {_mb(one.message_bytes)}, '
                f"and its publisher's segment holds {_mb(one.segment_bytes)}",
                'what does not fit goes through UDP in pieces',
                f'start the publisher with the profile that ml_model dds-profile '
                f'--largest {one.message_bytes:.0f} prints',
                _transport_gain(one),
            )


def fragments(situation: Situation) -> Iterator[Advice]:
    """Finds large messages that come in pieces over a network, slowly or not at all."""
    for one in situation.sources:
        lost = situation.per_s('input', f'{one.of}lost')
        slow = (one.transport_ms or 0.0) > max(6 * MS_PER_MB * one.message_bytes / 1e6, LATE_MS)
        if not one.segment_bytes and one.message_bytes > LARGE_BYTES and (lost > 0 or slow):
            yield Advice(
                'fragments',
                f'{one.topic} has messages of {_mb(one.message_bytes)} from another machine; '
                f'{lost:.1f} per second are lost, transport p50 is {one.transport_ms or 0:.1f} ms',
                'one lost piece costs the whole message',
                'let the camera compress: image_transport:=compressed',
                'pictures of about a tenth of the size',
            )


def late(situation: Situation) -> Iterator[Advice]:
    """Finds results that are old although the node is quick."""
    late_ms = situation.age_ms - situation.p50_ms('total')
    tight = any(segment(situation)) or any(fragments(situation))
    if late_ms > LATE_MS and not tight:
        yield Advice(
            'late',
            f'results are {situation.age_ms:.0f} ms old, and only '
            f'{situation.p50_ms("total"):.0f} ms of it are spent in the node',
            'pictures are late when they come: exposure, driver, decoding or a queue before',
            "look at the publisher: a queue of 1 for its own input, and the stamp at exposure's "
            'end',
            f'up to {late_ms:.0f} ms',
        )


def oversized(situation: Situation) -> Iterator[Advice]:
    """Finds pictures that are much larger than what the model sees."""
    wanted_px = situation.picture_px
    for one in situation.sources:
        has_px = one.message_bytes / BYTES_PER_PX
        handling_ms = (one.transport_ms or 0.0) + situation.p50_ms('decode', 'encode')
        if wanted_px and has_px > OVERSIZED * wanted_px and handling_ms > 2.0:
            yield Advice(
                'oversized',
                f'{one.topic} has pictures of about {has_px / 1e6:.2f} megapixels, and the model '
                f'sees {wanted_px / 1e6:.2f}; transport, decoding and encoding take '
                f'{handling_ms:.1f} ms',
                'most pixels are carried only to be thrown away',
                'let the camera publish smaller pictures (binning, or image_proc resize)',
                f'up to {handling_ms * (1 - wanted_px / has_px):.1f} ms',
            )


def _transport_gain(one: Source) -> str:
    possible_ms = MS_PER_MB * one.message_bytes / 1e6
    if one.transport_ms is None or one.transport_ms <= possible_ms:
        return 'nothing is lost in pieces any more'
    return f'about {one.transport_ms - possible_ms:.1f} of {one.transport_ms:.1f} ms of transport'


def _mb(size: float) -> str:
    return f'{size / 1e6:.2f} MB'
