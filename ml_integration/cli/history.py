"""Shows what was done to models, by whom and why, and whether that record is intact."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence

from ml_integration.cli.arguments import add_json, add_state, state_of
from ml_integration.cli.output import tell, warn
from ml_integration.store.state.audit_entry import AuditEntry

HELP = 'show and verify the audit log'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of this verb."""
    parser.add_argument('name', nargs='?', default='', help='only this model')
    add_state(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Prints the log, the oldest entry first; the status is 1 if it was tampered with."""
    log = state_of(args).audit
    found = log.examine()
    entries, problems = found.entries, found.problems
    shown, counted = (_of_model(args.name, some) for some in (entries, found.refusals))
    if args.json:
        document = {
            'entries': [entry.document() for entry in shown],
            'counted': [entry.document() for entry in counted],
            'problems': problems,
            'remarks': found.remarks,
        }
        print(json.dumps(document, indent=2))
    else:
        for entry in shown:
            tell(_line(entry))
        for entry in counted:
            tell('not written yet:', _line(entry))
        many = f'{len(entries)} {"entry" if len(entries) == 1 else "entries"}'
        wrong = f'{len(problems)} {"problem" if len(problems) == 1 else "problems"}'
        tell(f'{many}, {wrong if problems else "the chain is intact"}')
    for sentence in (*problems, *found.remarks) if not args.json else ():
        warn(f'{log.path}: {sentence}')
    return 1 if problems else 0


def _of_model(name: str, entries: Sequence[AuditEntry]) -> list[AuditEntry]:
    return [entry for entry in entries if name in ('', entry.model.partition('@')[0])]


def _line(entry: AuditEntry) -> str:
    change = f'{entry.before} -> {entry.after}' if entry.before and entry.after else entry.model
    if entry.result != 'ok':
        change = f'{entry.model}: {entry.result}'
    reason = f' ({entry.reason})' if entry.reason else ''
    return f'{entry.time}  {entry.actor}  {entry.action}  {change}{reason}'
