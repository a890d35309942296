"""A robot decides alone; a plan that is widened loses no robot."""

from __future__ import annotations

import math
import random
from bisect import bisect_left
from collections import Counter
from datetime import datetime, timedelta, timezone

import pytest

from ml_integration.store.orders.orders import Cohort, Orders, Plan, Revocation
from ml_integration.store.orders.share import BUCKETS, bucket, decide, is_in_share, percent_of
from ml_integration.store.state.node_state import Edition

ROBOTS = [f'robot-{number}' for number in range(10_000)]
NOW = datetime(2027, 1, 31, 8, tzinfo=timezone.utc)
CANDIDATE = Edition('m@4', 'c' * 64)
SALTS = ['', 'a', '2027-01-31', 'ein längeres Salz', '0' * 100]


def plan(percent: float, salt: str = 'salt', *cohorts: Cohort) -> Plan:
    return Plan(CANDIDATE, salt, percent, cohorts)


def test_a_place_is_the_published_hash_so_that_other_tools_find_the_same() -> None:
    # printf 'salt|robot-1' | sha256sum: the first 16 digits, modulo 10,000.
    assert bucket('salt', 'robot-1') == int('d19191d2f629174e', 16) % BUCKETS


@pytest.mark.parametrize('salt', SALTS)
def test_widening_never_removes_a_robot(salt: str) -> None:
    chance = random.Random(salt)
    shares = sorted(
        {0.0, 0.01, 1.1, 100.0, *(round(chance.uniform(0, 100), 2) for _ in range(40))}
    )
    before: set[str] = set()
    for percent in shares:
        wider = plan(percent, salt)
        now = {robot for robot in ROBOTS[:1000] if is_in_share(wider, robot, {})}
        assert before <= now
        before = now
    assert before == set(ROBOTS[:1000])


def test_shares_are_met_within_three_sigma_over_ten_thousand_robots() -> None:
    # Chance alone goes beyond 3 sigma in one of 370 cases; here are 100, with 20 salts.
    deviations = []
    for salt in map(str, range(20)):
        places = sorted(bucket(salt, robot) for robot in ROBOTS)
        for percent in (0.5, 1.0, 10.0, 50.0, 99.0):
            share = percent / 100
            took = bisect_left(places, round(percent * 100))
            sigma = math.sqrt(len(ROBOTS) * share * (1 - share))
            deviations.append(abs(took - len(ROBOTS) * share) / sigma)
    assert sum(deviation > 3 for deviation in deviations) <= 2
    assert max(deviations) < 5
    assert 0.5 < sum(deviations) / len(deviations) < 1.1  # 0.8 of a normal distribution


def test_places_are_uniform_within_three_sigma() -> None:
    places = [bucket('salt', robot) for robot in ROBOTS]
    tenths = Counter(place * 10 // BUCKETS for place in places)
    assert sum(tenths.values()) == len(ROBOTS)
    sigma = math.sqrt(len(ROBOTS) * 0.1 * 0.9)
    assert all(abs(tenths[tenth] - 1000) <= 3 * sigma for tenth in range(10))
    half = plan(50)
    assert sum(is_in_share(half, robot, {}) for robot in ROBOTS) == sum(p < 5000 for p in places)


def test_other_salts_begin_with_other_robots() -> None:
    first, second = (
        {robot for robot in ROBOTS if bucket(salt, robot) < BUCKETS // 10} for salt in 'ab'
    )
    sigma = math.sqrt(len(ROBOTS) * 0.01 * 0.99)
    assert abs(len(first & second) - 100) <= 3 * sigma


@pytest.mark.parametrize('percent', [1.1, 0.29, 57.0, 8.2, 33.33])
def test_a_share_has_as_many_places_as_it_says(percent: float) -> None:
    # In floating point 1.1 * 100 is more than 110, and 0.29 * 100 less than 29.
    robot = next(r for r in map(str, range(10**6)) if bucket('s', r) == round(percent * 100))
    assert not is_in_share(plan(percent, 's'), robot, {})
    below = next(r for r in map(str, range(10**6)) if bucket('s', r) == round(percent * 100) - 1)
    assert is_in_share(plan(percent, 's'), below, {})


def test_a_robot_belongs_to_the_first_cohort_that_has_it() -> None:
    lab, orin = Cohort({'site': ('lab',)}, 100.0), Cohort({'hardware': ('orin', 'agx')}, 10.0)
    both = Cohort({'site': ('lab',), 'hardware': ('orin',)}, 50.0)
    facts = {'site': 'lab', 'hardware': 'orin', 'robot': 'r1'}
    assert percent_of(plan(1, 's', lab, orin), facts) == 100.0
    assert percent_of(plan(1, 's', orin, lab), facts) == 10.0
    assert percent_of(plan(1, 's', both, lab), facts) == 50.0
    assert percent_of(plan(1, 's', both, orin), {**facts, 'site': 'field'}) == 10.0
    assert percent_of(plan(1, 's', both, orin), {'hardware': 'agx'}) == 10.0
    assert percent_of(plan(1, 's', both, orin), {}) == 1.0


@pytest.mark.parametrize('salt', SALTS)
def test_widening_cohorts_never_removes_a_robot_either(salt: str) -> None:
    chance = random.Random(salt)
    facts = [{'site': chance.choice('abc'), 'n': chance.choice('12')} for _ in ROBOTS[:1000]]
    for _ in range(5):
        low = [round(chance.uniform(0, 100), 2) for _ in range(3)]
        high = [round(chance.uniform(one, 100), 2) for one in low]
        narrow, wide = (
            plan(some[2], salt, Cohort({'site': ('a',)}, some[0]), Cohort({'n': ('1',)}, some[1]))
            for some in (low, high)
        )
        for robot, known in zip(ROBOTS, facts, strict=False):
            assert not is_in_share(narrow, robot, known) or is_in_share(wide, robot, known)


HOUR = timedelta(hours=1)
ALL = plan(100)


@pytest.mark.parametrize(
    ('orders', 'takes', 'sentence'),
    [
        (Orders('m', 1), False, 'there is no plan for m'),
        (Orders('m', 1, ALL), True, 'r takes m@4: place '),
        (Orders('m', 1, plan(0)), False, 'r does not take m@4 yet: place '),
        (Orders('m', 1, ALL, 'it stinks'), False, 'the plan for m@4 is halted: it stinks'),
        (
            Orders('m', 1, ALL, '', (Revocation(CANDIDATE, 'ghosts'),)),
            False,
            'm@4 is revoked: ghosts',
        ),
        (Orders('m', 1, Plan(CANDIDATE, 's', 100, start=NOW + HOUR)), False, 'starts at'),
        (Orders('m', 1, Plan(CANDIDATE, 's', 100, start=NOW, expires=NOW + HOUR)), True, 'takes'),
        (Orders('m', 1, Plan(CANDIDATE, 's', 100, expires=NOW)), False, 'expired at'),
    ],
)
def test_a_robot_says_why_it_decides_as_it_does(
    orders: Orders, takes: bool, sentence: str
) -> None:
    decision = decide(orders, 'r', {}, NOW)
    assert decision.takes is takes
    assert sentence in decision.sentence
