"""Shows where the rollouts of the nodes of this machine are, as they are stored."""

from __future__ import annotations

import argparse
import json
import shlex
from pathlib import Path

from ml_integration.cli.arguments import add_json, add_state, state_of
from ml_integration.cli.output import tell, warn
from ml_integration.cli.rolling.decisions import decisions
from ml_integration.cli.rolling.nodes import known_node
from ml_integration.store.state.rollout_state import Phase, RolloutState
from ml_integration.store.state.state_dir import StateDir

HELP = 'show where the rollouts are'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of this verb."""
    parser.add_argument('node', nargs='?', default='', help='only this one, by its full name')
    add_state(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Prints the state of each rollout."""
    state = state_of(args)
    nodes = state.rollout_states()
    if args.node:
        node = known_node(args.node, state)
        nodes = {node: nodes.get(node, RolloutState())}
    since = _since(state)
    if args.json:
        told = [
            {'node': node, 'since': since.get(node, ''), **rollout.document()}
            for node, rollout in nodes.items()
        ]
        print(json.dumps(told, indent=2))
    else:
        for node, rollout in nodes.items():
            _show(node, rollout, since.get(node, ''), _release(args.state_dir))
        if not nodes:
            tell(f'no rollout was begun by a node that keeps its state in {state.path}')
    for problem in state.problems:
        warn(problem)
    return 0


def _since(state: StateDir) -> dict[str, str]:
    """Returns when each node has decided something last."""
    return {entry.actor: entry.time for entry in decisions(state.audit.entries())}


def _release(state_dir: Path | None) -> str:
    """Returns the command that lets rollouts take a candidate again, without the candidate."""
    where = f'--state-dir {shlex.quote(str(state_dir))} ' if state_dir else ''
    return f'ml_model release {where}'


def _show(node: str, rollout: RolloutState, since: str, release: str) -> None:
    tell(f'{node}: {_phase(rollout)}')
    if rollout.candidate:
        tell(f'  candidate {rollout.candidate}, stable {rollout.stable}')
    if rollout.reason:
        tell(f'  {since}  {rollout.reason}' if since else f'  {rollout.reason}')
    for crash in rollout.crashes:
        times = 'once' if crash.count == 1 else f'{crash.count} times'
        tell(f'  the process ended {times} while {crash.edition} was in it')
    for bar in rollout.barred:
        tell(f'  no rollout takes {bar.edition} until: {release}{bar.edition}')


def _phase(rollout: RolloutState) -> str:
    word = rollout.phase.value
    if rollout.phase is Phase.CANARY:
        word = f'canary, share {rollout.step + 1}'
    elif rollout.phase is Phase.HALTED:
        word = f'halted in {rollout.halted_in.value}'
    elif rollout.watched:
        word = 'promoted, and watched for long enough'
    return f'{word}, paused' if rollout.paused else word
