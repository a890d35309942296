"""Rolls a version out on a node of this machine, in steps: shadow, shares of the frames, all.

The node compares it with the version that serves, and promotes it or takes it back by itself. To
promote, pause, resume or abort by hand, call the services ~/rollout/promote and so on.
"""

from __future__ import annotations

import argparse

from ml_integration.cli.arguments import add_verbs, run_verb
from ml_integration.cli.rolling import history, start, status

HELP = 'roll a version out on a node in steps, and see how that goes'
_VERBS = {'start': start, 'status': status, 'history': history}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the verbs below this verb, with their arguments."""
    add_verbs(parser, _VERBS)


def run(args: argparse.Namespace) -> int:
    """Runs the verb below this verb."""
    return run_verb(args)
