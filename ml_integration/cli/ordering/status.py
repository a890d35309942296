"""Sums up the reports of many robots: their state directories, collected below one folder.

Bring them together with rsync, one folder per robot; the files audit.jsonl* and fleet/ are enough.
The status is 1 if more robots went back from a plan's candidate than the plan allows.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta, timezone

from ml_integration.cli.arguments import add_json, add_stores, add_trust, path
from ml_integration.cli.ordering.show import newest_orders
from ml_integration.cli.output import tell, warn
from ml_integration.errors import MlIntegrationError
from ml_integration.fleet.collected import read_collected
from ml_integration.fleet.fleet_summary import ModelSummary, Silent, names_of, silent, summary_of
from ml_integration.store.orders.orders import Orders

HELP = 'sum up the reports of many robots'
_SHOWN = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of this verb."""
    parser.add_argument('folder', type=path, help='holds the state directories of the robots')
    parser.add_argument(
        '--silent-after',
        type=float,
        default=120.0,
        metavar='MINUTES',
        help='time without a sign of life after which a robot is silent (default: %(default)g)',
    )
    add_stores(parser)
    add_trust(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Prints the sums; the status is 1 if a plan should be halted."""
    next(args.folder.iterdir(), None)  # a folder that is not there is an error, not an empty one
    robots, now = list(read_collected(args.folder)), datetime.now(timezone.utc)
    for problem in (sentence for robot in robots for sentence in robot.problems):
        warn(problem)
    models = [summary_of(robots, name, _orders(args, name)) for name in names_of(robots)]
    quiet = silent(robots, now, timedelta(minutes=args.silent_after))
    if args.json:
        told = [{'robot': one.robot, 'since': one.since and str(one.since)} for one in quiet]
        summed = [asdict(model) for model in models]
        print(json.dumps({'robots': len(robots), 'silent': told, 'models': summed}))
    else:
        _show(len(robots), quiet, models, now)
    return int(any(plan.asks_for_halt for model in models for plan in model.plans))


def _orders(args: argparse.Namespace, name: str) -> Orders | None:
    try:
        return newest_orders(args, name)
    except MlIntegrationError as error:
        warn(str(error))
        return None


def _show(
    robots: int, quiet: Sequence[Silent], models: Sequence[ModelSummary], now: datetime
) -> None:
    tell(f'{robots} robots, {len(quiet)} of them silent')
    for one in quiet[:_SHOWN]:
        since = 'at all times' if one.since is None else f'for {_time(now - one.since)}'
        tell(f'  {one.robot} is silent {since}')
    if len(quiet) > _SHOWN:
        tell(f'  and {len(quiet) - _SHOWN} more')
    for model in models:
        _show_model(model)


def _show_model(model: ModelSummary) -> None:
    tell(f'{model.model}:')
    for version, count in model.versions.items():
        tell(f'  {version} serves on {count}')
    _show_counts({f'orders {counter} obeyed': n for counter, n in model.orders.items() if counter})
    _show_counts({f'{version} halted': count for version, count in model.halted.items()})
    _show_counts({f'{version} revoked': count for version, count in model.revoked.items()})
    for plan in model.plans:
        share = 100.0 * plan.went_back / plan.took if plan.took else 0.0
        back = f'{plan.went_back} of them do not serve it now ({share:.1f} %)'
        tell(f'  {plan.candidate} taken by plan on {plan.took}, {back}')
        if plan.asks_for_halt:
            name = model.model
            warn(f'more than the plan allows: ml_model fleet halt {name} --key PRIVATE_KEY.pem')


def _show_counts(counts: Mapping[str, int]) -> None:
    for what, count in counts.items():
        tell(f'  {what} on {count}')


def _time(span: timedelta) -> str:
    hours, seconds = divmod(int(span.total_seconds()), 3600)
    days, hours = divmod(hours, 24)
    if days:
        return f'{days} d {hours} h'
    return f'{hours} h {seconds // 60} min' if hours else f'{seconds // 60} min'
