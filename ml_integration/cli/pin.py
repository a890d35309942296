"""Pins the files of a package again after its author has changed them, and checks it.

The manifest keeps its comments; only `files:` is written anew, and only if the package can serve.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping
from pathlib import Path

from ml_integration.cli.arguments import add_json, add_state, path, state_of
from ml_integration.cli.auditing import audited
from ml_integration.cli.output import tell, warn
from ml_integration.deploy.loading import Loader
from ml_integration.errors import ExportError, GoldenError, ManifestError
from ml_integration.exports.counted import counted
from ml_integration.store.files import in_words, read_file
from ml_integration.store.package.manifest import MANIFEST, SIGNATURE, parse_manifest
from ml_integration.store.package.package import ModelPackage, package_of
from ml_integration.store.package.plain_yaml import LARGEST
from ml_integration.store.package.repinning import contents_of, repinned
from ml_integration.store.state.durable import write_durably
from ml_integration.store.state.places import is_installed

HELP = 'pin the files of a package again after a change by hand'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of this verb."""
    parser.add_argument('folder', type=path, metavar='FOLDER', help='with a manifest.yaml')
    add_state(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Checks the package with its new pins, then writes them."""
    folder = args.folder
    _refuse_installed(folder)
    with audited(state_of(args), 'pin', str(folder)) as record:
        data = _manifest(folder)
        contents = contents_of(folder)
        _refuse_empty(folder, contents)
        new = repinned(data, contents, folder / MANIFEST)
        manifest = parse_manifest(new, folder / MANIFEST)
        record.model = str(manifest.identity)
        if manifest.encrypted:
            what = 'its files are encrypted, and pins are made of what they are before'
            raise ExportError(what, where=str(folder), hint='Pin the original and encrypt it.')
        _check(package_of({**contents, MANIFEST: new}, folder))
        if new != data:
            write_durably(folder / MANIFEST, new)
        record.reason = f'{counted(len(contents), "file")} of {folder}'
    model, files = str(manifest.identity), list(contents)
    if args.json:
        print(json.dumps({'model': model, 'files': files, 'changed': new != data}))
    else:
        done = 'pinned' if new != data else 'nothing has changed in'
        tell(f'{done} {model}: {", ".join(files)}; it loads and runs')
    if new != data and os.path.lexists(folder / SIGNATURE):
        warn(
            f'{folder / SIGNATURE} vouches for the manifest as it was; make it anew with: '
            f'ml_model sign {folder} --key FILE'
        )
    return 0


def _refuse_installed(folder: Path) -> None:
    if is_installed(folder):
        raise ExportError(
            'an installed version never changes, so that it is the same wherever it is',
            where=str(folder),
            hint='Copy it elsewhere, give it a higher version, pin it there and install it.',
        )


def _refuse_empty(folder: Path, contents: Mapping[str, bytes]) -> None:
    if not contents:
        raise ExportError(
            'there is nothing to pin beside the manifest yet',
            where=str(folder),
            hint='Put the model file into it, and its labels.',
        )


def _manifest(folder: Path) -> bytes:
    file = folder / MANIFEST
    try:
        return read_file(file, LARGEST)
    except (OSError, ValueError) as error:
        hint = 'ml_model inspect proposes one, and ml_model new makes one to fill in.'
        what = f'the manifest cannot be read: {in_words(error)}'
        raise ManifestError(file, 'manifest', None, '', hint, what=what) from error


def _check(package: ModelPackage) -> None:
    try:
        Loader().load(package).close()
    except GoldenError as error:
        hint = (
            'If the model was meant to change, its golden sample is of the old one: delete it and '
            "the key 'golden', or make the package anew with ml_model add."
        )
        raise ExportError(error.what, where=error.where, got=error.got, hint=hint) from error
