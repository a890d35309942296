"""Runs two models on the same messages and shows where they disagree, the worst first."""

from __future__ import annotations

import argparse
import heapq
import json
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, cast

import numpy as np

from ml_integration.cli.last_resort import INTERRUPTED
from ml_integration.cli.output import tell, warn
from ml_integration.cli.progress import progress
from ml_integration.cli.running.interrupts import interruptible, until
from ml_integration.cli.running.picture_files import encode_picture, new_folder, safe_name
from ml_integration.cli.running.reading import Reading, load
from ml_integration.cli.tables import Column, show_table
from ml_integration.core.abilities import Comparing, Difference
from ml_integration.core.datatypes import Array
from ml_integration.core.pipeline import Pipeline
from ml_integration.errors import ModelMismatchError
from ml_integration.ops.drawing import draw_text
from ml_integration.serving.annotation import annotated
from ml_integration.serving.playback import Outcome, Playback, types_of

WORST = 20
"""Number of messages that are shown, those with the largest disagreement."""
EQUAL = 1e-3
"""Disagreement up to which two results count as the same."""
TITLE = (40, 40, 40)


@dataclass(frozen=True, slots=True)
class _Compared:
    """A message with the difference of its results; None: a model has no result for it."""

    name: str
    difference: Difference | None
    disagreement: float
    remark: str = ''

    @property
    def told(self) -> dict[str, Any]:
        if self.difference is None:
            return {'disagreement': self.disagreement}
        return asdict(cast(Any, self.difference))

    def document(self) -> dict[str, Any]:
        return {'source': self.name, **self.told, 'remark': self.remark}


@dataclass(slots=True)
class _Comparison:
    """Two models on the same messages."""

    first: Playback
    second: Playback
    task: Comparing
    draws: bool
    all: list[_Compared] = field(default_factory=list)
    pictures: list[tuple[float, int, bytes]] = field(default_factory=list)

    def add(self, outcomes: list[Outcome], others: list[Outcome]) -> None:
        """Compares what became of one message."""
        for one, other in zip(outcomes, others, strict=False):
            compared = self._compared(one, other)
            self.all.append(compared)
            if self.draws and compared.disagreement > EQUAL:
                self._keep(compared.disagreement, one, other)

    def _compared(self, one: Outcome, other: Outcome) -> _Compared:
        remarks = [
            f'{playback.pipeline.model.identity}: {_reason(outcome)}'
            for playback, outcome in ((self.first, one), (self.second, other))
            if _reason(outcome)
        ]
        name, remark = one.recorded.name, '; '.join(remarks)
        if one.prediction is None or other.prediction is None or remarks:
            both_held_back = bool(one.prediction and other.prediction and len(remarks) == 2)
            return _Compared(name, None, 0.0 if both_held_back else float('inf'), remark)
        difference = self.task.compare(
            one.prediction.result, other.prediction.result, self.second.pipeline.model
        )
        return _Compared(name, difference, difference.disagreement)

    def _keep(self, disagreement: float, one: Outcome, other: Outcome) -> None:
        """Draws both results side by side, if they are among the worst so far."""
        full = len(self.pictures) >= WORST
        if full and disagreement <= self.pictures[0][0]:
            return
        halves = [
            _titled(outcome, playback.pipeline)
            for outcome, playback in ((one, self.first), (other, self.second))
            if outcome.prediction is not None
        ]
        if not halves:
            return
        entry = (disagreement, -len(self.all), encode_picture('.jpg', np.hstack(halves)))
        (heapq.heappushpop if full else heapq.heappush)(self.pictures, entry)


def compare(args: argparse.Namespace) -> int:
    """Compares the two models; the status says only whether both could be run."""
    with ExitStack() as cleanup:
        pipelines = []
        for model in (args.compare, args.model):
            pipelines.append(load(args, model))
            cleanup.callback(pipelines[-1].close)
        _check(*pipelines)
        reading = Reading(args, pipelines[0])
        out = new_folder(args.out) if args.out else None
        first, second = (Playback(pipeline, warn) for pipeline in pipelines)
        draws = out is not None and all(pipeline.picture for pipeline in pipelines)
        comparison = _Comparison(first, second, _comparing(pipelines[0]), draws)
        stopped = cleanup.enter_context(interruptible(pipelines[0].interrupt))
        with progress(f'{args.compare} and {args.model}', of_bytes=False) as show:
            for source in reading.sources:
                first.begin()
                second.begin()
                for topic, recorded in until(stopped, reading.messages(source, show)):
                    comparison.add(first.play(topic, recorded), second.play(topic, recorded))
        _tell(args, comparison, reading.unreadable, out)
        failed = first.stats().total.failed or second.stats().total.failed or reading.unreadable
        return INTERRUPTED if stopped.is_set() else int(bool(failed))


