"""Shows what a model's manifest says, and how useful it was; the model itself is not opened."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ml_integration.cli.arguments import (
    add_json,
    add_model,
    add_stores,
    folder_of,
    state_of,
)
from ml_integration.cli.tables import Column, show_table
from ml_integration.core.inputs import (
    ConstantInput,
    ModelInput,
    SizeInput,
    StateInput,
    Trigger,
)
from ml_integration.core.outcomes import Tally
from ml_integration.store.package.manifest import Manifest
from ml_integration.store.package.manifest_inputs import (
    input_document,
    keep_document,
    tensor_document,
)
from ml_integration.store.package.package import read_manifest
from ml_integration.store.state.state_dir import StateDir

HELP = "show a model's manifest"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of this verb."""
    add_model(parser)
    add_stores(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Prints the manifest as lines or as JSON."""
    folder = folder_of(args)
    manifest = read_manifest(folder)
    tallies = _tallies(manifest, state_of(args))
    if args.json:
        print(json.dumps(_document(manifest, folder, tallies), indent=2, default=str))
    else:
        show_table([Column(''), Column('')], _rows(manifest, folder, tallies), headings=False)
    return 0


def _tallies(manifest: Manifest, state: StateDir) -> dict[str, Tally]:
    """Returns what became of the model's results, by the node that served it."""
    model = manifest.identity
    found = {node: of.of(str(model), model.sha256) for node, of in state.all_outcomes().items()}
    return {node: tally for node, tally in found.items() if tally is not None}


def _rows(manifest: Manifest, folder: Path, tallies: Mapping[str, Tally]) -> list[tuple[str, str]]:
    latency_ms = manifest.limits.latency_ms
    return [
        ('model', str(manifest.identity)),
        ('description', manifest.description),
        ('directory', str(folder)),
        ('task', manifest.task),
        ('format', manifest.format),
        ('license', manifest.license),
        ('origin', manifest.origin),
        *(('input', _input(item)) for item in manifest.inputs),
        ('trigger', _trigger(manifest.trigger)),
        *(('output', str(spec)) for spec in manifest.outputs),
        *(('setting', f'{name}: {value}') for name, value in manifest.settings.items()),
        ('limit', f'{latency_ms:g} ms per frame' if latency_ms else 'none'),
        *(('file', f'{name}, {pin.size} bytes') for name, pin in manifest.files.items()),
        ('reference', manifest.reference or 'none: ml_model profile makes one'),
        ('sha256', manifest.identity.sha256),
        *((f'outcome of {node}', str(tally)) for node, tally in tallies.items()),
    ]


def _document(manifest: Manifest, folder: Path, tallies: Mapping[str, Tally]) -> dict[str, Any]:
    trigger = manifest.trigger
    return {
        'model': str(manifest.identity),
        'sha256': manifest.identity.sha256,
        'directory': str(folder),
        'description': manifest.description,
        'task': manifest.task,
        'format': manifest.format,
        'license': manifest.license,
        'origin': manifest.origin,
        'inputs': [input_document(item) for item in manifest.inputs],
        'trigger': trigger.tensor or {'rate_hz': trigger.rate_hz},
        'outputs': [tensor_document(spec) for spec in manifest.outputs],
        'settings': dict(manifest.settings),
        'limits': {'latency_ms': manifest.limits.latency_ms},
        'reference': manifest.reference,
        'files': {
            name: {'sha256': pin.sha256, 'size': pin.size} for name, pin in manifest.files.items()
        },
        'outcomes': {
            node: {**tally.document(), 'useful_95': tally.interval}
            for node, tally in tallies.items()
        },
    }


def _input(item: ModelInput) -> str:
    match item:
        case StateInput():
            return f'{item.tensor}: fed back from {item.state_of}'
        case ConstantInput():
            return f'{item.tensor}: always {item.value:g}'
        case SizeInput():
            return f'{item.tensor}: size of {item.size_of} ({item.order})'
    kept = ''.join(f', {rule} {ms:g}' for rule, ms in keep_document(item.keep).items())
    encode = ''.join(f', {name}: {value}' for name, value in item.encode.items())
    return f'{item.spec} from {item.kind} on {item.topic}{kept}{encode}'


def _trigger(trigger: Trigger) -> str:
    return f'{trigger.rate_hz:g} Hz' if trigger.rate_hz else f'each message for {trigger.tensor}'
