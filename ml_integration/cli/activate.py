"""Makes a version the active one: that which the bare name of its model means.

It is verified, loaded and run on its golden sample first. Nodes that run take it up when they are
asked to: with `ros2 param set NODE model NAME`, or at their next start.
"""

from __future__ import annotations

import argparse
import json

from ml_integration.cli.arguments import (
    add_json,
    add_stores,
    add_trust,
    state_of,
    store_of,
    trust_of,
)
from ml_integration.cli.auditing import audited
from ml_integration.cli.obedience import obey_orders
from ml_integration.cli.output import tell
from ml_integration.cli.proving import prove_and_activate
from ml_integration.errors import MlIntegrationError
from ml_integration.store.state.model_store import ModelStore, check_name

HELP = 'make a version the active one, after it has proven itself'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of this verb."""
    parser.add_argument('model', help='name@3, name@latest or name@previous')
    add_stores(parser)
    add_trust(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Proves the version and makes it the active one."""
    state = state_of(args)
    with audited(state, 'activate', args.model) as record:
        name = check_name(args.model.partition('@')[0])
        obey_orders(args, state, name)
        active = state.model_state(name).active
        record.before = f'{name}@{active}' if active else ''
        store = store_of(args)
        folder, meant = store.find(args.model), _meant(store, name)
        manifest, before = prove_and_activate(folder, trust_of(args), state, meant)
        record.model = record.after = str(manifest.identity)
        record.before = f'{name}@{before.active}' if before.active else ''
    if args.json:
        print(json.dumps({'active': record.after, 'before': record.before}))
    elif record.before == record.after:
        tell(f'{record.after} is active already')
    else:
        tell(f'{record.after} is active{f", after {record.before}" if record.before else ""}')
    return 0


def _meant(store: ModelStore, name: str) -> int | None:
    """Returns the version that a bare name means; None if it means none that may be used."""
    try:
        return int(store.find(name).name)
    except MlIntegrationError:
        return None
