"""The demo's straight line: start, configure, activate, watch, take down, report."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from ml_integration.demos.demo import summary
from ml_integration.demos.demo.footage import Footage, choose
from ml_integration.demos.demo.observer import Observer
from ml_integration.demos.demo.options import Options, parse
from ml_integration.demos.demo.view import Moment, View
from ml_integration.demos.program import run_demo, undisturbed_end, undivided
from ml_integration.errors import MlIntegrationError
from ml_integration.ros.client.child_process import ChildProcess, parameters, start_node

DETECTOR, PLAYER = 'detector', 'video_player'
PICTURES = 4
REDRAW_S = 0.1
# Loading includes hashing, warming up and running the golden sample.
PATIENCE_S = {'configure': 60.0, 'activate': 10.0, 'deactivate': 10.0, 'cleanup': 10.0}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the demo; returns the exit code, 1 when nothing was detected or a node failed."""
    options = parse(arguments)
    return run_demo('demo', options.out, partial(_play, options))


def _play(options: Options, view: View) -> None:
    footage = choose(options.video, options.model, options.out)
    if footage.remark:
        view.say(footage.remark)
    view.say(f'starting {DETECTOR} and {PLAYER}; their logs are in {options.out}')
    children: list[ChildProcess] = []
    with ExitStack() as cleanup, undisturbed_end():
        with undivided():
            for start in (_detector, _player):
                children.append(start(options, footage))
                cleanup.callback(children[-1].end)
            observer = Observer(DETECTOR, lambda: _check(children))
            cleanup.callback(observer.close)
        for child in children:
            _change(observer, child, 'configure', 'activate')
        view.say(f'watching {footage.video.name} for {options.seconds:g} s')
        _watch(options.seconds, observer, children, view)
        for child in reversed(children):
            _change(observer, child, 'deactivate', 'cleanup')
    _report(options.out, footage, observer, view)


def _detector(options: Options, footage: Footage) -> ChildProcess:
    module = 'ml_integration.ros.inference.inference_node'
    log = options.out / f'{DETECTOR}.log'
    return start_node(DETECTOR, module, parameters({'model': footage.model}), log)


def _player(options: Options, footage: Footage) -> ChildProcess:
    source = parameters({'source': footage.video, 'rate_hz': options.rate_hz})
    log = options.out / f'{PLAYER}.log'
    return start_node(PLAYER, 'ml_integration.ros.video.video_player', source, log)


def _change(observer: Observer, child: ChildProcess, *verbs: str) -> None:
    for verb in verbs:
        try:
            if not observer.client.change_state(child.name, verb, PATIENCE_S[verb]):
                raise MlIntegrationError(f'refused to {verb}', where=child.name)
        except MlIntegrationError as error:
            raise child.with_log(error) from error


def _check(children: Sequence[ChildProcess]) -> None:
    for child in children:
        child.check()


def _watch(
    seconds: float, observer: Observer, children: Sequence[ChildProcess], view: View
) -> None:
    begin_s = time.monotonic()
    while (elapsed_s := time.monotonic() - begin_s) < seconds:
        _check(children)
        # The middle of each quarter.
        observer.want_pictures(round(elapsed_s / seconds * PICTURES))
        view.show(Moment(elapsed_s, seconds, observer.results, observer.report))
        time.sleep(REDRAW_S)
    view.show(Moment(seconds, seconds, observer.results, observer.report))


def _report(out: Path, footage: Footage, observer: Observer, view: View) -> None:
    results, pictures = observer.results, observer.pictures
    file, picture = out / 'detections.jsonl', out / 'demo.png'
    results.write(file)
    if not results.labels():
        raise MlIntegrationError(
            'nothing was detected',
            where=str(footage.video),
            got=f'{len(results.all)} results without any detection',
            hint=f'The logs in {out} say what the nodes did.',
        )
    if not pictures:
        raise MlIntegrationError('no picture arrived', where=f'/{DETECTOR}/overlay')
    view.say(f'\n{summary.in_sentences(results, observer.report)}')
    summary.write_picture(pictures, picture)
    view.say(f'written     {picture} and {file}')
