"""Situation of one node over some seconds, as its statuses tell it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod

from ml_integration.fleet.figures import largest
from ml_integration.fleet.status import Status

Statuses = Mapping[str, Status]
"""Newest statuses of one node by concern, such as 'latency'."""
_TENSOR = re.compile(r'(?P<name>[^,:]+): \w+\[(?P<sizes>[^\]]*)\]')
_RATE = 'rate [Hz]'


@dataclass(frozen=True, slots=True)
class Source:
    """Messages that a node gets on one topic.

    Attributes:
        of: beginning of its keys; empty for the only one of a node.
        topic: its full name.
        rate_hz: messages per second.
        message_bytes: size of the last one; 0 if it was handed over inside the process.
        segment_bytes: shared memory of its publishers; 0 where it is not known.
        transport_ms: median from stamp to arrival; None where it is not known.
    """

    of: str
    topic: str
    rate_hz: float
    message_bytes: float
    segment_bytes: float
    transport_ms: float | None


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known of one node.

    Attributes:
        node: its full name, without the leading slash.
        now: its newest statuses.
        before: those from some seconds before.
        elapsed_s: time between both [s].
        machine: the newest statuses of all nodes of the same machine, this one included.
    """

    node: str
    now: Statuses
    before: Statuses
    elapsed_s: float
    machine: Sequence[Statuses] = ()

    def number(self, concern: str, key: str) -> float:
        """Returns the number that a status tells now; NaN if there is none."""
        return number(self.now, concern, key)

    def text(self, concern: str, key: str) -> str:
        """Returns the text that a status tells now; empty if there is none."""
        status = self.now.get(concern)
        return status.values.get(key, '') if status else ''

    def per_s(self, concern: str, key: str) -> float:
        """Returns by how much a count has grown per second; NaN where that is not known."""
        grown = self.number(concern, key) - number(self.before, concern, key)
        return grown / self.elapsed_s if grown >= 0 and self.elapsed_s > 0 else float('nan')

    def p50_ms(self, *stages: str) -> float:
        """Returns the sum of the medians of stages [ms]; NaN if one is not known."""
        return sum(self.number('latency', f'{stage} p50 [ms]') for stage in stages)

    @property
    def process(self) -> Sequence[Statuses]:
        """The newest statuses of the nodes that share its process, its own included."""
        pid = self.number('resources', 'pid')
        same = [one for one in self.machine if number(one, 'resources', 'pid') == pid]
        return same or (self.now,)

    @property
    def age_ms(self) -> float:
        """Median age of results, of the oldest stream [ms]; NaN where it is not known."""
        status = self.now.get('input')
        age_ms = largest(status, 'age p50 [ms]') if status else None
        return float('nan') if age_ms is None else age_ms

    @property
    def sources(self) -> Iterator[Source]:
        """The topics that the node listens to and hears."""
        status = self.now.get('input')
        for key in status.values if status else ():
            of = key.removesuffix(_RATE)
            if key.endswith(_RATE) and self.number('input', key) > 0:
                transport_ms = self.number('input', f'{of}transport p50 [ms]')
                yield Source(
                    of,
                    self.text('input', f'{of}topic'),
                    self.number('input', key),
                    _known(self.number('input', f'{of}serialized [bytes]')),
                    _known(self.number('input', f'{of}segment [bytes]')),
                    None if transport_ms != transport_ms else transport_ms,
                )

    @property
    def frames_hz(self) -> float:
        """Frames that came to start runs, per second; NaN where that is not known."""
        return self.per_s('drops', 'received')

    @property
    def drop_share(self) -> float:
        """Share of frames that were displaced or too old; NaN where it is not known."""
        dropped = self.per_s('drops', 'displaced') + self.per_s('drops', 'stale')
        return dropped / self.frames_hz if self.frames_hz else float('nan')

    @property
    def streams(self) -> int:
        """Number of streams that the node serves."""
        status = self.now.get('drops')
        received = [key for key in (status.values if status else ()) if key.endswith('received')]
        return max(len(received) - 1, 1)

    @property
    def tensors(self) -> dict[str, tuple[int | None, ...]]:
        """Sizes of the model's inputs by name; None for a size that is free."""
        found = _TENSOR.finditer(self.text('model', 'inputs'))
        return {
            one['name'].strip(): tuple(
                int(size) if size.strip().isdigit() else None for size in one['sizes'].split(',')
            )
            for one in found
        }

    @property
    def picture_px(self) -> int:
        """Pixels of the largest picture that the model takes; 0 if it takes none of fixed size."""
        sizes = [shape for shape in self.tensors.values() if len(shape) == 4]
        known = [
            [size for size in shape[1:] if size is not None and size > 4]
            for shape in sizes
            if None not in shape[1:]
        ]
        return max((prod(shape) for shape in known if len(shape) == 2), default=0)


def number(statuses: Statuses, concern: str, key: str) -> float:
    """Returns a number of a node's statuses; NaN if there is none."""
    status = statuses.get(concern)
    found = status.number(key) if status else None
    return float('nan') if found is None else found


def _known(value: float) -> float:
    return 0.0 if value != value else value
