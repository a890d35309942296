"""A node as a member of a fleet: it obeys orders about its models, and tells how it went."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ml_integration.core.declaration import declared
from ml_integration.deploy.deployment import Deployment
from ml_integration.deploy.history import History
from ml_integration.errors import MlIntegrationError, SupersededError
from ml_integration.store.orders.facts import Facts
from ml_integration.store.orders.order_book import OrderBook
from ml_integration.store.orders.orders import Orders, Plan
from ml_integration.store.orders.share import decide
from ml_integration.store.orders.sign_of_life import SignOfLife
from ml_integration.store.state.node_state import Edition

SIGN_EVERY = timedelta(minutes=5)
"""Time after which a node says that it lives, also if nothing has changed."""


@dataclass(frozen=True, slots=True)
class FleetSettings:
    """Settings for orders to all robots, `<store>/<name>/rollout.yaml`."""

    facts_file: str = declared(
        '',
        'YAML file with the id of the robot (robot) and facts that cohorts ask for; empty: '
        'ML_INTEGRATION_FACTS, or the name of the host and no facts.',
        at_configure=True,
        files='one',
    )
    look_period_s: float = declared(
        5.0, 'Time between two looks at the orders of the fleet [s].', ge=0.1, le=3600.0
    )
    follow_plans: bool = declared(
        True,
        'Take the candidate of a plan whose share this robot is in, under swap_authority: '
        'parameter. Revoked models are always taken back.',
    )


@dataclass(frozen=True, slots=True)
class Means:
    """What a member does when orders ask for it.

    Attributes:
        pinned: gives the second models that were loaded, also those beside the results.
        may_follow: tells whether plans may change what serves.
        done: is called with each change of the model that it asked for.
        begin_anew: is called when a revoked model has to go and nothing open can take its place:
            whoever owns the node configures it anew.
    """

    pinned: Callable[[], tuple[Edition, ...]]
    may_follow: Callable[[], bool]
    done: Callable[[Future[str]], None]
    begin_anew: Callable[[str], None]


class FleetMember:
    """Obeys the orders about the models that are open. One thread at a time calls `look`.

    Args:
        deployment: holds the models.
        history: remembers which plans were followed.
        book: reads the orders.
        facts: of this robot.
        means: how it does what is to be done.
    """

    def __init__(
        self,
        deployment: Deployment,
        history: History,
        book: OrderBook,
        facts: Facts,
        means: Means,
    ) -> None:
        self._deployment = deployment
        self._history = history
        self._book = book
        self._facts = facts
        self._means = means
        self._leaving = ''
        self._sign: SignOfLife | None = None
        self.decision = ''
        self._problem = ''

    @property
    def complaints(self) -> tuple[str, ...]:
        """Sentences on orders that are not obeyed, or not yet."""
        return (*self._book.problems, *filter(None, (self._problem,)))

    def look(self, now: datetime) -> None:
        """Obeys what the orders say now.

        Args:
            now: the time, with its time zone.

        Raises:
            ModelError: nothing serves.
            StateError: what has to be remembered cannot be read.
        """
        loaded, pinned = self._deployment.serving, self._means.pinned()
        serving = tuple(Edition.of(package.manifest) for package in loaded.packages)
        name = loaded.edition.name
        orders = self._book.look(name)
        for other in {edition.name for edition in (*serving, *pinned)} - {name}:
            self._book.look(other)
        if not self._leaves(serving, pinned):
            self._problem = self._follow(orders, now) if orders else ''
        self._tell(orders, now)

    def _leaves(self, serving: Sequence[Edition], pinned: Sequence[Edition]) -> bool:
        """Takes back what was revoked; tells whether something was.

        Args:
            serving: the first model, and the second ones that serve with it.
            pinned: all second models.
        """
        reason, second = (
            next(filter(None, map(self._why_revoked, some)), '') for some in (serving, pinned)
        )
        if not (reason or second):
            self._leaving = ''
            return False
        known, self._leaving = self._leaving, f'{serving[0]}: {reason or second}'
        if self._leaving == known:  # it is on its way
            return True
        if second:  # every first model that could take over would load it as well
            self._means.begin_anew(second)
            return True

        def done(future: Future[str]) -> None:
            self._means.done(future)
            error = future.exception()
            if isinstance(error, SupersededError):  # a person was faster: look once more
                self._leaving = ''
            elif error is not None:
                self._means.begin_anew(reason)

        self._deployment.take_back(reason).add_done_callback(done)
        return True

    def _why_revoked(self, edition: Edition) -> str:
        revocation = self._book.revocation(edition.name, edition.digest)
        return f'{edition} is quarantined, {revocation}' if revocation else ''

    def _follow(self, orders: Orders, now: datetime) -> str:
        """Takes the candidate if this robot is to; returns why that has to wait."""
        decision = decide(orders, self._facts.robot, self._facts.values, now)
        self.decision, plan = decision.sentence, orders.plan
        if not decision.takes or plan is None:
            return ''
        state, candidate = self._deployment.state, plan.candidate
        rejection = state.rejection_of(candidate)
        if plan.key in state.plans:
            self.decision = f'{decision.sentence}; it has followed this plan'
        elif rejection is not None:
            self.decision = f'{candidate} was rejected here: {rejection.reason}'
        elif self._deployment.serving.edition.matches(candidate):
            self._history.change(lambda now: now.with_plan(plan.key))
        elif not self._means.may_follow():
            self.decision = f'{decision.sentence}; nothing but a person may change it here'
        elif not self._deployment.busy:
            return self._take(plan, decision.sentence)
        return ''

    def _take(self, plan: Plan, sentence: str) -> str:
        try:
            candidate = self._deployment.admit(str(plan.candidate))
        except MlIntegrationError as error:
            return f'the plan for {plan.candidate} has to wait: {error}'
        found = Edition.of(candidate.manifest) if candidate.manifest else Edition()
        if not found.matches(plan.candidate):
            return f'the plan for {plan.candidate} has to wait: the store has other content of it'
        # Remembered first: a model that ends the process is not taken again and again.
        self._history.change(lambda now: now.with_plan(plan.key))
        self._history.log('plan', candidate.model, reason=sentence)
        self._deployment.swap(candidate).add_done_callback(self._means.done)
        return ''

    def _tell(self, orders: Orders | None, now: datetime) -> None:
        """Writes a sign of life, if there is news or it is time for one."""
        serving, old = self._deployment.serving.edition, self._sign
        sign = SignOfLife(
            self._facts.robot,
            self._history.node,
            now,
            serving.model,
            serving.digest,
            orders.counter if orders else 0,
            self.decision,
        )
        if old and replace(sign, time=old.time) == old and now - old.time < SIGN_EVERY:
            return
        self._sign = sign
        self._history.write_sign(sign)
