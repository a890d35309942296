"""What the verbs share that change the orders about a model."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ml_integration.cli.arguments import add_json, add_stores, path, state_of
from ml_integration.cli.auditing import audited
from ml_integration.cli.output import tell
from ml_integration.cli.stored_content import parts_of
from ml_integration.errors import ModelNotFoundError, SettingError
from ml_integration.store.orders.orders import Orders
from ml_integration.store.orders.orders_file import orders_file, read_orders, write_orders
from ml_integration.store.package.package import read_manifest
from ml_integration.store.state.model_state import is_digest
from ml_integration.store.state.model_store import ModelStore
from ml_integration.store.state.node_state import Edition
from ml_integration.store.state.places import default_stores
from ml_integration.store.trust.policy import Trust, load_trust
from ml_integration.store.trust.signature import key_id, load_private_key

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


@dataclass(frozen=True, slots=True)
class Place:
    """Where the orders about a model are, and will be.

    Attributes:
        store: that holds them.
        before: as they are; with the counter 0 if there are none.
        key: signs them.
    """

    store: Path
    before: Orders
    key: Ed25519PrivateKey


def add_writing(parser: argparse.ArgumentParser) -> None:
    """Adds what every verb takes that changes orders."""
    parser.add_argument(
        '--key', type=path, required=True, metavar='FILE', help='a private key from keygen'
    )
    parser.add_argument(
        '--trusted-keys',
        type=path,
        metavar='DIR',
        help='the public keys (*.pem) by which the present orders may be signed, besides --key',
    )
    add_stores(parser)
    add_json(parser)


def edition_of(args: argparse.Namespace, digest: str = '') -> Edition:
    """Returns the version `args.model` with the content that a store holds, or that is named.

    Raises:
        SettingError: it is not `name@3`, or the digest is none.
        ModelNotFoundError: no store holds it, and no digest is named.
    """
    parts_of(args.model)
    if digest:
        if not is_digest(digest):
            raise SettingError('--digest', digest, '64 hex digits', where='the command line')
        return Edition(args.model, digest)
    folder = ModelStore(args.store or default_stores()).find(args.model)
    return Edition.of(read_manifest(folder))


def place_of(args: argparse.Namespace, name: str) -> Place:
    """Finds the store with the orders about a model, or else with the model.

    Raises:
        ModelNotFoundError: no store has it.
        IntegrityError: the present orders are not signed by a key that is known here: whoever
            wrote them may have left something out.
    """
    key = load_private_key(args.key)
    trust = load_trust('signed', args.trusted_keys) if args.trusted_keys else Trust('signed')
    public = key.public_key()
    trust = replace(trust, keys={**trust.keys, key_id(public): public})
    stores = ModelStore(args.store or default_stores()).stores
    none = Orders(name, 0)
    places = [
        Place(store, read_orders(orders_file(store, name), trust) or none, key)
        for store in stores
        if (store / name).is_dir()
    ]
    if not places:
        raise ModelNotFoundError(name, stores, [])
    return max(places, key=lambda place: place.before.counter)


def write(
    args: argparse.Namespace, action: str, change: Callable[[Orders], Orders], told: str
) -> int:
    """Changes the orders about the model `args.model`, signs them and says so.

    Args:
        args: of the command line.
        action: the verb, for the audit log.
        change: returns the new orders, given the present ones.
        told: what they say now, in words.
    """
    name = args.model.partition('@')[0]
    with audited(state_of(args), f'fleet {action}', args.model) as record:
        place = place_of(args, name)
        orders = replace(change(place.before), counter=place.before.counter + 1)
        file = write_orders(place.store, orders, place.key)
        record.reason = f'orders {orders.counter}: {told}'
    if args.json:
        print(json.dumps({'model': name, 'orders': orders.counter, 'file': str(file)}))
    else:
        tell(f'{file}: {record.reason}')
        tell('It counts on each robot once the file is there, as with rsync of the store.')
    return 0
