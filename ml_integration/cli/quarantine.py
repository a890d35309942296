"""Bars the content of a version from being loaded on this machine, until it is released.

Nodes that serve it serve on from memory; /diagnostics says so as long as it lasts.
"""

from __future__ import annotations

import argparse
import json

from ml_integration.cli.arguments import add_json, add_stores, state_of
from ml_integration.cli.auditing import audited
from ml_integration.cli.output import tell
from ml_integration.cli.stored_content import content_of
from ml_integration.store.state.model_state import SHORT
from ml_integration.store.state.model_store import how_to_lift

HELP = 'bar a version from being loaded'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of this verb."""
    parser.add_argument('model', help='name@3')
    parser.add_argument('--reason', default='a person barred it', help='why, for those who ask')
    add_stores(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Quarantines what lies in the version's folder now."""
    state = state_of(args)
    with audited(state, 'quarantine', args.model) as record:
        folder, manifest = content_of(args)
        digest, reason = manifest.digest, args.reason
        state.update_model_state(
            manifest.name, lambda now: now.with_quarantine(manifest.version, digest, reason)
        )
        record.model, record.reason = str(manifest.identity), f'{digest[:SHORT]}: {reason}'
    if args.json:
        print(json.dumps({'model': record.model, 'digest': digest, 'reason': reason}))
        return 0
    tell(f'{record.model} is quarantined, {record.reason}')
    tell(how_to_lift(record.model, digest, folder.parents[1], state.path))
    return 0
