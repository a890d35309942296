"""What is due is waited for, and what has gone silent is not."""

import pytest

from ml_integration.ros.inference.rhythm import Rhythm

MS = 1_000_000


def rhythm(*arrivals_ms: int) -> Rhythm:
    made = Rhythm()
    for at_ms in arrivals_ms:
        made.beat(at_ms * MS)
    return made


@pytest.mark.parametrize(
    ('now_ms', 'deadline_ms', 'due'),
    [
        (10, 15, False),  # the next one comes later
        (30, 35, True),  # the next one comes just in time
        (36, 41, True),  # it is a little late
        (66, 71, True),  # it is one period late
        (67, 72, False),  # it will not come any more
        (9000, 9005, False),  # it has been silent for long
    ],
)
def test_a_message_is_due_one_period_after_the_last_one(
    now_ms: int, deadline_ms: int, due: bool
) -> None:
    assert rhythm(-66, -33, 0).is_due(now_ms * MS, deadline_ms * MS) is due


@pytest.mark.parametrize('arrivals_ms', [(), (0,)])
def test_nothing_is_due_before_there_is_a_rhythm(arrivals_ms: tuple[int, ...]) -> None:
    assert not rhythm(*arrivals_ms).is_due(1 * MS, 1000 * MS)


def test_a_pause_is_soon_forgotten() -> None:
    back = 60_000
    made = rhythm(0, 33, 66, 99, back, *(back + 33 * n for n in range(1, 5)))
    last_ms = back + 33 * 4
    assert made.is_due((last_ms + 33) * MS, (last_ms + 38) * MS)


def test_a_slower_rate_is_learned() -> None:
    made = rhythm(*range(0, 330, 33), *range(330, 6330, 200))
    last_ms = 6330 - 200
    assert not made.is_due((last_ms + 100) * MS, (last_ms + 105) * MS)
    assert made.is_due((last_ms + 198) * MS, (last_ms + 203) * MS)
