"""Explains why the messages of an input do not come, or not as they should.

`/diagnostics` and the log both say what is found here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ml_integration.core.endpoints import Endpoint, fragmentation
from ml_integration.core.stats import InputStats, StreamStats
from ml_integration.core.transports import RAW

APART_S = 0.01
"""Difference of the stamps of two inputs that is worth telling [s]."""
CLOCKS_APART_S = 1.0
"""Difference of stamps that only a wrong clock explains [s]."""
FAR_BEHIND_S = 60.0
"""Age of stamps that only a recording or a wrong clock explains [s]."""
SIMULATION_APART_S = 86400.0
"""Difference of stamps that simulated time explains best [s]."""
MUTE_S = 1.0
"""Time after which a publisher counts as one that sends nothing [s]."""
CLOCK_STOPPED = (
    'use_sim_time is set, and no time comes on /clock: start the simulation, play the bag with '
    '--clock, or set use_sim_time to false'
)


@dataclass(frozen=True, slots=True)
class Cause:
    """Cause of a silence, or of messages that cannot be used as they are.

    Attributes:
        sentence: what it is and what to do.
        certain: whether one look is enough to know.
        kind: what it is, in a word.
    """

    sentence: str
    certain: bool = False
    kind: str = ''


def causes(
    stream: StreamStats,
    one: InputStats,
    endpoint: Endpoint,
    suspected: bool,
    max_ahead_s: float = CLOCKS_APART_S,
) -> Iterator[Cause]:
    """Yields what explains the silence of an input best, and what explains it less.

    Args:
        stream: the input's stream.
        one: what is known of its messages.
        endpoint: the subscription as the middleware sees it.
        suspected: whether something is wrong; some of what would explain it is harmless
            by itself.
        max_ahead_s: time that stamps may be ahead of the node's clock [s].
    """
    if endpoint.clock_stopped:
        yield Cause(CLOCK_STOPPED, certain=True, kind='clock_stopped')
    if endpoint.unheard or (suspected and endpoint.strangers):
        yield Cause(_other_type(endpoint), certain=True, kind='type')
    if endpoint.mismatch:
        yield Cause(f'QoS mismatch: {endpoint.mismatch}', certain=True, kind='qos')
    if suspected and not endpoint.publishers:
        yield Cause(_nobody(endpoint), kind='other_topic' if endpoint.elsewhere else 'nobody')
    yield from _inputs_apart(stream, one)
    if clock_is_off(one, max_ahead_s):
        yield _clocks_apart(one)
    if slow := fragmentation(endpoint, one, suspected):
        yield Cause(slow, kind='fragments')
    if suspected and endpoint.publishers and one.since_s > MUTE_S:
        yield Cause(_mute(endpoint), kind='mute')


def clock_is_off(one: InputStats, max_ahead_s: float) -> bool:
    """Tells whether the messages that come now have stamps of another clock."""
    known = bool(one.hz) and one.ahead_s is not None and not one.holds
    return known and not -FAR_BEHIND_S <= (one.ahead_s or 0.0) <= max_ahead_s


def _inputs_apart(stream: StreamStats, one: InputStats) -> Iterator[Cause]:
    behind_s = one.behind_s or 0.0
    if one.source in stream.missing and one.hz and abs(behind_s) > APART_S:
        apart = f'{abs(behind_s):.2f} s {"older" if behind_s > 0 else "newer"}'
        hint = ': do both publishers use the same clock?' if abs(behind_s) > CLOCKS_APART_S else ''
        yield Cause(f'its stamps are {apart} than those of what starts runs{hint}', kind='apart')


def _clocks_apart(one: InputStats) -> Cause:
    ahead_s = one.ahead_s or 0.0
    remedy = 'synchronize the clocks of the machines'
    if abs(ahead_s) > SIMULATION_APART_S:
        remedy = 'set use_sim_time on both or on none'
    word = 'ahead' if ahead_s > 0 else 'behind'
    age = '; frames age from their arrival' if ahead_s > 0 else ', or it plays a recording'
    sentence = f"the publisher's clock is {word} by {abs(ahead_s):.1f} s{age}: {remedy}"
    return Cause(sentence, certain=abs(ahead_s) > CLOCKS_APART_S, kind='clock')


def _other_type(endpoint: Endpoint) -> str:
    types = ' and '.join(dict.fromkeys(endpoint.strangers))
    return f'it has {types}, this model takes {endpoint.kind}: {_remedy(endpoint)}'


def _remedy(endpoint: Endpoint) -> str:
    if endpoint.elsewhere:
        return _remap(endpoint)
    compressed = f'{endpoint.kind.rpartition("/")[0]}/CompressedImage'
    if compressed in endpoint.strangers and endpoint.transport == RAW:
        mapped = _mapped(endpoint.name, endpoint.topic, '/compressed')
        return f'set image_transport:=compressed, and remap -r {mapped} instead'
    return f'remap {endpoint.name} to a topic of that type'


def _nobody(endpoint: Endpoint) -> str:
    if endpoint.elsewhere:
        return _remap(endpoint)
    question = 'is the topic remapped to the right name?'
    if endpoint.transport != RAW:
        question = f'image_transport is {endpoint.transport}: does the camera publish that? And '
        question += 'is the topic remapped to the right name?'
    if not endpoint.kind:
        return question
    where = '' if endpoint.domain is None else f' in domain {endpoint.domain}'
    return f'{question} No other topic has {endpoint.kind}{where}'


def _mute(endpoint: Endpoint) -> str:
    who = 'it sends' if endpoint.publishers == 1 else 'they send'
    large = f' (or larger messages than {endpoint.segment_bytes / 1e6:.1f} MB, its segment)'
    return (
        f'{who} nothing{large if endpoint.tight else ""}: is the camera stopped, paused '
        f'or at its end? ros2 topic hz {endpoint.topic} tells whether others get something'
    )


def _remap(endpoint: Endpoint) -> str:
    alike = [topic for topic in endpoint.elsewhere if topic.endswith(endpoint.end)]
    first, *others = alike or endpoint.elsewhere
    also = f' (also {", ".join(others)})' if others else ''
    found = f'there is {first} with the right type{also}'
    if endpoint.stream not in first.split('/') and endpoint.stream:
        return f'{found}, but is it of {endpoint.stream}?'
    mapped = _mapped(endpoint.name, first, endpoint.end)
    launched = f' (launch argument image_topic:={mapped[7:]})' if mapped[:7] == 'image:=' else ''
    return f'{found}: remap -r {mapped}{launched}'


def _mapped(name: str, topic: str, end: str) -> str:
    """Returns what maps a name to a topic, if `end` follows what the name is mapped to."""
    if topic.endswith(end):
        return f'{name}:={topic.removesuffix(end)}'
    return f'{name}{end}:={topic}'
