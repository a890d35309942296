"""Runs the frames of a freeze frame again, and compares each result bit for bit."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml_integration.cli.arguments import folder_of, path, trust_of
from ml_integration.cli.running.staging import listed, rows_of
from ml_integration.core.arrivals import Observation
from ml_integration.core.bits import digest_of
from ml_integration.core.datatypes import ModelIdentity, Prediction
from ml_integration.core.execution import ExecutionSettings
from ml_integration.core.freeze_frame import FrozenFrame
from ml_integration.core.pipeline import Pipeline
from ml_integration.core.transports import parse_transports
from ml_integration.deploy.assembly import Read
from ml_integration.deploy.loading import Loader
from ml_integration.errors import (
    MessageError,
    MlIntegrationError,
    ModelMismatchError,
    RecordingError,
    SettingError,
)
from ml_integration.store.package.package import read_package
from ml_integration.store.state.freeze_file import (
    SUFFIX,
    Freeze,
    is_freeze,
    read_freeze,
    typestore,
)

SAME, DIFFERENT, NOT_COMPARED = 'same, bit for bit', 'DIFFERENT', 'not compared'
MOST_ROWS = 3


@dataclass(frozen=True, slots=True)
class Replayed:
    """One frame that was run again.

    Attributes:
        frame: as it was.
        verdict: SAME, DIFFERENT or NOT_COMPARED.
        reason: why it is not the same, or not compared.
        prediction: what came of it now; None if it failed.
    """

    frame: FrozenFrame
    verdict: str
    reason: str = ''
    prediction: Prediction | None = None


def replay_freeze(args: argparse.Namespace) -> int:
    """Replays the freeze frame that was named alone; the status is 1 if a result differs.

    Raises:
        SettingError: what was named is no freeze frame.
        RecordingError: it is damaged.
        ModelMismatchError: another content of the model is installed.
    """
    file = path(args.model)
    if file.suffix == SUFFIX and not file.exists():
        raise RecordingError('no such file', where=str(file))
    if not (file.is_file() and is_freeze(file)):
        raise SettingError(
            'INPUT', None, 'a recording after the model, or a freeze frame alone', where='replay'
        )
    freeze = read_freeze(file)
    if not args.json:
        print(f'{freeze.node}: {freeze.reason}')
    with ExitStack() as cleanup:
        pipelines: dict[ModelIdentity, Pipeline] = {}
        good = True
        for frame in freeze.frames:
            if frame.model not in pipelines:
                pipelines[frame.model] = _load(args, frame.model, freeze, file)
                cleanup.callback(pipelines[frame.model].close)
                if not args.json:
                    print(f'model {frame.model}, sha256 {frame.model.sha256}')
            replayed = _run(frame, pipelines[frame.model])
            good = good and replayed.verdict != DIFFERENT
            _show(replayed, pipelines[frame.model], args.json)
    return 0 if good else 1


def _load(args: argparse.Namespace, model: ModelIdentity, freeze: Freeze, file: Path) -> Pipeline:
    chosen = argparse.Namespace(**{**vars(args), 'model': str(model)})
    package = read_package(folder_of(chosen), trust_of(args))
    installed = package.content.identity.sha256
    if model.sha256 and installed != model.sha256:
        raise ModelMismatchError(
            str(model),
            'another content is installed than the one that ran',
            got=f'sha256 {installed}',
            expected=f'sha256 {model.sha256}',
            hint='Name the store that has the one that ran with --store.',
        )
    execution = ExecutionSettings(
        intra_op_threads=freeze.threads,
        spinning='never',
        graph_optimization=freeze.graph_optimization or 'all',
        cache_optimized=False,
    )
    transports = parse_transports(freeze.image_transport, str(file))
    return Loader(execution, reader_for=reader_for, transports=transports).load(package)


def reader_for(type_name: str) -> Read:
    """Returns a function that reads serialized messages of a type without ROS."""
    store = typestore()

    def read(data: bytes) -> Any:
        try:
            return store.deserialize_cdr(data, type_name)
        except Exception as error:  # of messages that the node could not read either
            raise MessageError('the message', str(error), f'a {type_name}') from error

    return read


def _run(frame: FrozenFrame, pipeline: Pipeline) -> Replayed:
    observation = Observation(frame.stream, frame.trigger, frame.arrivals)
    pipeline.restore(frame.stream, frame.state)
    try:
        prediction = pipeline.run(observation)
    except MlIntegrationError as error:
        if frame.outcome == 'failed':
            return Replayed(frame, SAME, f'it fails again: {error}')
        return Replayed(frame, DIFFERENT, f'it fails: {error}')
    if frame.outcome == 'failed':
        return Replayed(frame, DIFFERENT, f'it failed on the robot: {frame.reason}', prediction)
    if frame.stages:
        reason = f'the memory of its stages is not kept: {", ".join(frame.stages)}'
        return Replayed(frame, NOT_COMPARED, reason, prediction)
    if not frame.digest:
        return Replayed(frame, NOT_COMPARED, 'its result has no lasting bits', prediction)
    if digest_of(prediction.result) == frame.digest:
        return Replayed(frame, SAME, '', prediction)
    reason = 'another machine or version of the engine may round differently'
    if frame.together > 1:
        reason = f'it ran together with {frame.together - 1} others; {reason}'
    return Replayed(frame, DIFFERENT, reason, prediction)


def _show(replayed: Replayed, pipeline: Pipeline, as_json: bool) -> None:
    frame, prediction = replayed.frame, replayed.prediction
    if as_json:
        document = {
            'stream': frame.stream,
            'stamp_ns': frame.trigger.stamp_ns,
            'outcome': frame.outcome,
            'reason': frame.reason,
            'published': [source.topic for source, _ in frame.published],
            'verdict': replayed.verdict,
            'why': replayed.reason,
            'results': listed(prediction, pipeline) if prediction else [],
        }
        print(json.dumps(document))
        return
    stream = f'{frame.stream} ' if frame.stream else ''
    why = f' ({replayed.reason})' if replayed.reason else ''
    print(
        f'{stream}{frame.trigger.stamp_ns / 1e9:.3f} s  {frame.outcome}  {replayed.verdict}{why}'
    )
    for line in _lines(replayed, pipeline):
        print(f'    {line}')


def _lines(replayed: Replayed, pipeline: Pipeline) -> Iterator[str]:
    """Yields what was published, and the rows of the same result as it is now."""
    frame = replayed.frame
    if frame.reason:
        yield frame.reason
    for source, data in frame.published:
        yield f'{source.topic}: {source.message_type}, {len(data)} bytes'
    if replayed.prediction is not None:
        rows = rows_of(replayed.prediction, pipeline)
        yield from (str(row[0]) for row in rows[:MOST_ROWS])
        if len(rows) > MOST_ROWS:
            yield f'and {len(rows) - MOST_ROWS} more'
