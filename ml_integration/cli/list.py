"""Lists the models of the stores, those that cannot be read with the reason."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from ml_integration.cli.arguments import add_json, add_stores, state_of, store_of
from ml_integration.cli.output import tell
from ml_integration.store.state.model_state import ModelState, Quarantine
from ml_integration.store.state.model_store import NAME_RULE, StoredModel

HELP = 'list the models of the stores'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of this verb."""
    add_stores(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Prints one line, or one JSON object, per version."""
    store, state = store_of(args), state_of(args)
    rows = [_row(model, state.model_state(model.name)) for model in store.models()]
    rows += map(_misnamed, store.misnamed())
    if args.json:
        print(json.dumps(rows, indent=2))
    elif not rows:
        tell('no models in', ', '.join(map(str, store.stores)) or 'any known place')
    else:
        columns = [column for column in ('model', 'state', 'task') if any(r[column] for r in rows)]
        widths = {column: max(len(row[column]) for row in rows) for column in columns}
        for row in rows:
            cells = [f'{row[column]:{width}}' for column, width in widths.items()]
            tell('  '.join([*cells, row['error'] or row['description']]).rstrip())
    return 0


def _row(model: StoredModel, state: ModelState) -> dict[str, Any]:
    row = {
        'model': str(model), 'state': _state(model, state),
        'directory': str(model.directory), 'task': '', 'description': '',
    }  # fmt: skip
    manifest, error = model.manifest, model.error
    if manifest is not None:
        row.update(task=manifest.task, description=manifest.description)
        missing = [name for name in manifest.files if not (model.directory / name).exists()]
        error = f'incomplete, missing: {", ".join(missing)}' if missing else ''
    quarantine = _quarantine(model, state)
    return {**row, 'error': error or (str(quarantine) if quarantine else '')}


def _misnamed(folder: Path) -> dict[str, Any]:
    return {
        'model': folder.name, 'state': '', 'directory': str(folder), 'task': '',
        'description': '', 'error': f'cannot be used under this name. {NAME_RULE}',
    }  # fmt: skip


def _state(model: StoredModel, state: ModelState) -> str:
    if _quarantine(model, state):
        return 'quarantined'
    return {state.previous: 'previous', state.active: 'active'}.get(model.version, '')


def _quarantine(model: StoredModel, state: ModelState) -> Quarantine | None:
    return state.quarantine_of(model.version, model.manifest.digest if model.manifest else '')
