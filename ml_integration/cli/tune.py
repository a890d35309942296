"""Measures which settings run a model best on this machine; `ml_tune` is the same.

Candidates run side by side on recorded frames, at the recording's pace, each in a process of its
own, through all that a node does with a frame but the transport. A difference counts if 30 pairs
of blocks or more show it beyond chance and it is 5 % or more, and if a second run shows it too.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Any

from ml_integration.cli.arguments import (
    add_json,
    add_model,
    add_stores,
    add_trust,
    folder_of,
    path,
    trust_of,
)
from ml_integration.cli.output import complain
from ml_integration.cli.progress import progress
from ml_integration.cli.running.routes import open_source, parse_remapping
from ml_integration.cli.tuned import Tuned, show_tuned, tuned_document
from ml_integration.core.abilities import Reading, Scoring
from ml_integration.core.batching import BatchSettings
from ml_integration.core.cpus import usable_cpus
from ml_integration.core.declaration import settings_of
from ml_integration.core.execution import ExecutionSettings
from ml_integration.core.pipeline import Pipeline
from ml_integration.deploy.assembly import plugin
from ml_integration.deploy.loading import Loader
from ml_integration.errors import SettingError
from ml_integration.serving.playback import read_recorded, types_of
from ml_integration.store.package.package import ModelPackage, read_package
from ml_integration.tuning.burner import background_load
from ml_integration.tuning.candidates import Candidate, Machine
from ml_integration.tuning.changed import Changed
from ml_integration.tuning.crew import WORKER, Task
from ml_integration.tuning.figures import GOALS
from ml_integration.tuning.labels import Labels
from ml_integration.tuning.material import look_at
from ml_integration.tuning.paired import LEAST_BLOCKS
from ml_integration.tuning.search import Plan, Search

HELP = 'measure which settings run a model best on this machine'
WHERE = 'tune'
EXECUTION = 'execution.'
RAW = 'raw_subscription:='
TRANSPORT = 'ml_integration.ros.tuning.transport_worker'
"""Module that measures with a real node; it is a process of its own, which needs ROS."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of this verb."""
    add_model(parser)
    parser.add_argument(
        '--data', required=True, type=path, metavar='INPUT',
        help='what to run on: a bag, a video, a folder of pictures, or an .npy or .npz file',
    )  # fmt: skip
    parser.add_argument(
        '--topic', action='append', default=[], metavar='NAME:=RECORDED',
        help='take a topic of the model from another one of the bag; may be repeated',
    )  # fmt: skip
    parser.add_argument(
        '-p', dest='have', action='append', default=[], metavar='NAME:=VALUE',
        help='a parameter of the node as it is now, such as execution.spinning:=always; may be '
        'repeated',
    )  # fmt: skip
    parser.add_argument(
        '--rate', type=float, metavar='HZ', help='pace of the frames (default: as recorded)'
    )
    parser.add_argument(
        '--cameras', type=int, default=1, metavar='N',
        help='cameras whose frames come together (default: 1)',
    )  # fmt: skip
    parser.add_argument(
        '--goal', choices=GOALS, default=GOALS[0],
        help='what to make smaller: usual latency, that of slow frames, or CPU time '
        '(default: %(default)s)',
    )  # fmt: skip
    parser.add_argument(
        '--transport', action='store_true',
        help='measure instead how messages come to a node, over DDS (needs ROS): '
        'raw_subscription, and the profile for large messages',
    )  # fmt: skip
    parser.add_argument(
        '--changing', action='store_true',
        help='measure also what changes results: int8, fp16 and other ways to resize',
    )  # fmt: skip
    parser.add_argument(
        '--truth', action='append', default=[], metavar='RECORDED',
        help='topic of the bag with ground truth, by which changed models are scored; '
        'NAME:=RECORDED where the truth has several topics',
    )  # fmt: skip
    parser.add_argument(
        '--write', type=path, metavar='DIR',
        help='write the changed models, as the next version each, into new folders in DIR',
    )  # fmt: skip
    parser.add_argument(
        '--load', type=float, default=0.0, metavar='PERCENT',
        help='CPU time that other programs take meanwhile; 100 is one CPU (default: 0)',
    )  # fmt: skip
    parser.add_argument(
        '--most-cpu', type=float, default=2.0, metavar='X',
        help='times the CPU of now that a winner may take (default: %(default)s)',
    )  # fmt: skip
    effort = parser.add_mutually_exclusive_group()
    effort.add_argument('--quick', action='store_true', help='few trials (the default)')
    effort.add_argument('--full', action='store_true', help='measure every combination')
    parser.add_argument(
        '--blocks', type=int, default=LEAST_BLOCKS, metavar='N',
        help='pairs of blocks for each candidate (default and least: %(default)s)',
    )  # fmt: skip
    add_stores(parser)
    add_trust(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Tunes; the status is 0 whether something better was found or not."""
    _check(args)
    folder = folder_of(args)
    package = read_package(folder, trust_of(args))
    default = _default(args.have)
    backend = plugin('backends', default.execution.engine)()
    pipeline = Loader(reader_for=read_recorded).load(package)
    try:
        task = _task(args, folder, pipeline)
    finally:
        pipeline.close()
    together = args.cameras if _can_batch(args, package) else 1
    machine = Machine(usable_cpus(), backend.available(), together, args.transport)
    with ExitStack() as resources:
        resources.enter_context(_ended_by_signals())
        scratch = Path(resources.enter_context(TemporaryDirectory()))
        changed = Changed(package, backend, args.write or scratch, task, scratch)
        variants = changed.candidates(default) if args.changing or args.write else ()
        plan = Plan(args.goal, args.full, args.blocks, args.most_cpu, tuple(variants))
        load = resources.enter_context(background_load(args.load)) if args.load else None
        show = resources.enter_context(progress(args.model, of_bytes=False))
        search = Search(task, default, machine, plan, show)
        if not args.json:
            minutes = search.blocks * task.block_s / 60
            complain(
                f'{search.blocks} blocks of {task.frames} frames at '
                f'{task.material.rate_hz:.3g} Hz, about {minutes:.1f} min'
            )
        outcome = search.run()
        tuned = Tuned(task, plan, outcome, changed, load.measured_percent() if load else 0.0)
    if args.json:
        print(json.dumps(tuned_document(tuned), indent=2))
    else:
        show_tuned(tuned)
    return 0


def main() -> int:
    """Runs `ml_tune`; returns the exit status."""
    from ml_integration.cli.main import main as ml_model

    return ml_model(['tune', *sys.argv[1:]])


def _task(args: argparse.Namespace, folder: Path, pipeline: Pipeline) -> Task:
    source = open_source(args.data, types_of(pipeline), parse_remapping(args.topic))
    for sentence in source.guessed:
        complain(sentence)
    routes = {name: tuple(topics) for name, topics in source.routes.items()}
    material = look_at(args.data, routes, pipeline.wiring, args.rate)
    if args.truth:
        material = replace(material, truths=_truths(args, pipeline.task))
        Labels(pipeline.task, material)  # what cannot be used is said now
    worker = TRANSPORT if args.transport else WORKER
    return Task(folder, material, args.cameras, str(args.model_key or ''), worker=worker)


def _truths(args: argparse.Namespace, task: Any) -> dict[str, tuple[str, ...]]:
    """Returns the names of the task's truths by the recorded topics that were named."""
    if not (isinstance(task, Reading) and isinstance(task, Scoring)):
        got = type(task).__name__
        raise SettingError('--truth', got, 'a task that can be scored', where=WHERE)
    wanted = {topic.name: topic.message_type for topic in task.truths}
    only = next(iter(wanted)) if len(wanted) == 1 else ''
    texts = [f'{only}:={one}' if only and ':=' not in one else one for one in args.truth]
    named = parse_remapping(texts, '--truth')
    if named.keys() != wanted.keys():
        expected = ' and '.join(f'{name}:=RECORDED' for name in wanted)
        raise SettingError('--truth', ', '.join(args.truth), expected, where=WHERE)
    source = open_source(args.data, wanted, named)
    return {topic: tuple(names) for topic, names in source.routes.items()}


def _can_batch(args: argparse.Namespace, package: ModelPackage) -> bool:
    """Tells whether frames of several cameras can run together."""
    if args.cameras == 1:
        return False
    batch = BatchSettings(max_size=args.cameras)
    pipeline = Loader(batch=batch, streams=args.cameras, reader_for=read_recorded).load(package)
    pipeline.close()
    return pipeline.batch_size > 1


def _check(args: argparse.Namespace) -> None:
    if args.transport and (args.cameras > 1 or args.changing or args.write or args.model_key):
        got = '--cameras, --changing, --write or --model-key'
        raise SettingError('--transport', got, 'alone: it measures one camera', where=WHERE)
    if args.truth and not (args.changing or args.write):
        what = 'with --changing or --write: other settings give the same results'
        raise SettingError('--truth', ', '.join(args.truth), what, where=WHERE)
    limits: tuple[tuple[str, Any, float, float], ...] = (
        ('--rate', args.rate, 0.1, 1000.0),
        ('--cameras', args.cameras, 1, 16),
        ('--blocks', args.blocks, LEAST_BLOCKS, 1000),
        ('--load', args.load, 0.0, 1600.0),
        ('--most-cpu', args.most_cpu, 0.1, 1000.0),
    )
    for name, value, least, most in limits:
        if value is not None and not least <= value <= most:
            raise SettingError(name, value, f'{least:g} to {most:g}', where=WHERE)


def _default(have: list[str]) -> Candidate:
    """Returns what a node has now."""
    raw = [text.removeprefix(RAW) for text in have if text.startswith(RAW)]
    if raw and raw[-1] not in ('true', 'false'):
        raise SettingError('-p', f'{RAW}{raw[-1]}', 'true or false', where=WHERE)
    execution = _execution_of([text for text in have if not text.startswith(RAW)])
    return Candidate(execution, raw_subscription=raw[-1:] != ['false'])


def _execution_of(texts: list[str]) -> ExecutionSettings:
    """Reads the execution settings that a node has now.

    Raises:
        SettingError: there is no such setting, or no such value of it.
    """
    known = {setting.name: setting for setting in settings_of(ExecutionSettings)}
    values = {}
    for text in texts:
        name, sign, value = text.partition(':=')
        setting = known.get(name.removeprefix(EXECUTION))
        if not (sign and name.startswith(EXECUTION) and setting is not None):
            expected = ', '.join(f'{EXECUTION}{one}:=VALUE' for one in known)
            raise SettingError('-p', text, expected, where=WHERE)
        values[setting.name] = setting.check(_value(value), WHERE)
    return ExecutionSettings(**values)


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        inner = text.strip()
        if inner.startswith('[') and inner.endswith(']'):
            return [one.strip(' \'"') for one in inner[1:-1].split(',')]
        return text


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Ends all processes also when this one is asked to terminate, as by Ctrl-C."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
