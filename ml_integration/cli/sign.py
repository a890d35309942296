"""Signs a package: a signature over the manifest, which pins everything else."""

from __future__ import annotations

import argparse
import json

from ml_integration.cli.arguments import add_json, add_model, add_stores, folder_of, path, state_of
from ml_integration.cli.auditing import audited
from ml_integration.cli.output import tell
from ml_integration.store.package.manifest import SIGNATURE
from ml_integration.store.package.package import open_package
from ml_integration.store.package.pinned_files import read_pinned
from ml_integration.store.state.durable import write_durably
from ml_integration.store.trust.signature import key_id, load_private_key, sign

HELP = 'sign a package'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of this verb."""
    add_model(parser)
    parser.add_argument(
        '--key', type=path, required=True, metavar='FILE', help='a private key from keygen'
    )
    add_stores(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Verifies the files, so that no broken package gets signed, and signs."""
    with audited(state_of(args), 'sign', args.model) as record:
        folder = folder_of(args)
        key = load_private_key(args.key)
        package = open_package(folder)
        manifest = package.manifest
        record.model = str(manifest.identity)
        read_pinned(folder, manifest.files)
        write_durably(folder / SIGNATURE, sign(package.data, key))
        signer = key_id(key.public_key())
        record.reason = f'with the key {signer}'
    if args.json:
        print(
            json.dumps({'model': record.model, 'release': manifest.release, 'signed_by': signer})
        )
    else:
        tell(f'signed {record.model}, release {manifest.release}, {record.reason}')
    return 0
