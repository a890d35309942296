"""Reads the orders in the stores, and makes what this machine remembers obey them."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

from ml_integration.errors import MlIntegrationError, StateError
from ml_integration.store.orders.orders import Orders
from ml_integration.store.orders.orders_file import orders_file, read_orders
from ml_integration.store.state.model_state import SHORT, ModelState, Obeyed, Quarantine
from ml_integration.store.state.state_dir import StateDir
from ml_integration.store.trust.policy import Trust


class OrderBook:
    """The newest orders about each model. Thread-safe.

    What they revoke becomes a quarantine that nobody on this machine can end, and the counter is
    remembered: older orders are not obeyed any more, also when the file is gone. Where the state
    cannot be written it holds until the process ends.

    Args:
        stores: folders that may hold orders; the newest ones count.
        state: remembers what was obeyed.
        trust: what the orders have to show.
        actor: who obeys, for the audit log.
    """

    def __init__(self, stores: Sequence[Path], state: StateDir, trust: Trust, actor: str) -> None:
        self._stores = tuple(stores)
        self._state = state
        self._trust = trust
        self._actor = actor
        self._lock = threading.Lock()
        self._obeyed: dict[str, tuple[Obeyed, tuple[Quarantine, ...]]] = {}
        self._problems: dict[str, tuple[str, ...]] = {}

    @property
    def problems(self) -> tuple[str, ...]:
        """Sentences on orders that are not obeyed."""
        return tuple(sentence for some in self._problems.values() for sentence in some)

    def look(self, name: str) -> Orders | None:
        """Reads the orders about a model and obeys them.

        Args:
            name: the model's.

        Returns:
            The newest ones; None if there are none that may be obeyed.
        """
        with self._lock:
            found, problems = self._read(name)
            newest = max(found, key=lambda orders: _newness(orders).rank, default=None)
            refused = self._obey(newest) if newest is not None else ''
            self._problems[name] = (*problems, *filter(None, (refused,)))
            return None if refused else newest

    def revocation(self, name: str, digest: str) -> Quarantine | None:
        """Returns the quarantine of content that the fleet has revoked; None if it has not."""
        _, kept = self._obeyed.get(name, (Obeyed(), ()))
        found = (item for item in kept if item.digest == digest)
        return next(found, None) or self._state.model_state(name).revocation_of(digest)

    def _read(self, name: str) -> tuple[list[Orders], list[str]]:
        found, problems = [], []
        for store in self._stores:
            try:
                orders = read_orders(orders_file(store, name), self._trust)
            except MlIntegrationError as error:
                problems.append(str(error))
            else:
                found += [orders] if orders is not None else []
        return found, problems

    def _obey(self, orders: Orders) -> str:
        """Makes the machine obey; returns why it does not, or not for long."""
        new, name = _newness(orders), orders.model
        stored = self._state.model_state(name).obeyed
        kept, _ = self._obeyed.get(name, (Obeyed(), ()))
        known = max(kept, stored, key=lambda one: one.rank)
        if new.sha256 != known.sha256 and new.rank <= known.rank:
            return _refused(orders, known)
        revoked = _quarantines(orders)
        self._obeyed[name] = new, revoked
        try:
            if new.sha256 != stored.sha256:
                self._store(orders, new, revoked)
        except StateError as error:
            return str(error)
        return ''

    def _store(self, orders: Orders, new: Obeyed, revoked: tuple[Quarantine, ...]) -> None:
        before: list[ModelState] = []

        def change(state: ModelState) -> ModelState:
            # Another process may have been faster.
            before[:] = [state]
            is_new = new.rank > state.obeyed.rank
            return state.obeying(new, revoked) if is_new else state

        self._state.update_model_state(orders.model, change)
        if new.rank > before[0].obeyed.rank:
            self._log(orders, before[0], revoked)

    def _log(self, orders: Orders, before: ModelState, revoked: Sequence[Quarantine]) -> None:
        """Adds a line for each thing that is new."""
        told = f'orders {orders.counter}'
        for one in orders.revoked:
            if before.revocation_of(one.edition.digest) is None:
                reason = f'{one.edition.digest[:SHORT]}: {one.reason}, {told}'
                self._append('revoke', str(one.edition), reason)
        digests = {item.digest for item in revoked}
        for item in before.quarantined:
            if item.order and item.digest not in digests:
                model = f'{orders.model}@{item.version}'
                self._append('reinstate', model, f'{item.digest[:SHORT]}: {told}')
        if orders.plan is not None and orders.halted:
            self._append('halt', str(orders.plan.candidate), f'{orders.halted}, {told}')

    def _append(self, action: str, model: str, reason: str) -> None:
        self._state.audit.append(action, actor=self._actor, model=model, reason=reason)


def _newness(orders: Orders) -> Obeyed:
    return Obeyed(orders.verified, orders.counter, orders.sha256)


def _quarantines(orders: Orders) -> tuple[Quarantine, ...]:
    return tuple(
        Quarantine(
            int(one.edition.model.partition('@')[2]),
            one.edition.digest,
            f'revoked by orders {orders.counter} of the fleet: {one.reason}',
            orders.counter,
        )
        for one in orders.revoked
    )


def _refused(orders: Orders, known: Obeyed) -> str:
    what = f'orders {orders.counter} about {orders.model} are not obeyed'
    if orders.verified == known.verified and orders.counter == known.counter:
        return f'{what}: others with the same counter were obeyed before. Write newer ones'
    if known.verified and not orders.verified:
        return f'{what}: no key vouches for them, as for orders {known.counter} before'
    return f'{what}: orders {known.counter} were obeyed before, and they are older'
