"""Shows what a model's manifest says; the model itself is not opened."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from ml_integration.cli.arguments import add_json, add_model, add_stores, folder_of
from ml_integration.core.datatypes import TensorSpec
from ml_integration.store.package.manifest import Manifest
from ml_integration.store.package.package import read_manifest

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
    if args.json:
        print(json.dumps(_document(manifest, folder), indent=2, default=str))
    else:
        for key, value in _lines(manifest, folder):
            print(f'{key:12}{value}'.rstrip())
    return 0


def _lines(manifest: Manifest, folder: Path) -> list[tuple[str, str]]:
    latency_ms = manifest.limits.latency_ms
    return [
        ('model', str(manifest.identity)),
        ('description', manifest.description),
        ('directory', str(folder)),
        ('task', manifest.task),
        ('backend', manifest.backend),
        ('licence', manifest.licence),
        ('origin', manifest.origin),
        *(('input', f'{i.spec} from {i.sensor} on {i.topic}') for i in manifest.inputs),
        *(('output', str(spec)) for spec in manifest.outputs),
        *(('setting', f'{name}: {value}') for name, value in manifest.settings.items()),
        ('limit', f'{latency_ms:g} ms per frame' if latency_ms else 'none'),
        *(('file', f'{name}, {pin.size} bytes') for name, pin in manifest.files.items()),
        ('sha256', manifest.identity.sha256),
    ]


def _document(manifest: Manifest, folder: Path) -> dict[str, Any]:
    return {
        'model': str(manifest.identity),
        'sha256': manifest.identity.sha256,
        'directory': str(folder),
        'description': manifest.description,
        'task': manifest.task,
        'backend': manifest.backend,
        'licence': manifest.licence,
        'origin': manifest.origin,
        'inputs': [
            {**_tensor(item.spec), 'sensor': item.sensor, 'topic': item.topic}
            for item in manifest.inputs
        ],
        'outputs': [_tensor(spec) for spec in manifest.outputs],
        'settings': dict(manifest.settings),
        'limits': {'latency_ms': manifest.limits.latency_ms},
        'files': {
            name: {'sha256': pin.sha256, 'size': pin.size} for name, pin in manifest.files.items()
        },
    }


def _tensor(spec: TensorSpec) -> dict[str, Any]:
    return {'name': spec.name, 'dtype': spec.dtype, 'shape': list(spec.shape)}
