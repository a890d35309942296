"""Installs a version of a model from a folder, an archive or an ONNX file with its manifest.

It is copied, verified and then put into the store at once: a reader sees all of it or nothing.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from ml_integration.cli.arguments import (
    add_into,
    add_json,
    add_state,
    add_trust,
    path,
    state_of,
    trust_of,
)
from ml_integration.cli.auditing import audited
from ml_integration.cli.output import tell, warn
from ml_integration.cli.progress import progress
from ml_integration.store.install.installing import Installed, install
from ml_integration.store.state.model_store import quarantine_in
from ml_integration.store.state.places import user_store
from ml_integration.store.state.state_dir import StateDir

HELP = 'install a model from a folder, an archive or an ONNX file'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of this verb."""
    parser.add_argument(
        'source', type=path, metavar='SRC', help='a folder, .tar, .tar.gz, .tgz, .zip or .onnx'
    )
    add_into(parser)
    parser.add_argument(
        '--manifest', type=path, metavar='FILE', help='of an .onnx (default: the one beside it)'
    )
    add_state(parser)
    add_trust(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Installs the model and says where it is."""
    state = state_of(args)
    with audited(state, 'install', str(args.source)) as record:
        with progress(args.source.name) as show:
            installed = install(
                args.source,
                args.into or user_store(),
                trust_of(args),
                manifest=args.manifest,
                progress=show,
                replaceable=lambda directory: _is_barred(directory, state),
            )
        record.model = str(installed.manifest.identity)
        known = '' if installed.is_new else ', was there already'
        record.reason = f'from {args.source}, verified by {installed.verified_by}{known}'
        _lift_quarantine(installed, state)
    if args.json:
        print(json.dumps(_document(installed)))
    elif installed.is_new:
        by = installed.verified_by
        tell(f'installed {record.model} in {installed.directory}, verified by {by}')
    else:
        tell(f'{record.model} is installed already in {installed.directory}')
    return 0


def _is_barred(directory: Path, state: StateDir) -> bool:
    """Tells whether nobody may use what lies in a version's folder, so that it may be replaced."""
    version = int(directory.name)
    return quarantine_in(directory, version, state.model_state(directory.parent.name)) is not None


def _lift_quarantine(installed: Installed, state: StateDir) -> None:
    """Ends a quarantine: what is there now was verified and is what a person wants."""
    manifest = installed.manifest
    version, digest = manifest.version, manifest.digest
    if state.model_state(manifest.name).revocation_of(digest):
        warn(f'{manifest.identity} stays barred: the fleet has revoked it')
    elif state.model_state(manifest.name).quarantine_of(version, digest):
        state.update_model_state(
            manifest.name, lambda now: now.without_quarantine(version, digest)
        )


def _document(installed: Installed) -> dict[str, object]:
    return {
        'model': str(installed.manifest.identity),
        'directory': str(installed.directory),
        'verified_by': installed.verified_by,
        'new': installed.is_new,
    }
