"""Loads a model and reads recordings for it, as the command line says."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from ml_integration.cli.arguments import (
    add_model,
    add_stores,
    add_trust,
    folder_of,
    path,
    trust_of,
)
from ml_integration.cli.output import complain, warn
from ml_integration.cli.progress import Show
from ml_integration.cli.running.routes import Source, open_source, parse_remapping
from ml_integration.cli.running.staging import add_stages, stages_of
from ml_integration.core.pipeline import Pipeline
from ml_integration.deploy.loading import Loader
from ml_integration.errors import RecordingError, SettingError
from ml_integration.recordings import Recorded
from ml_integration.serving.playback import read_recorded, types_of
from ml_integration.store.package.package import ModelPackage, read_package


def add_reading(parser: argparse.ArgumentParser, least: str = '+') -> None:
    """Adds the model, the recordings, and what chooses messages of them.

    Args:
        parser: gets the arguments.
        least: '+' where a recording has to be named, '*' where none may be.
    """
    add_model(parser)
    parser.add_argument(
        'inputs',
        nargs=least,
        type=path,
        metavar='INPUT',
        help='a picture, a folder of pictures, a video, an .npy or .npz file, or a bag',
    )
    parser.add_argument(
        '--topic',
        action='append',
        default=[],
        metavar='NAME:=RECORDED',
        help='take a topic of the model from another one of the bag; may be repeated',
    )
    parser.add_argument('--limit', type=int, default=0, metavar='N', help='only the first N')
    parser.add_argument('--every', type=int, default=1, metavar='N', help='only each Nth')
    add_stages(parser)
    add_stores(parser)
    add_trust(parser)


def load(args: argparse.Namespace, model: str) -> Pipeline:
    """Loads and proves a model as a node does.

    Raises:
        MlIntegrationError: it may not or cannot serve.
    """
    trust = trust_of(args)

    def find(reference: str) -> ModelPackage:
        chosen = argparse.Namespace(**{**vars(args), 'model': reference})
        return read_package(folder_of(chosen), trust)

    stages = stages_of(args)
    return Loader(reader_for=read_recorded, stages=stages, find=find).load(find(model))


class Reading:
    """Messages of the recordings that were named on the command line.

    Args:
        args: of `add_reading`.
        pipeline: needs them.

    Attributes:
        sources: the recordings.
        unreadable: messages that could not be read so far.
    """

    def __init__(self, args: argparse.Namespace, pipeline: Pipeline) -> None:
        for name, least in (('limit', 0), ('every', 1)):
            if getattr(args, name) < least:
                raise SettingError(
                    f'--{name}', getattr(args, name), f'>= {least}', where='ml_model'
                )
        self._limit: int = args.limit
        self._every: int = args.every
        self._trigger = pipeline.wiring.trigger_topic
        remapping, wanted = parse_remapping(args.topic), types_of(pipeline)
        self.sources = [open_source(place, wanted, remapping) for place in args.inputs]
        for sentence in dict.fromkeys(one for source in self.sources for one in source.guessed):
            complain(sentence)
        self.unreadable = 0
        self._seen = self._done = 0

    @property
    def total(self) -> int:
        """Number of messages, those that are passed over included; 0 if it is not known."""
        counts = [source.recording.count for source in self.sources]
        known = [count for count in counts if count is not None]
        total = sum(known) if len(known) == len(counts) else 0
        return min(total, self._limit * self._every) if self._limit else total

    def messages(self, source: Source, show: Show) -> Iterator[tuple[str, Recorded]]:
        """Yields messages of a recording with the topic in the manifest that they are for.

        Args:
            source: one of `sources`.
            show: is told how many messages were read.
        """
        for recorded in self._readable(source) if not self._enough() else ():
            self._done += 1
            show(self._done, self.total)
            for topic in source.routes.get(recorded.topic, ()):
                if topic != self._trigger or self._wanted():
                    yield topic, recorded
            if self._enough():
                return

    def _wanted(self) -> bool:
        """Tells whether a message that starts a run is one of those that were asked for."""
        self._seen += 1
        return (self._seen - 1) % self._every == 0

    def _enough(self) -> bool:
        return bool(self._limit and self._seen >= self._limit * self._every)

    def _readable(self, source: Source) -> Iterator[Recorded]:
        messages = iter(source.recording)
        while True:
            try:
                recorded = next(messages, None)
            except RecordingError as error:
                self.unreadable += 1
                warn(str(error))
                continue
            if recorded is None:
                return
            yield recorded
