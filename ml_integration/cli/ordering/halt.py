"""Halts the plan for a model: no more robots take its candidate.

Robots that took it keep it; `ml_model fleet revoke` takes it back. A new `ml_model fleet plan`
goes on.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

from ml_integration.cli.ordering.writing import add_writing, write
from ml_integration.errors import SettingError
from ml_integration.store.orders.orders import Orders
from ml_integration.store.state.model_store import check_name

HELP = 'let no more robots take the candidate'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of this verb."""
    parser.add_argument('model', help="the model's name, without a version")
    parser.add_argument('--reason', default='a person halted it', help='why, for those who ask')
    add_writing(parser)


def run(args: argparse.Namespace) -> int:
    """Halts the plan."""
    check_name(args.model)

    def change(orders: Orders) -> Orders:
        if orders.plan is None:
            what = f'there is no plan for {args.model}'
            raise SettingError('model', args.model, '', where='fleet halt', what=what)
        return replace(orders, halted=args.reason)

    return write(args, 'halt', change, f'halted: {args.reason}')
