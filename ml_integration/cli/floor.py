"""Shows or sets the downgrade floor of a model: no release below it is loaded on this machine.

Signed releases raise it when they have proven themselves; everything else does not. What has
proven itself here may be loaded whatever its release.
"""

from __future__ import annotations

import argparse
import json

from ml_integration.cli.arguments import add_json, add_state, state_of
from ml_integration.cli.auditing import audited
from ml_integration.cli.output import tell, warn
from ml_integration.errors import SettingError
from ml_integration.store.state.model_state import ModelState
from ml_integration.store.state.model_store import is_name

HELP = 'show or set the release below which a model must not go'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of this verb."""
    parser.add_argument('name', help="the model's name, without a version")
    parser.add_argument('release', nargs='?', type=int, help='the new floor; shown if not given')
    add_state(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Prints the floor, after setting it if one is given."""
    state = state_of(args)
    if args.release is None:
        now = state.model_state(args.name)
        for problem in state.problems:
            warn(problem)
    else:
        with audited(state, 'floor', args.name) as record:
            if not is_name(args.name) or args.release < 0:
                got = f'{args.name} {args.release}'
                expected = "a model's name and a release >= 0"
                raise SettingError('floor', got, expected, where='the command line')
            before = state.model_state(args.name)
            now = state.update_model_state(args.name, lambda now: now.with_floor(args.release))
            record.reason = f'{_shown(before)} -> {_shown(now)}'
    if args.json:
        floor = now.release_floor if now.floor_known else None
        print(json.dumps({'name': args.name, 'floor': floor}))
    else:
        tell(f'{args.name}: {_shown(now)}')
    return 0


def _shown(state: ModelState) -> str:
    return f'release {state.release_floor}' if state.floor_known else 'not known'
