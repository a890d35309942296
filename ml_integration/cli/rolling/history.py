"""Shows what nodes of this machine decided about rollouts, and why, from the audit log."""

from __future__ import annotations

import argparse
import json

from ml_integration.cli.arguments import add_json, add_state, state_of
from ml_integration.cli.output import tell, warn
from ml_integration.cli.rolling.decisions import decisions
from ml_integration.cli.rolling.nodes import known_node
from ml_integration.store.state.audit_entry import AuditEntry

HELP = 'show what was decided, with the numbers'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of this verb."""
    parser.add_argument('node', nargs='?', default='', help='only this one, by its full name')
    parser.add_argument(
        '--limit', type=_positive, default=20, metavar='N', help='the last N (default: 20)'
    )
    add_state(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Prints the decisions, the newest last; the status is 1 if the log was tampered with."""
    state = state_of(args)
    node = known_node(args.node, state) if args.node else ''
    found = state.audit.examine()
    shown = decisions(found.entries, node)[-args.limit :]
    if args.json:
        told = [entry.document() for entry in shown]
        print(json.dumps({'decisions': told, 'problems': found.problems}, indent=2))
        return 1 if found.problems else 0
    for entry in shown:
        tell(_line(entry))
    if not shown:
        tell(f'nothing was decided about a rollout{f" of {node}" if node else ""}')
    for sentence in found.problems:
        warn(f'{state.audit.path}: {sentence}')
    return 1 if found.problems else 0


def _line(entry: AuditEntry) -> str:
    reason = entry.reason if entry.result == 'ok' else f'{entry.result}: {entry.reason}'
    return f'{entry.time}  {entry.actor}  {reason}'


def _positive(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 0 < int(text) < 10**6):
        raise argparse.ArgumentTypeError(f'{text!r} is not a number from 1 to 999999')
    return int(text)
