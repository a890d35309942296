"""Large messages that come in pieces, or do not come, are explained."""

from __future__ import annotations

import pytest

from ml_integration.core.datatypes import Verdict
from ml_integration.core.endpoints import Endpoint, fragmentation
from ml_integration.core.monitor import Monitor
from ml_integration.core.stats import InputStats

S = 10**9
HERE = Endpoint('', '', '/image', 1, local=True, remedy='use a profile')
ELSEWHERE = Endpoint('', '', '/image', 1, remedy='use a profile')


def window(size: int, age_ms: float, *, lost: int = 0) -> InputStats:
    """One message of `size` bytes whose result took 3 ms here and `age_ms` since the stamp."""
    monitor = Monitor(0)
    monitor.received('', '', S, size)
    monitor.lost('', '', lost, S)
    monitor.completed('', Verdict(), age_ms, {'infer': 3.0}, S)
    return monitor.stats(S).streams[0].inputs[0]


@pytest.mark.parametrize(
    ('endpoint', 'stats', 'symptom'),
    [
        (HERE, window(921_652, 15.0), '0.9 MB take 12.0 ms from the publisher to here'),  # slow
        (HERE, window(921_652, 5.0), ''),  # as through shared memory
        (HERE, window(921_652, 5.0, lost=3), 'messages of 0.9 MB get lost'),  # best effort
        (HERE, window(100_000, 15.0, lost=3), ''),  # small ones: the machine is busy
        (ELSEWHERE, window(921_652, 15.0, lost=3), ''),  # a network has its own speed
        (HERE, Monitor(0).stats(S).streams[0].inputs[0], ''),  # nothing came, and nothing was lost
    ],
)
def test_it_smells_of_fragments_when_large_messages_of_this_machine_are_slow_or_get_lost(
    endpoint: Endpoint, stats: InputStats, symptom: str
) -> None:
    sentence = fragmentation(endpoint, stats)
    assert sentence.startswith(symptom)
    assert bool(sentence) is bool(symptom)
    size = stats.serialized_bytes or 'WIDTHxHEIGHT'
    assert not sentence or sentence.endswith(f'UDP fragments: use a profile {size}')
