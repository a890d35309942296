"""Removes a version from its store, unless it is in use or came with the package.

A version is in use while it is active or previous, and while a node serves it or would go back
to it.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from ml_integration.cli.arguments import add_json, add_own_stores, state_of
from ml_integration.cli.auditing import audited
from ml_integration.cli.output import tell
from ml_integration.errors import InstallError, ModelNotFoundError, SettingError
from ml_integration.store.install.installing import remove
from ml_integration.store.install.retention import reasons_to_keep
from ml_integration.store.state.model_store import ModelStore
from ml_integration.store.state.places import default_stores, ships_with_package, user_store

HELP = 'remove a version that is not in use'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of this verb."""
    parser.add_argument('model', help='name@3')
    add_own_stores(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Removes the version."""
    state = state_of(args)
    with audited(state, 'remove', args.model):
        name, _, version = args.model.partition('@')
        if not version.isdecimal():
            raise SettingError('model', args.model, 'a version, name@3', where='remove')
        folder = _find(args.model, args.store)
        reasons_to_keep(state, name)  # finds what cannot be understood, before the lock
        with state.alone():
            reason = reasons_to_keep(state, name).get(int(version))
            if reason:
                hint = 'Activate another version first.'
                raise InstallError(folder, f'it cannot be removed: {reason}', hint)
            remove(folder)
    if args.json:
        print(json.dumps({'removed': args.model, 'store': str(folder.parents[1])}))
    else:
        tell(f'removed {args.model} from {folder.parents[1]}')
    return 0


def _find(model: str, stores: list[Path] | None) -> Path:
    """Finds the folder of a model, also of a quarantined one: the state is not asked."""
    own = user_store()
    try:
        return ModelStore(stores or [own]).find(model)
    except ModelNotFoundError:
        if stores:
            raise
    folder = ModelStore(default_stores()).find(model)
    if not ships_with_package(folder):
        hint = f'Name its store: --store {folder.parents[1]}.'
        raise InstallError(folder, f"it is not in the user's own store, {own}", hint)
    return folder
