"""Lists the models of the stores, those that cannot be read with the reason."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from ml_integration.cli.arguments import add_json, add_stores, state_of, store_of
from ml_integration.cli.output import on_terminal, tell
from ml_integration.cli.tables import Column, show_table
from ml_integration.errors import MlIntegrationError
from ml_integration.store.state.model_state import ModelState, Quarantine
from ml_integration.store.state.model_store import NAME_RULE, ModelStore, StoredModel

HELP = 'list the models of the stores'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of this verb."""
    add_stores(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Prints one line, or one JSON object, per version."""
    store, state = store_of(args), state_of(args)
    rows = [_row(model, store, state.model_state(model.name)) for model in store.models()]
    rows += map(_misnamed, store.misnamed())
    if args.json:
        print(json.dumps(rows, indent=2))
    elif not rows:
        tell('no models in', ', '.join(map(str, store.stores)) or 'any known place')
    else:
        _show(rows)
    return 0


def _show(rows: list[dict[str, Any]]) -> None:
    stores = {row['store'] for row in rows}
    names = [name for name in ('model', 'state', 'task') if any(row[name] for row in rows)]
    names += ['store'] if len(stores) > 1 else []
    cells = [[*(row[name] for name in names), row['error'] or row['description']] for row in rows]
    columns = [*(Column(name) for name in names), Column('')]
    title = f'models in {stores.pop()}' if on_terminal() and len(stores) == 1 else ''
    show_table(columns, cells, title, headings=on_terminal())


def _row(model: StoredModel, store: ModelStore, state: ModelState) -> dict[str, Any]:
    row = {
        'model': str(model), 'state': _state(model, store, state),
        'store': str(model.directory.parents[1]), 'directory': str(model.directory),
        'task': '', 'description': '',
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
        'model': folder.name, 'state': '', 'store': str(folder.parent),
        'directory': str(folder), 'task': '', 'description': '',
        'error': f'cannot be used under this name. {NAME_RULE}',
    }  # fmt: skip


def _state(model: StoredModel, store: ModelStore, state: ModelState) -> str:
    if _quarantine(model, state):
        return 'quarantined'
    chosen = {state.previous: 'previous', state.active: 'active'}.get(model.version, '')
    return chosen or ('latest' if _is_latest(model, store, state) else '')


def _is_latest(model: StoredModel, store: ModelStore, state: ModelState) -> bool:
    """Tells whether the bare name means this one of several versions, as nobody has chosen."""
    if state.active or len(store.versions(model.name)) < 2:
        return False
    try:
        return store.find(model.name) == model.directory
    except MlIntegrationError:
        return False


def _quarantine(model: StoredModel, state: ModelState) -> Quarantine | None:
    return state.quarantine_of(model.version, model.manifest.digest if model.manifest else '')
