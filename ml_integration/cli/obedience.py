"""Obeys the orders of the fleet before a verb does something that they may forbid."""

from __future__ import annotations

import argparse

from ml_integration.cli.arguments import trust_of
from ml_integration.cli.auditing import ACTOR
from ml_integration.cli.output import warn
from ml_integration.store.orders.order_book import OrderBook
from ml_integration.store.state.places import default_stores
from ml_integration.store.state.state_dir import StateDir


def obey_orders(args: argparse.Namespace, state: StateDir, name: str) -> None:
    """Obeys the newest orders about a model; a warning says why those there are not obeyed.

    Args:
        args: with the stores and what has to be shown.
        state: remembers what was obeyed.
        name: the model's.
    """
    book = OrderBook(args.store or default_stores(), state, trust_of(args), ACTOR)
    book.look(name)
    for problem in book.problems:
        warn(problem)
