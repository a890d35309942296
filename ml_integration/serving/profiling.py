"""Makes a reference of recordings on which a model was good, with the pipeline of a node."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from ml_integration.core.abilities import Confident, Reading
from ml_integration.core.blocks import Block, BlockMaker, BlockRule
from ml_integration.core.datatypes import Prediction
from ml_integration.core.drift_reference import Numbers, Reference
from ml_integration.core.pipeline import Pipeline
from ml_integration.core.score_calibration import Scored
from ml_integration.errors import MessageError, RecordingError
from ml_integration.ops.calibration import fit
from ml_integration.ops.drift_calibration import alarms, calibrate, count_alarms
from ml_integration.recordings import Recorded
from ml_integration.serving.playback import Playback
from ml_integration.serving.watching import Telling
from ml_integration.store.files import open_named_file

FEWEST_BLOCKS = 30
"""Blocks of the shortest recording of which anything can be said."""
MOST_BLOCKS = 20_000
"""Blocks that a reference keeps, the first ones: 5.5 h of them."""
KNOWN = 0.5
"""Share of the blocks that have to tell a signal which is watched."""
PICTURES_PER_BLOCK = 30
"""Pictures of a block where nobody knows when they were taken."""
EVERY = 100
"""Blocks after which the dummy that knows nothing gives an alarm."""
_CHUNK = 2**20


class Profiler:
    """Collects the blocks of recordings.

    Args:
        playback: runs the model.
        rule: says when a block ends.

    Attributes:
        blocks: those of all recordings so far.
        labeled: scores of pictures whose class was told.
    """

    def __init__(self, playback: Playback, rule: BlockRule) -> None:
        self.playback = playback
        self.rule = rule
        self.blocks: list[Block] = []
        self.labeled: list[Scored] = []
        self._telling = Telling.of(playback.pipeline)

    def add(self, messages: Iterable[tuple[str, Recorded]], label: str = '') -> None:
        """Runs the model on the messages of a recording.

        Args:
            messages: each with its topic in the manifest.
            label: the class that all of them show; empty: not known.

        Raises:
            RecordingError: the model has no such class, or none at all.
        """
        truth = _truth(self.playback.pipeline, label) if label else None
        self.playback.begin()
        maker = BlockMaker(self.rule)
        for topic, recorded in messages:
            for outcome in self.playback.play(topic, recorded):
                prediction = outcome.prediction
                if prediction is None or not prediction.verdict.ok:
                    continue
                if truth is not None:
                    self._learn(prediction, truth)
                block = maker.add(prediction.stamp_ns, *self._telling.of_run(prediction))
                if block is not None:
                    self.blocks.append(block)

    def _learn(self, prediction: Prediction, truth: Any) -> None:
        task = self.playback.pipeline.task
        scored = task.scored(prediction.result, truth) if isinstance(task, Confident) else None
        if scored is None:
            raise RecordingError(
                'labels say nothing about these scores',
                where=str(self.playback.pipeline.model.identity),
                got='scores that are no shares of one, or several heads',
                expected='a classifier of one head, with a softmax',
            )
        self.labeled.append(scored)

    def reference(self, data: str, where: str, made_by: str) -> Reference:
        """Makes the reference.

        Args:
            data: sha256 of the recordings.
            where: name of the recordings, for errors.
            made_by: version of the software.

        Raises:
            RecordingError: they are too short, or tell nothing.
        """
        blocks = self.blocks[:MOST_BLOCKS]
        if len(blocks) < FEWEST_BLOCKS:
            got, expected = f'{len(blocks)} blocks', f'at least {FEWEST_BLOCKS}, better 300'
            raise RecordingError('there is too little', where=where, got=got, expected=expected)
        names = _watched(blocks)
        if not names:
            raise RecordingError('no signal is told by half of the frames', where=where)
        values = table(blocks, names).astype(np.float32)
        model = self.playback.pipeline.model.identity
        frames = sorted(block.frames for block in blocks)[len(blocks) // 2]
        rule = replace(self.rule, frames=max(1, frames // 2)) if self.rule.seconds else self.rule
        return Reference(
            str(model), model.sha256, names, values, rule, calibrate(values), data, made_by,
            fit(self.labeled) if self.labeled else None,
        )  # fmt: skip


def _truth(pipeline: Pipeline, label: str) -> Any:
    """Returns what a classifier should say of pictures of a class.

    Raises:
        RecordingError: it is no class of the model, or the model is no such classifier.
    """
    task, where = pipeline.task, str(pipeline.model.identity)
    if not (isinstance(task, Confident) and isinstance(task, Reading) and len(task.truths) == 1):
        expected = 'a classifier of one head'
        raise RecordingError('labels are of no use', where=where, expected=expected)
    said = SimpleNamespace(results=[SimpleNamespace(class_id=label, score=1.0)])
    try:
        return task.read({task.truths[0].name: said})
    except MessageError as error:
        raise RecordingError(
            f"a folder is named '{label}'", where=where, hint=str(error)
        ) from error


def _watched(blocks: Sequence[Block]) -> tuple[str, ...]:
    names = dict.fromkeys(name for block in blocks for name in block.means)
    least = KNOWN * len(blocks)
    return tuple(
        name
        for name in names
        if sum(math.isfinite(block.means.get(name, math.nan)) for block in blocks) >= least
    )


def table(blocks: Sequence[Block], names: Sequence[str]) -> Numbers:
    """Returns the means (B, S) of blocks; NaN for what one does not tell."""
    rows = [[block.means.get(name, math.nan) for name in names] for block in blocks]
    return np.array(rows, np.float64).reshape(len(blocks), len(names))


@dataclass(frozen=True, slots=True)
class DriftCheck:
    """What a watch would have said of blocks, beside two dummies that know nothing.

    Attributes:
        blocks: how many there are.
        alarms: how often it begins to say that signals have moved.
        first: the block at which it does so first; None if it does not.
        moved: names of those signals, and how often the limit they were away at most.
        every_100: alarms of a dummy that gives one after every hundred blocks; the dummy that
            is always silent gives none.
    """

    blocks: int
    alarms: int
    first: int | None
    moved: tuple[tuple[str, float], ...]
    every_100: int


def check_blocks(reference: Reference, blocks: Sequence[Block], per_day: float) -> DriftCheck:
    """Compares blocks with a reference as a node does."""
    values, limits = table(blocks, reference.names), reference.limits
    found = alarms(values, limits, per_day)
    away = np.nan_to_num(np.abs(values - limits.center) / limits.scale) / limits.allowed(per_day)
    largest = np.where(found, away, 0.0).max(axis=0, initial=0.0)
    order = [int(at) for at in np.argsort(-largest) if largest[at] > 0]
    some = np.flatnonzero(found.any(axis=1))
    return DriftCheck(
        len(blocks),
        count_alarms(found) if len(blocks) else 0,
        int(some[0]) if len(some) else None,
        tuple((reference.names[at], float(largest[at])) for at in order),
        len(blocks) // EVERY,
    )


def second_half(reference: Reference, per_day: float) -> DriftCheck:
    """Compares the second half of a reference's blocks with a reference made of the first one."""
    half = len(reference.blocks) // 2
    first = replace(
        reference, blocks=reference.blocks[:half], limits=calibrate(reference.blocks[:half])
    )
    rest = [
        Block(dict(zip(reference.names, map(float, row), strict=True)), 0, 0)
        for row in reference.blocks[half:]
    ]
    return check_blocks(first, rest, per_day)


def digest_of_files(places: Sequence[Path]) -> str:
    """Returns the sha256 of the content of files, and of all files of folders by their names."""
    digest = hashlib.sha256()
    for place in places:
        files = sorted(one for one in place.rglob('*') if one.is_file()) if place.is_dir() else []
        for file in files or [place]:
            digest.update(f'{file.name}\0{file.stat().st_size}\0'.encode(errors='replace'))
            with open_named_file(file) as stream:
                while chunk := stream.read(_CHUNK):
                    digest.update(chunk)
    return digest.hexdigest()
