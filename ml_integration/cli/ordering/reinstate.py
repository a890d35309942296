"""Ends the revocation of a version: robots may use it again when somebody asks for it."""

from __future__ import annotations

import argparse
from dataclasses import replace

from ml_integration.cli.ordering.writing import add_writing, write
from ml_integration.cli.stored_content import parts_of
from ml_integration.errors import SettingError
from ml_integration.store.orders.orders import Orders

HELP = 'let robots use a revoked version again'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of this verb."""
    parser.add_argument('model', help='name@3')
    parser.add_argument('--digest', default='', help='of its manifest, if several were revoked')
    add_writing(parser)


def run(args: argparse.Namespace) -> int:
    """Ends the revocation."""
    parts_of(args.model)

    def change(orders: Orders) -> Orders:
        found = [
            one
            for one in orders.revoked
            if str(one.edition) == args.model and one.edition.digest.startswith(args.digest)
        ]
        if len(found) != 1:
            expected = 'one version that is revoked'
            raise SettingError('model', args.model, expected, where='fleet reinstate')
        left = tuple(one for one in orders.revoked if one not in found)
        return replace(orders, revoked=left)

    return write(args, 'reinstate', change, f'{args.model} is not revoked any more')
