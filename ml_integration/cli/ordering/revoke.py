"""Revokes a version on every robot: none of them uses it any more, in no way.

What serves it goes back to the last good model. Only `ml_model fleet reinstate` ends it.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

from ml_integration.cli.ordering.writing import add_writing, edition_of, write
from ml_integration.store.orders.orders import Orders, Revocation

HELP = 'take a version away from every robot'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of this verb."""
    parser.add_argument('model', help='name@3')
    parser.add_argument('--reason', default='a person revoked it', help='why, for those who ask')
    parser.add_argument(
        '--digest', default='', help='of its manifest, if no store here holds the version'
    )
    add_writing(parser)


def run(args: argparse.Namespace) -> int:
    """Revokes the version."""
    edition = edition_of(args, args.digest)

    def change(orders: Orders) -> Orders:
        if orders.revocation_of(edition.digest):
            return orders
        revocation = Revocation(edition, args.reason)
        return replace(orders, revoked=(*orders.revoked, revocation))

    return write(args, 'revoke', change, f'{edition} is revoked: {args.reason}')
