"""Sums up what many robots report about one model; no I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ml_integration.fleet.collected import Collected
from ml_integration.store.orders.orders import Orders


@dataclass(frozen=True, slots=True)
class PlanOutcome:
    """What came of a plan so far.

    Attributes:
        candidate: `name@version`.
        took: robots that took the candidate because of a plan.
        went_back: those of them that do not serve it now.
        asks_for_halt: whether these are more than the plan allows.
    """

    candidate: str
    took: int
    went_back: int
    asks_for_halt: bool = False


@dataclass(frozen=True, slots=True)
class ModelSummary:
    """What is known about one model on many robots.

    Attributes:
        model: its name.
        versions: number of robots by version that serves.
        orders: number of robots by the counter of the orders that they obeyed.
        revoked: number of robots that obeyed the revocation, by version.
        halted: number of robots that know of a halt of the plan, by candidate.
        plans: what came of each candidate.
    """

    model: str
    versions: Mapping[str, int]
    orders: Mapping[int, int]
    revoked: Mapping[str, int]
    halted: Mapping[str, int]
    plans: Sequence[PlanOutcome]


@dataclass(frozen=True, slots=True)
class Silent:
    """Robot that was not heard of for a while; `since` None: never."""

    robot: str
    since: datetime | None


def names_of(robots: Sequence[Collected]) -> list[str]:
    """Returns the names of the models that robots serve."""
    return sorted({sign.model.partition('@')[0] for robot in robots for sign in robot.signs})


def summary_of(
    robots: Sequence[Collected], name: str, orders: Orders | None = None
) -> ModelSummary:
    """Sums up what is known about a model.

    Args:
        robots: their reports.
        name: the model's.
        orders: the present ones about it, with the criteria of the plan; None: not known.
    """
    versions: Counter[str] = Counter()
    counters: Counter[int] = Counter()
    for robot in robots:
        own = [sign for sign in robot.signs if sign.model.partition('@')[0] == name]
        versions.update({sign.model for sign in own})
        counters.update({max(sign.orders for sign in own)} if own else ())
    return ModelSummary(
        name,
        dict(sorted(versions.items())),
        dict(sorted(counters.items(), reverse=True)),
        {one: count for one in _done(robots, 'revoke', name) if (count := _revoked(robots, one))},
        {one: _count(robots, 'halt', one) for one in _done(robots, 'halt', name)},
        [_outcome(robots, one, orders) for one in _done(robots, 'plan', name)],
    )


def silent(
    robots: Sequence[Collected], now: datetime, after: timedelta = timedelta(minutes=10)
) -> list[Silent]:
    """Returns the robots that were not heard of for longer than `after`, the longest first."""
    heard = [Silent(robot.robot, robot.last_heard) for robot in robots]
    quiet = [one for one in heard if one.since is None or now - one.since > after]
    return sorted(quiet, key=lambda one: (one.since is not None, one.since or now, one.robot))


def _outcome(robots: Sequence[Collected], candidate: str, orders: Orders | None) -> PlanOutcome:
    took = [robot for robot in robots if robot.has('plan', candidate)]
    back = sum(not robot.serves(candidate) for robot in took)
    plan = orders.plan if orders else None
    asks = bool(
        plan and str(plan.candidate) == candidate and plan.criteria.ask_for_halt(len(took), back)
    )
    return PlanOutcome(candidate, len(took), back, asks)


def _done(robots: Sequence[Collected], action: str, name: str) -> list[str]:
    """Returns the versions of a model to which something was done on some robot."""
    return sorted(
        {
            entry.model
            for robot in robots
            for entry in robot.entries
            if entry.action == action and entry.model.partition('@')[0] == name
        }
    )


def _count(robots: Sequence[Collected], action: str, model: str) -> int:
    return sum(robot.has(action, model) for robot in robots)


def _revoked(robots: Sequence[Collected], model: str) -> int:
    return sum(robot.is_revoked(model) for robot in robots)
