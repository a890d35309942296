"""The rollout demo's straight line: start, promote, take back, draw, take down."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from ml_integration.cli.arguments import path
from ml_integration.demos.demo.view import View
from ml_integration.demos.program import run_demo, undisturbed_end, undivided
from ml_integration.demos.rollout_demo.picture import draw
from ml_integration.demos.rollout_demo.play import Play
from ml_integration.demos.rollout_demo.stage import BAD, OLD, make_store
from ml_integration.demos.rollout_demo.watcher import Watcher
from ml_integration.ros.client.child_process import ChildProcess, parameters, start_node

DETECTOR = 'detector'


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the demo; returns the exit code, 1 when a rollout ended in another way."""
    options = _parse(arguments)
    return run_demo('demo-rollout', options.out, partial(_play, options))


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog='demo_rollout',
        description='Rolls a better version and a bad one out on a running detector, live.',
    )
    parser.add_argument('--rate', type=float, default=30.0, help='pictures per second')
    parser.add_argument('--step', type=float, default=12.0, help='least time of a step [s]')
    parser.add_argument(
        '--quick', action='store_true', help='one share, and no truth: by comparison alone'
    )
    parser.add_argument('--out', type=path, default=Path('out'), help='folder for the results')
    return parser.parse_args(arguments)


def _play(options: argparse.Namespace, view: View) -> None:
    with ExitStack() as resources:
        folder = Path(resources.enter_context(tempfile.TemporaryDirectory()))
        store = make_store(folder / 'store')
        view.say(f'starting {DETECTOR} on a copy of the store; its log is in {options.out}')
        with undisturbed_end():
            with undivided():
                child = _detector(options, store, folder / 'state')
                resources.callback(child.end)
                watcher = Watcher(DETECTOR, options.rate, not options.quick, child.check)
                resources.callback(watcher.close)
            play = Play(watcher, view)
            play.promote()
            published = play.take_back()
    picture = options.out / 'demo_rollout.png'
    draw(picture, play.began_s, watcher.made, watcher.told, play.decisions)
    view.say(f'\n{published} results of {BAD} were published')
    view.say(f'written {picture}: share, disagreement and latency over time')


def _detector(options: argparse.Namespace, store: Path, state: Path) -> ChildProcess:
    """Starts the node with the steps of an impatient team: minutes would be none to watch."""
    values = {
        'model': OLD,
        'model_path': store,
        'state_dir': state,
        'autostart': 'true',
        'deadline_ms': 0.0,
        'rollout.shares': '[50.0]' if options.quick else '[25.0, 50.0]',
        'rollout.minimum_frames': 50,
        'rollout.spare_cpus': 0.0,  # it goes on where something else takes the CPUs
        'rollout.minimum_s': options.step,
        'rollout.misses': 0.2,
        'rollout.error_ratio': 0.1,
        'rollout.invalid_ratio': 0.1,
        # This is not about time, whatever else the machine does.
        'rollout.latency_ratio': 10.0,
        'rollout.unlike_latency_ratio': 10.0,
        'rollout.late_ratio': 1.0,
        # Where truth comes, that decides which of both is right.
        **({'rollout.disagreement': 0.6} if options.quick else {}),
    }
    module, log = 'ml_integration.ros.inference.inference_node', options.out / 'rollout.log'
    return start_node(DETECTOR, module, parameters(values), log)
