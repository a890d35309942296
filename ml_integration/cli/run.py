"""Runs a model on pictures, folders, videos, arrays and bags, without ROS.

The model sees what a node would show it, and results are judged as a node judges them. They are
printed, one JSON object per message where stdout is no terminal. With --out they go into a folder
instead, with annotated pictures or videos. Arrays hold pictures as uint8[N, H, W, 3] in the order
red, green, blue.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from ml_integration.cli.arguments import add_json, path
from ml_integration.cli.last_resort import INTERRUPTED
from ml_integration.cli.output import on_terminal, tell, warn
from ml_integration.cli.progress import progress
from ml_integration.cli.running.comparing import compare
from ml_integration.cli.running.interrupts import interruptible, until
from ml_integration.cli.running.picture_files import PictureWriter, new_folder, pictures_of
from ml_integration.cli.running.reading import Reading, add_reading, load
from ml_integration.cli.running.result_files import (
    CommaSeparated,
    JsonLines,
    ResultWriter,
    Words,
)
from ml_integration.cli.running.routes import Source
from ml_integration.cli.running.staging import rows_of
from ml_integration.cli.running.summary import Tally, show_summary, summary_document
from ml_integration.core.abilities import Listing
from ml_integration.core.pipeline import Pipeline
from ml_integration.errors import SettingError
from ml_integration.recordings import Recorded
from ml_integration.serving.annotation import annotated
from ml_integration.serving.playback import Outcome, Playback

HELP = 'run a model on pictures, videos or bags'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of this verb."""
    add_reading(parser)
    parser.add_argument('--out', type=path, metavar='DIR', help='a new folder for the results')
    parser.add_argument('--csv', action='store_true', help='write CSV instead of JSON')
    parser.add_argument(
        '--compare', metavar='OTHER', help='run another model too, and show where they disagree'
    )
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Runs the model; the status is 1 if a message could not be read or processed."""
    if args.csv and (args.compare or (args.json and args.out is None)):
        expected = 'without --compare, and without --json unless there is --out'
        raise SettingError('--csv', 'given', expected, where='run')
    if args.compare:
        return compare(args)
    with ExitStack() as cleanup:
        pipeline = load(args, args.model)
        cleanup.callback(pipeline.close)
        if not isinstance(pipeline.task, Listing):
            task = type(pipeline.task).__name__
            warn(f'results of {task} cannot be written down; they are judged and drawn')
        reading = Reading(args, pipeline)
        out = new_folder(args.out) if args.out else None
        writer = _writer(args, out, pipeline, cleanup)
        stopped = cleanup.enter_context(interruptible(pipeline.interrupt))
        work = _Run(Playback(pipeline, warn), writer, out, args.every)
        # Lines on a terminal show by themselves how far it has come.
        with progress(args.model, of_bytes=False, quiet=out is None and on_terminal()) as show:
            for source in reading.sources:
                work.run(source, until(stopped, reading.messages(source, show)))
        work.tally.unreadable = reading.unreadable
        _tell(args, out, work.playback, work.tally)
        failed = work.playback.stats().total.failed or reading.unreadable
        return INTERRUPTED if stopped.is_set() else int(bool(failed))


@dataclass(slots=True)
class _Run:
    """Run of a model: where the results go, and what they come to."""

    playback: Playback
    writer: ResultWriter
    out: Path | None
    every: int
    tally: Tally = field(default_factory=Tally)

    def run(self, source: Source, messages: Iterable[tuple[str, Recorded]]) -> None:
        """Runs the model on the messages of one recording."""
        pipeline = self.playback.pipeline
        self.playback.begin()
        with ExitStack() as cleanup:
            pictures: PictureWriter | None = None
            if self.out is not None and pipeline.picture:
                topic = _picture_topic(pipeline)
                pictures = cleanup.enter_context(pictures_of(source, topic, self.out, self.every))
            for topic, recorded in messages:
                for outcome in self.playback.play(topic, recorded):
                    self._keep(outcome, pictures)

    def _keep(self, outcome: Outcome, pictures: PictureWriter | None) -> None:
        self.writer.write(outcome)
        prediction, pipeline = outcome.prediction, self.playback.pipeline
        if prediction is not None:
            self.tally.add([row for row, *_ in rows_of(prediction, pipeline)])
            if pictures is not None:
                pictures.write(outcome.recorded.name, annotated(prediction, pipeline))


def _picture_topic(pipeline: Pipeline) -> str:
    inputs = pipeline.wiring.inputs
    return next(item.source.topic for item in inputs if item.tensor == pipeline.picture)


def _writer(
    args: argparse.Namespace, out: Path | None, pipeline: Pipeline, cleanup: ExitStack
) -> ResultWriter:
    stream: TextIO = sys.stdout
    if out is not None:
        name = 'results.csv' if args.csv else 'results.jsonl'
        stream = cleanup.enter_context((out / name).open('w', encoding='utf-8'))
    elif on_terminal() and not (args.csv or args.json):
        return Words(stream, pipeline)
    kind = CommaSeparated if args.csv else JsonLines
    return kind(stream, pipeline)


def _tell(args: argparse.Namespace, out: Path | None, playback: Playback, tally: Tally) -> None:
    """Prints the summary: to stderr where stdout has the results."""
    pipeline, stats = playback.pipeline, playback.stats()
    if args.json:
        print(json.dumps({'summary': summary_document(pipeline, stats, tally)}))
        return
    show_summary(pipeline, stats, tally, None if out is not None else sys.stderr)
    if out is not None:
        tell(f'\nresults in {out}'.strip())