def _check(first: Pipeline, second: Pipeline) -> None:
    """Raises ModelMismatchError if the models cannot take each other's place."""
    kinds = [f'{type(one.task).__name__} of {types_of(one)}' for one in (first, second)]
    if kinds[0] != kinds[1]:
        model, what = str(second.model.identity), 'only models of one task and input are compared'
        raise ModelMismatchError(model, what, kinds[1], kinds[0])


def _comparing(pipeline: Pipeline) -> Comparing:
    """Returns a pipeline's task, or raises ModelMismatchError if it compares no results."""
    task = pipeline.task
    if isinstance(task, Comparing):
        return task
    model, what = str(pipeline.model.identity), 'results of its task cannot be compared'
    raise ModelMismatchError(model, what, type(task).__name__, "a task with a method 'compare'")


def _reason(outcome: Outcome) -> str:
    """Returns why there is no result; empty if there is one."""
    if outcome.prediction is None:
        return outcome.error
    kinds = ', '.join(reason.kind for reason in outcome.prediction.verdict.reasons)
    return f'held back: {kinds}' if kinds else ''


def _titled(outcome: Outcome, pipeline: Pipeline) -> Array:
    assert outcome.prediction is not None
    canvas = annotated(outcome.prediction, pipeline)
    draw_text(canvas, str(pipeline.model.identity), (0, canvas.shape[0]), TITLE)
    return canvas


def _tell(
    args: argparse.Namespace, comparison: _Comparison, unreadable: int, out: Path | None
) -> None:
    worst = sorted(comparison.all, key=lambda one: -one.disagreement)
    if out is not None:
        _write(out, comparison, worst)
    document = _document(comparison, unreadable)
    if args.json:
        rows = [one.document() for one in worst]
        print(json.dumps({**document, 'worst_first': _finite(rows)}, indent=2))
        return
    differing = [one for one in worst if one.disagreement > EQUAL]
    _show(differing[:WORST], document['models'])
    if len(differing) > WORST:
        tell(f'and {len(differing) - WORST} more')
    for model, infer_ms in zip(document['models'], document['infer_p50_ms'], strict=True):
        tell(f'{model}: {infer_ms:.1f} ms in the engine (median)')
    tell(f'{len(differing)} of {len(worst)} differ' + (f'; more in {out}' if out else ''))


def _show(worst: list[_Compared], models: list[str]) -> None:
    known = next((one.difference for one in worst if one.difference is not None), None)
    names = (
        [part.name for part in fields(cast(Any, known))] if known is not None else ['disagreement']
    )
    first, second = models
    heads = [
        name.replace('first', first).replace('second', second).replace('_', ' ', 1)
        for name in names
    ]
    columns = [Column('source'), *(Column(head, numbers=True) for head in heads)]
    rows = []
    for one in worst:
        rows.append([one.name, *(_cell(one.told.get(name, '')) for name in names), one.remark])
    if rows:
        show_table([*columns, Column('')], rows)


def _cell(value: object) -> str:
    return f'{value:.3f}' if isinstance(value, float) else str(value)


def _document(comparison: _Comparison, unreadable: int) -> dict[str, Any]:
    playbacks = (comparison.first, comparison.second)
    stages = [one.stats().stages for one in playbacks]
    return {
        'models': [str(one.pipeline.model.identity) for one in playbacks],
        'messages': len(comparison.all),
        'differing': sum(one.disagreement > EQUAL for one in comparison.all),
        'unreadable': unreadable,
        'infer_p50_ms': [round(of['infer'].p50, 3) if 'infer' in of else 0.0 for of in stages],
    }


def _write(out: Path, comparison: _Comparison, worst: list[_Compared]) -> None:
    lines = (json.dumps(row) for row in _finite([one.document() for one in worst]))
    text = ''.join(f'{line}\n' for line in lines)
    (out / 'differences.jsonl').write_text(text, encoding='utf-8')
    for rank, (_, number, data) in enumerate(sorted(comparison.pictures, reverse=True), 1):
        name = safe_name(Path(comparison.all[-number - 1].name).stem)
        (out / f'{rank:02}-{name}.jpg').write_bytes(data)


def _finite(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns rows without numbers that JSON does not have."""
    infinite = float('inf')
    return [{k: None if v == infinite else v for k, v in row.items()} for row in rows]
