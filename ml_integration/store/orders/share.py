"""Decides whether a robot takes a plan's candidate; no I/O.

A robot needs nobody for it: the same robot decides the same each time, and a hash spreads the
robots evenly. `bucket` is a robot's place among 10,000; a share takes the places from 0 on, so a
larger share only adds robots.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from ml_integration.store.orders.orders import Orders, Plan

BUCKETS = 10_000


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a robot takes the candidate.

    Attributes:
        takes: whether it does.
        sentence: why, or why not.
    """

    takes: bool
    sentence: str


def bucket(salt: str, robot: str) -> int:
    """Returns a robot's place, 0 to 9999."""
    digest = hashlib.sha256(f'{salt}|{robot}'.encode()).digest()
    return int.from_bytes(digest[:8], 'big') % BUCKETS


def percent_of(plan: Plan, facts: Mapping[str, str]) -> float:
    """Returns the share that holds for a robot with these facts, 0 to 100."""
    found = (cohort.percent for cohort in plan.cohorts if cohort.has(facts))
    return next(found, plan.percent)


def is_in_share(plan: Plan, robot: str, facts: Mapping[str, str]) -> bool:
    """Tells whether a robot belongs to the share of a plan, whatever the time is."""
    # Rounded, as 1.1 * 100 is more than 110.
    return bucket(plan.salt, robot) < round(percent_of(plan, facts) * 100)


def decide(orders: Orders, robot: str, facts: Mapping[str, str], now: datetime) -> Decision:
    """Decides whether a robot takes the candidate now.

    Args:
        orders: the newest ones.
        robot: the robot's id, which no other robot has.
        facts: what is known about the robot, such as its site.
        now: the time, with its time zone.
    """
    plan = orders.plan
    if plan is None:
        return Decision(False, f'there is no plan for {orders.model}')
    revocation = orders.revocation_of(plan.candidate.digest)
    if revocation is not None:
        return Decision(False, f'{plan.candidate} is revoked: {revocation.reason}')
    if orders.halted:
        return Decision(False, f'the plan for {plan.candidate} is halted: {orders.halted}')
    if plan.start is not None and now < plan.start:
        return Decision(False, f'the plan for {plan.candidate} starts at {plan.start.isoformat()}')
    if plan.expires is not None and now >= plan.expires:
        ended = plan.expires.isoformat()
        return Decision(False, f'the plan for {plan.candidate} expired at {ended}')
    place, percent = bucket(plan.salt, robot), percent_of(plan, facts)
    told = f'place {place} of {BUCKETS}, share {percent:g} %'
    if is_in_share(plan, robot, facts):
        return Decision(True, f'{robot} takes {plan.candidate}: {told}')
    return Decision(False, f'{robot} does not take {plan.candidate} yet: {told}')
