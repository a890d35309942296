"""Asks a running node to roll out a version in steps.

What the disk tells is refused at once: a version that is not there, is quarantined or revoked, or
that a rollout on this node took back. The node decides about everything else.
"""

from __future__ import annotations

import argparse
import json
import time

from ml_integration.cli.arguments import (
    add_json,
    add_stores,
    add_trust,
    state_of,
    store_of,
    trust_of,
)
from ml_integration.cli.auditing import audited
from ml_integration.cli.obedience import obey_orders
from ml_integration.cli.output import tell
from ml_integration.cli.rolling.decisions import decisions
from ml_integration.cli.rolling.nodes import known_node
from ml_integration.cli.stored_content import parts_of
from ml_integration.deploy.rollout import steps
from ml_integration.deploy.rollout.settling import ACTION
from ml_integration.errors import SwapError
from ml_integration.store.package.package import inspect_package
from ml_integration.store.state.node_state import Edition
from ml_integration.store.state.rollout_request import RolloutRequest
from ml_integration.store.state.state_dir import StateDir

HELP = 'ask a running node to roll out a version'
TAKEN_S = 5.0
"""Longest wait for the node to take the request [s]: it looks once a second."""
ANSWER_S = 5.0
"""Longest wait for what it says then [s]."""
_LOOK_S = 0.1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of this verb."""
    parser.add_argument('node', help='full name of the node, such as /robot1/detector')
    parser.add_argument('model', help='name@3')
    add_stores(parser)
    add_trust(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Asks the node, and says what it answers."""
    state = state_of(args)
    name, _ = parts_of(args.model)
    node = known_node(args.node, state)
    with audited(state, ACTION, args.model) as record:
        obey_orders(args, state, name)
        candidate = _candidate(args)
        _require_startable(state, node, candidate)
        answer = _ask(state, node, candidate)
        record.reason = f'{node} was asked to roll it out'
    if args.json:
        told = {'node': node, 'model': candidate.model, 'digest': candidate.digest}
        print(json.dumps({**told, 'answer': answer}))
    else:
        tell(f'{node}: {answer}')
    return 0


def _candidate(args: argparse.Namespace) -> Edition:
    """Returns what lies in the store, as far as it can be checked quickly.

    Raises:
        MlIntegrationError: it may not be loaded.
    """
    return Edition.of(inspect_package(store_of(args).find(args.model), trust_of(args)).manifest)


def _require_startable(state: StateDir, node: str, candidate: Edition) -> None:
    """Checks what is known of the node's rollouts.

    Raises:
        SwapError: it is under way already, or the node would not begin it.
    """
    now = state.rollout_state(node)
    if now.under_way and now.candidate.matches(candidate):
        raise SwapError(f'{candidate} is being rolled out already, in {now.phase.value}')
    steps.start(now, candidate, state.node_state(node).edition)


def _ask(state: StateDir, node: str, candidate: Edition) -> str:
    """Asks the node; returns its answer.

    Raises:
        SwapError: it refuses, or does not take the request.
    """
    request, before = RolloutRequest(state.path, node), _refusals(state, node, candidate)
    request.ask(candidate)
    end_s = time.monotonic() + TAKEN_S
    try:
        while request.is_waiting and time.monotonic() < end_s:
            time.sleep(_LOOK_S)
    finally:  # also if a person does not wait any longer
        is_left = request.withdraw()
    if is_left:
        raise SwapError(
            f'{node} has not taken the request in {TAKEN_S:g} s, and it was withdrawn',
            hint='The node has to be active, and keep its state here: look at ros2 lifecycle '
            f'get {node}.',
        )
    return _answer(state, node, candidate, before)


def _answer(state: StateDir, node: str, candidate: Edition, before: tuple[str, ...]) -> str:
    """Waits until the node has begun or refused what it has taken; returns how it goes.

    Raises:
        SwapError: it refuses.
    """
    end_s = time.monotonic() + ANSWER_S
    while time.monotonic() < end_s:
        now = state.rollout_state(node)
        if now.under_way and now.candidate.matches(candidate):
            return now.reason
        refusals = _refusals(state, node, candidate)
        if refusals != before:
            raise SwapError(f'{node} refuses it: {refusals[-1]}')
        time.sleep(_LOOK_S)
    return f'has taken the request to roll out {candidate}'


def _refusals(state: StateDir, node: str, candidate: Edition) -> tuple[str, ...]:
    """Returns why the node has refused a candidate, the newest reason last."""
    found = state.audit.examine()
    told = decisions((*found.entries, *found.refusals), node, candidate.model)
    return tuple(entry.reason for entry in told if entry.result != 'ok')
