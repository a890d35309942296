"""Makes an encrypted copy of a package; sign the copy, if at all, afterwards."""

from __future__ import annotations

import argparse
import json
import os

from ml_integration.cli.arguments import add_json, add_model, add_stores, folder_of, path
from ml_integration.cli.output import tell
from ml_integration.errors import SettingError
from ml_integration.store.trust.encrypting import encrypt_package
from ml_integration.store.trust.encryption import VARIABLE, load_model_key

HELP = 'make an encrypted copy of a package'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of this verb."""
    add_model(parser)
    parser.add_argument('target', type=path, metavar='DIR', help='the folder to be made')
    parser.add_argument(
        '--model-key',
        type=path,
        metavar='FILE',
        help=f'from keygen --encryption (default: the variable {VARIABLE})',
    )
    add_stores(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Writes the copy."""
    key = load_model_key(args.model_key, os.environ)
    if key is None:
        raise SettingError(
            '--model-key', None, f'a file, or the variable {VARIABLE}', where='encrypt'
        )
    manifest = encrypt_package(folder_of(args), args.target, key)
    model, files = str(manifest.identity), list(manifest.encrypted)
    if args.json:
        told = {'model': model, 'directory': str(args.target), 'encrypted': files}
        print(json.dumps(told))
    else:
        tell(f'{args.target} is {model} with {", ".join(files)} encrypted')
    return 0
