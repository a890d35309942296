"""Replays a recording for a model at its own pace, without ROS, and tells what a node would drop.

Messages come when they were recorded, on all topics of the model, and the newest wins, as in a
node. How many frames this machine drops, and how old results are, is seen without a robot.
Results are printed with --json only; ml_model run has all of them, at any speed.

A freeze frame, which a node has written when something went wrong, is named alone: it says itself
of which model it is. Each of its frames is run again, and compared bit for bit.
"""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field

from ml_integration.cli.arguments import add_json
from ml_integration.cli.last_resort import INTERRUPTED
from ml_integration.cli.output import warn
from ml_integration.cli.progress import progress
from ml_integration.cli.running.freeze_replay import replay_freeze
from ml_integration.cli.running.interrupts import interruptible
from ml_integration.cli.running.reading import Reading, add_reading, load
from ml_integration.cli.running.result_files import outcome_document
from ml_integration.cli.running.staging import rows_of
from ml_integration.cli.running.summary import Tally, show_summary, summary_document
from ml_integration.core.arrivals import Observation
from ml_integration.core.datatypes import Prediction
from ml_integration.core.pipeline import Pipeline
from ml_integration.errors import SettingError
from ml_integration.serving.loop_settings import LoopSettings
from ml_integration.serving.playback import Outcome
from ml_integration.serving.rehearsal import Rehearsal

HELP = 'replay a recording at its own pace, or a freeze frame bit for bit'
BEHIND_S = 0.1
"""Time by which a message may come late before the figures say less than they seem to [s]."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of this verb."""
    add_reading(parser, least='*')
    parser.add_argument(
        '--rate', type=float, default=1.0, metavar='R',
        help='how much faster than recorded (default: 1)',
    )  # fmt: skip
    parser.add_argument(
        '--deadline-ms', type=float, default=200.0, metavar='MS',
        help='age beyond which a frame is not run any more (default: 200; 0: never)',
    )  # fmt: skip
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Replays; the status is 1 if a message could not be read or processed."""
    for name, value in (('--rate', args.rate), ('--deadline-ms', args.deadline_ms)):
        if not (0 < value <= 1000 or (name == '--deadline-ms' and 0 <= value < 1e9)):
            raise SettingError(name, value, 'a number of a sensible size', where='replay')
    if not args.inputs:
        return replay_freeze(args)
    with ExitStack() as cleanup:
        pipeline = load(args, args.model)
        cleanup.callback(pipeline.close)
        reading = Reading(args, pipeline)
        stopped = cleanup.enter_context(interruptible(pipeline.interrupt))
        sink = _Counting(args.json)
        settings = LoopSettings(args.deadline_ms)
        with progress(args.model, of_bytes=False) as show:
            rehearsal = Rehearsal(pipeline, sink, warn, settings, args.rate)
            for source in reading.sources:
                rehearsal.run(reading.messages(source, show), stopped)
        sink.tally.unreadable = reading.unreadable
        _tell(args, pipeline, rehearsal, sink.tally)
        failed = rehearsal.stats().total.failed or reading.unreadable
        return INTERRUPTED if stopped.is_set() else int(bool(failed))


@dataclass(slots=True)
class _Counting:
    """Counts results, and prints them for programs."""

    prints: bool
    tally: Tally = field(default_factory=Tally)
    name: str = 'results'

    def take(self, observation: Observation, prediction: Prediction, pipeline: Pipeline) -> None:
        self.tally.add([row for row, *_ in rows_of(prediction, pipeline)])
        if self.prints:
            outcome = Outcome(observation.trigger.message, prediction)
            print(json.dumps(outcome_document(outcome, pipeline)))


def _tell(
    args: argparse.Namespace, pipeline: Pipeline, rehearsal: Rehearsal, tally: Tally
) -> None:
    stats = rehearsal.stats()
    if rehearsal.behind_s > BEHIND_S:
        warn(
            f'messages were read up to {rehearsal.behind_s:.1f} s too late, so the figures are '
            'worse than those of a robot; replay it more slowly with --rate'
        )
    if args.json:
        print(json.dumps({'summary': summary_document(pipeline, stats, tally)}))
    else:
        show_summary(pipeline, stats, tally, sys.stdout)
