"""Removes old versions, except the newest ones and those in use."""

from __future__ import annotations

import argparse
import json

from ml_integration.cli.arguments import add_json, add_own_stores, state_of
from ml_integration.cli.auditing import audited
from ml_integration.cli.output import tell
from ml_integration.errors import SettingError
from ml_integration.store.install.installing import remove
from ml_integration.store.install.retention import outdated, reasons_to_keep
from ml_integration.store.state.model_store import ModelStore, check_name
from ml_integration.store.state.places import ships_with_package, user_store
from ml_integration.store.state.state_dir import StateDir

HELP = 'remove old versions that are not in use'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of this verb."""
    parser.add_argument('name', nargs='*', help="models' names (default: all)")
    parser.add_argument(
        '--keep', type=int, required=True, metavar='N', help='newest versions to keep'
    )
    parser.add_argument('--dry-run', action='store_true', help='only say what would be removed')
    add_own_stores(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Removes old versions; without --store from the user's own store only."""
    if args.keep < 0:
        raise SettingError('--keep', args.keep, '>= 0', where='prune')
    state = state_of(args)
    store = ModelStore(args.store or [user_store()])
    known = sorted({model.name for model in store.models()})
    names = [check_name(name) for name in args.name] or known
    work = _outdated if args.dry_run else _prune
    removed = [model for name in names for model in work(name, store, state, args.keep)]
    if args.json:
        print(json.dumps({'removed': removed, 'dry_run': args.dry_run}))
    else:
        verb = 'would remove' if args.dry_run else 'removed'
        tell(f'{verb} {", ".join(removed) or "nothing"}')
    return 0


def _prune(name: str, store: ModelStore, state: StateDir, keep: int) -> list[str]:
    with audited(state, 'prune', name) as record:
        _outdated(name, store, state, keep)  # finds what cannot be understood, before the lock
        with state.alone():
            versions = _outdated(name, store, state, keep)
            for version in versions:
                remove(store.find(version))
        record.reason = f'removed {", ".join(versions) or "nothing"}'
    return versions


def _outdated(name: str, store: ModelStore, state: StateDir, keep: int) -> list[str]:
    versions = outdated(store.versions(name), keep, reasons_to_keep(state, name))
    models = [f'{name}@{version}' for version in versions]
    return [model for model in models if not ships_with_package(store.find(model))]
