"""Makes the version active again that was active before, after it has proven itself."""

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
from ml_integration.errors import SwapError
from ml_integration.store.state.model_store import check_name

HELP = 'make the version active that was active before'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of this verb."""
    parser.add_argument('name', help="the model's name, without a version")
    add_stores(parser)
    add_trust(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Proves the previous version and makes it the active one."""
    state = state_of(args)
    with audited(state, 'rollback', args.name) as record:
        obey_orders(args, state, check_name(args.name))
        before = state.model_state(args.name)
        record.before = f'{args.name}@{before.active}' if before.active else ''
        if before.previous is None:
            raise SwapError(
                f'{record.before or args.name} has no previous version',
                hint=f'Choose one: ml_model activate {args.name}@VERSION. '
                'ml_model list shows them.',
            )
        folder = store_of(args).find(f'{args.name}@{before.previous}')
        manifest, _ = prove_and_activate(folder, trust_of(args), state)
        record.model = record.after = str(manifest.identity)
    if args.json:
        print(json.dumps({'active': record.after, 'before': record.before}))
    else:
        tell(f'{record.after} is active again, {record.before} was taken back')
    return 0
