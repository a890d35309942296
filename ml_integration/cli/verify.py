"""Verifies installed models: signatures, where keys are given, and the content of every file."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from ml_integration.cli.arguments import add_json, add_stores, add_trust, trust_of
from ml_integration.cli.output import on_terminal
from ml_integration.cli.tables import Column, show_table
from ml_integration.errors import MlIntegrationError
from ml_integration.store.package.package import read_package
from ml_integration.store.state.model_store import ModelStore
from ml_integration.store.state.places import default_stores
from ml_integration.store.trust.policy import Trust

HELP = 'verify the files and signatures of models'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of this verb."""
    parser.add_argument('model', nargs='*', help='name@3 or name@latest (default: all)')
    add_stores(parser)
    add_trust(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Prints one line per version; the status is 1 if any is not what it should be."""
    # Quarantined versions are verified as well: the state is not asked.
    store = ModelStore(args.store or default_stores())
    folders = [store.find(model) for model in args.model] or [m.directory for m in store.models()]
    trust = trust_of(args)
    rows = [_row(folder, trust) for folder in folders]
    if args.json:
        print(json.dumps(rows, indent=2))
    else:
        cells = [
            ['bad' if row['error'] else 'ok', row['model'], row['error'] or row['verified_by']]
            for row in rows
        ]
        columns = [Column(''), Column('model'), Column('verified by, or what is wrong')]
        show_table(columns, cells, headings=on_terminal())
    return 1 if any(row['error'] for row in rows) else 0


def _row(folder: Path, trust: Trust) -> dict[str, Any]:
    row = {
        'model': f'{folder.parent.name}@{folder.name}', 'directory': str(folder),
        'verified_by': '', 'error': '',
    }  # fmt: skip
    try:
        row['verified_by'] = read_package(folder, trust).verified_by
    except MlIntegrationError as error:
        row['error'] = ' '.join(str(error).split())
    return row
