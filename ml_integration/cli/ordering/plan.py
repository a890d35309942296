"""Plans which robots take a version.

A robot takes it if its place, which comes of its id and the salt, is below the share. To widen
a plan, run this again with a larger share: what is not given stays, and no robot drops out. It
also ends a halt.
"""

from __future__ import annotations

import argparse
import secrets
from dataclasses import replace
from datetime import datetime

from ml_integration.cli.ordering.writing import add_writing, edition_of, write
from ml_integration.errors import SettingError
from ml_integration.store.orders.document import parsed_time
from ml_integration.store.orders.orders import Cohort, Criteria, Orders, Plan
from ml_integration.store.state.node_state import Edition

HELP = 'plan which robots take a version'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of this verb."""
    parser.add_argument('model', help='the candidate, name@4')
    parser.add_argument(
        '--percent', type=float, required=True, help='share of the robots of no cohort, 0 to 100'
    )
    parser.add_argument(
        '--cohort',
        action='append',
        default=None,
        metavar='FACT=VALUE[,...]:PERCENT',
        help='share of the robots with these facts; may be repeated, the first that fits counts',
    )
    parser.add_argument('--salt', default='', help='decides who comes first (default: random)')
    parser.add_argument('--start', default='', metavar='TIME', help='when it begins, ISO 8601')
    parser.add_argument('--expires', default='', metavar='TIME', help='when it ends, ISO 8601')
    parser.add_argument(
        '--least-robots', type=int, help='robots that took it before status asks for a halt'
    )
    parser.add_argument(
        '--most-taken-back', type=float, help='percent of them that may have gone back'
    )
    add_writing(parser)


def run(args: argparse.Namespace) -> int:
    """Writes the plan."""
    candidate = edition_of(args)

    def change(orders: Orders) -> Orders:
        if orders.revocation_of(candidate.digest):
            what = f'{candidate} is revoked'
            raise SettingError('model', args.model, '', where='fleet plan', what=what)
        return replace(orders, plan=_plan(args, candidate, orders.plan), halted='')

    cohorts = ''.join(f', {one}' for one in args.cohort or ())
    return write(args, 'plan', change, f'{args.percent:g} % take {candidate}{cohorts}')


def _plan(args: argparse.Namespace, candidate: Edition, before: Plan | None) -> Plan:
    """Returns the plan; of the one before stays what is not given, if it has this candidate."""
    if before is None or before.candidate != candidate:
        before = Plan(candidate, secrets.token_hex(8), 0.0)
    old = before.criteria
    plan = replace(
        before,
        salt=args.salt or before.salt,
        percent=_share(str(args.percent)),
        start=_time('--start', args.start) or before.start,
        expires=_time('--expires', args.expires) or before.expires,
        criteria=Criteria(
            old.least_robots if args.least_robots is None else max(1, args.least_robots),
            old.most_taken_back_percent
            if args.most_taken_back is None
            else _share(str(args.most_taken_back)),
        ),
    )
    if args.cohort is not None:
        plan = replace(plan, cohorts=tuple(map(_cohort, args.cohort)))
    return plan


def _cohort(text: str) -> Cohort:
    facts, colon, percent = text.rpartition(':')
    when: dict[str, tuple[str, ...]] = {}
    for pair in facts.split(','):
        name, equals, value = pair.partition('=')
        if not (colon and equals and name and value):
            expected = 'FACT=VALUE[,FACT=VALUE]:PERCENT, such as site=lab:100'
            raise SettingError('--cohort', text, expected, where='fleet plan')
        when[name] = (*when.get(name, ()), value)
    return Cohort(when, _share(percent))


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 100:
        raise SettingError('percent', text, 'a number from 0 to 100', where='fleet plan')
    return value


def _time(key: str, text: str) -> datetime | None:
    if not text:
        return None
    time = parsed_time(text)
    if time is None:
        raise SettingError(key, text, 'a time, such as 2027-01-31T08:00', where='fleet plan')
    return time if time.tzinfo else time.astimezone()
