"""Shows the orders about a model, and what a robot would do about the plan."""

from __future__ import annotations

import argparse
import json
from datetime import datetime, timezone

from ml_integration.cli.arguments import add_json, add_stores, add_trust, state_of, trust_of
from ml_integration.cli.output import tell
from ml_integration.errors import SettingError
from ml_integration.store.orders.document import document_of
from ml_integration.store.orders.facts import robot_facts
from ml_integration.store.orders.orders import Orders
from ml_integration.store.orders.orders_file import orders_file, read_orders
from ml_integration.store.orders.share import decide
from ml_integration.store.state.model_state import SHORT
from ml_integration.store.state.model_store import check_name
from ml_integration.store.state.places import default_stores

HELP = 'show the orders about a model, and what this robot decides'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of this verb."""
    parser.add_argument('model', help="the model's name, without a version")
    parser.add_argument('--facts', default='', metavar='FILE', help='facts of the robot, YAML')
    parser.add_argument('--robot', default='', help='id of the robot (default: of the facts)')
    add_stores(parser)
    add_trust(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Prints the newest orders; nothing is obeyed or remembered."""
    orders = newest_orders(args, check_name(args.model))
    if orders is None:
        what = f'there are no orders about {args.model}'
        raise SettingError('model', args.model, '', where='fleet show', what=what)
    facts = robot_facts(args.facts, 'fleet show')
    robot = args.robot or facts.robot
    decision = decide(orders, robot, facts.values, datetime.now(timezone.utc))
    obeyed = state_of(args).model_state(args.model).obeyed.counter
    if args.json:
        told = {'takes': decision.takes, 'decision': decision.sentence, 'obeyed': obeyed}
        print(json.dumps({**document_of(orders), **told}))
        return 0
    tell(f'orders {orders.counter} about {orders.model}; this machine has obeyed {obeyed}')
    if orders.plan is not None:
        shares = [f'{one.percent:g} % of {_facts(one.when)}' for one in orders.plan.cohorts]
        shares.append(f'{orders.plan.percent:g} % of {"the others" if shares else "all"}')
        tell(f'  {orders.plan.candidate} for {", ".join(shares)}')
    if orders.halted:
        tell(f'  halted: {orders.halted}')
    for one in orders.revoked:
        tell(f'  revoked: {one.edition}, {one.edition.digest[:SHORT]}: {one.reason}')
    tell(decision.sentence)
    return 0


def newest_orders(args: argparse.Namespace, name: str) -> Orders | None:
    """Returns the newest orders in the stores of the command line; None if there are none.

    Raises:
        MlIntegrationError: they cannot be read, or no trusted key vouches for them.
    """
    trust = trust_of(args)
    files = [orders_file(store, name) for store in args.store or default_stores()]
    found = [orders for file in files if (orders := read_orders(file, trust)) is not None]
    return max(found, key=lambda orders: orders.counter, default=None)


def _facts(when: object) -> str:
    facts = dict(when) if isinstance(when, dict) else {}
    return ' and '.join(f'{name}={"|".join(values)}' for name, values in facts.items())
