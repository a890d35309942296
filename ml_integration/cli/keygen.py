"""Makes a pair of keys for signatures, or a key for encryption.

Keep the private key off the robots; put the public one into their folder of trusted keys.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

from ml_integration.cli.arguments import add_json
from ml_integration.cli.output import tell
from ml_integration.errors import SettingError
from ml_integration.store.state.durable import write_durably
from ml_integration.store.state.places import expanded
from ml_integration.store.trust.encryption import KEY_BYTES
from ml_integration.store.trust.signature import key_id, new_key, private_pem, public_pem

HELP = 'make keys to sign or to encrypt models'
_PRIVATE = 0o600


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of this verb."""
    parser.add_argument('name', help='where to write, without the end of the file name')
    parser.add_argument(
        '--encryption', action='store_true', help='make a key for encryption, NAME.key'
    )
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Writes the keys; nothing is ever overwritten."""
    if args.encryption:
        file = _new_file(f'{args.name}.key')
        write_durably(file, f'{os.urandom(KEY_BYTES).hex()}\n'.encode(), _PRIVATE)
        if args.json:
            print(json.dumps({'secret': str(file)}))
        else:
            tell(f'wrote {file}: keep it secret, and give it to the robots')
        return 0
    private, public = _new_file(f'{args.name}.private.pem'), _new_file(f'{args.name}.public.pem')
    key = new_key()
    write_durably(private, private_pem(key), _PRIVATE)
    write_durably(public, public_pem(key.public_key()))
    if args.json:
        files = {'private': str(private), 'public': str(public)}
        print(json.dumps({'key': key_id(key.public_key()), **files}))
        return 0
    tell(f'key {key_id(key.public_key())}')
    tell(f'wrote {private}: keep it secret, and off the robots')
    tell(f"wrote {public}: for the robots' folder of trusted keys")
    return 0


def _new_file(name: str) -> Path:
    file = expanded(name, 'name', 'keygen')
    if os.path.lexists(file):  # a link that leads nowhere is not overwritten either
        what = f'{name} exists already, and no key is overwritten'
        raise SettingError('name', name, '', where='keygen', what=what)
    return file
