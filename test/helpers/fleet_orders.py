"""Orders to a fleet, written and signed as `ml_model fleet` does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from signing import KEY

from ml_integration.store.orders.orders import Orders, Plan, Revocation
from ml_integration.store.orders.orders_file import write_orders
from ml_integration.store.package.package import read_manifest
from ml_integration.store.state.node_state import Edition

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

REASON = 'it sees ghosts'


def edition_in(store: Path, model: str) -> Edition:
    """The content that a store holds of `name@version`."""
    name, _, version = model.partition('@')
    return Edition.of(read_manifest(store / name / version))


def orders_about(
    store: Path, name: str, counter: int = 1, *revoked: str, plan: str = '', percent: float = 100.0
) -> Orders:
    """Orders that revoke versions of a store, and plan one for a share of all robots."""
    return Orders(
        name,
        counter,
        Plan(edition_in(store, plan), 'salt', percent) if plan else None,
        revoked=tuple(Revocation(edition_in(store, model), REASON) for model in revoked),
    )


def give_orders(store: Path, orders: Orders, key: Ed25519PrivateKey = KEY) -> Path:
    """Puts orders into a store; returns the file."""
    return write_orders(store, orders, key)


def revoke(store: Path, *models: str, counter: int = 1) -> Path:
    """Revokes versions of one model."""
    name = models[0].partition('@')[0]
    return give_orders(store, orders_about(store, name, counter, *models))


def halted(orders: Orders, counter: int, reason: str = 'wait') -> Orders:
    """The same orders, newer and halted."""
    return replace(orders, counter=counter, halted=reason)
