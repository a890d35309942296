"""The monitor demo's straight line: profile, start, three acts, report, take down."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from ml_integration.cli.arguments import path
from ml_integration.demos.demo.view import View
from ml_integration.demos.monitor_demo.play import Play, table_of
from ml_integration.demos.monitor_demo.stage import MODEL, make_profiled_store
from ml_integration.demos.monitor_demo.watcher import Watcher
from ml_integration.demos.program import run_demo, undisturbed_end, undivided
from ml_integration.fleet.report.page import page, verdict
from ml_integration.ros.client.child_process import ChildProcess, parameters, start_node

DETECTOR, MONITOR = 'detector', 'performance_monitor'
SCENE = 1
PROFILE_S = 65.0
"""Time of the reference [s]: the shortest that promises 24 false alarms a day."""
FALSE_ALARMS_PER_DAY = 24.0
LEARN_S = 5.0
SCORED_S = 4.0
"""Time of the newest pictures that are scored [s]."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the demo; returns the exit code, 1 when somebody did not notice the darkness."""
    options = _parse(arguments)
    return run_demo('demo-monitor', options.out, partial(_play, options))


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog='demo_monitor', description='Lets darkness fall on a running detector, live.'
    )
    parser.add_argument('--rate', type=float, default=15.0, help='pictures per second')
    parser.add_argument('--calm', type=float, default=15.0, help='light before it falls dark [s]')
    parser.add_argument('--out', type=path, default=Path('out'), help='folder for the results')
    return parser.parse_args(arguments)


def _play(options: argparse.Namespace, view: View) -> None:
    with ExitStack() as resources:
        folder = Path(resources.enter_context(tempfile.TemporaryDirectory()))
        view.say(f'telling {MODEL} what is usual: {PROFILE_S:.0f} s of drawn scenes')
        store = make_profiled_store(folder / 'store', SCENE, options.rate, PROFILE_S, view.say)
        view.say(f'starting {DETECTOR} and {MONITOR}; their logs are in {options.out}')
        with undisturbed_end():
            with undivided():
                children = _start(options, store, folder / 'state')
                for child in children:
                    resources.callback(child.end)
                watcher = Watcher(DETECTOR, MONITOR, SCENE, options.rate, children)
                resources.callback(watcher.close)
            play = Play(watcher, view, options.calm)
            noticed = play.darkness(play.light())
            play.light_again()
    watcher.history.end()
    file = options.out / 'demo_monitor.html'
    file.write_text(page(watcher.history, 'make demo-monitor'), encoding='utf-8')
    view.say('')
    view.table(table_of(noticed))
    view.say(f'\nwritten {file}: {verdict(watcher.history)}')


def _start(options: argparse.Namespace, store: Path, state: Path) -> list[ChildProcess]:
    """Starts the two nodes, as two launch files would."""
    detector = {
        'model': MODEL,
        'model_path': store,
        'state_dir': state,
        'autostart': 'true',
        'content.learn_s': LEARN_S,
        'drift.false_alarms_per_day': FALSE_ALARMS_PER_DAY,
        'accuracy.window': round(SCORED_S * options.rate),
        'accuracy.score': 'mAP50',
        'accuracy.min': 0.5,
    }
    monitor = {'state_dir': state, 'autostart': 'true'}
    return [
        start_node(name, f'ml_integration.ros.{module}', parameters(values), log)
        for name, module, values, log in (
            (DETECTOR, 'inference.inference_node', detector, options.out / f'{DETECTOR}.log'),
            (MONITOR, 'monitoring.performance_monitor', monitor, options.out / f'{MONITOR}.log'),
        )
    ]
