"""The swap demo's straight line: start, four acts, count, take down."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import cv2

from ml_integration.cli.arguments import path
from ml_integration.demos.demo.view import View
from ml_integration.demos.program import run_demo, undisturbed_end, undivided
from ml_integration.demos.swap_demo.play import Play, before_and_after
from ml_integration.demos.swap_demo.stage import make_store
from ml_integration.demos.swap_demo.witness import Witness
from ml_integration.ros.client.child_process import ChildProcess, parameters, start_node

DETECTOR = 'detector'


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the demo; returns the exit code, 1 when a frame was lost or something went wrong."""
    options = _parse(arguments)
    return run_demo('demo-swap', options.out, partial(_play, options))


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog='demo_swap', description='Swaps the model of a running detector, live.'
    )
    parser.add_argument('--rate', type=float, default=30.0, help='frames per second')
    parser.add_argument('--act', type=float, default=3.0, help='how long to watch each act [s]')
    parser.add_argument('--out', type=path, default=Path('out'), help='folder for the results')
    return parser.parse_args(arguments)


def _play(options: argparse.Namespace, view: View) -> None:
    with ExitStack() as resources:
        folder = Path(resources.enter_context(tempfile.TemporaryDirectory()))
        store = make_store(folder / 'store')
        view.say(f'starting {DETECTOR} on a copy of the store; its log is in {options.out}')
        with undisturbed_end():
            with undivided():
                child = _detector(options.out, store, folder / 'state')
                resources.callback(child.end)
                witness = Witness(DETECTOR, options.rate, child.check)
                resources.callback(witness.close)
            play = Play(witness, view, options.act)
            play.steady()
            play.swap()
            play.tamper(store)
            play.roll_back()
            play.count()
    picture = options.out / 'demo_swap.png'
    cv2.imwrite(str(picture), before_and_after(play.pictures))
    view.say(f'written {picture}: shapes@1, shapes@2, and shapes@1 again')


def _detector(out: Path, store: Path, state: Path) -> ChildProcess:
    values = {
        'model': 'shapes@1',
        'model_path': store,
        'state_dir': state,
        'autostart': 'true',
        'deadline_ms': 0.0,  # every frame counts
        'probation.good_frames': 10,  # a rollback goes to what has proven itself
        'probation.seconds': 0.5,
    }
    module, log = 'ml_integration.ros.inference.inference_node', out / f'swap_{DETECTOR}.log'
    return start_node(DETECTOR, module, parameters(values), log)
