"""Gives orders about a model to all robots, and sums up what they report.

Orders are a signed file in the store, NAME/rollout.yaml: a plan (who takes a new version), a halt,
and versions that are revoked. They travel with the store. Each robot decides alone; no server is
asked. Each change signs the file anew, with a higher counter.
"""

from __future__ import annotations

import argparse

from ml_integration.cli.arguments import add_verbs, run_verb
from ml_integration.cli.ordering import halt, plan, reinstate, revoke, show, status

HELP = 'give signed orders to all robots, and sum up their reports'
_VERBS = {
    'plan': plan,
    'halt': halt,
    'revoke': revoke,
    'reinstate': reinstate,
    'show': show,
    'status': status,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the verbs below this verb, with their arguments."""
    add_verbs(parser, _VERBS)


def run(args: argparse.Namespace) -> int:
    """Runs the verb below this verb."""
    return run_verb(args)
