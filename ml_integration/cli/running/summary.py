"""Sums up a run: what became of the messages, and how long each stage took."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, TextIO

from ml_integration.cli.tables import Column, show_table
from ml_integration.core.pipeline import Pipeline
from ml_integration.core.stats import Stats

MOST_LABELS = 8
COLUMNS = (
    Column('stage'),
    *(Column(name, numbers=True) for name in ('p50 ms', 'p95 ms', 'p99 ms')),
)


@dataclass(slots=True)
class Tally:
    """Counts what the statistics of a node do not: names, and messages that cannot be read.

    Attributes:
        labels: how often each class was found.
        results: number of rows.
        unreadable: messages of the recordings that could not be read.
    """

    labels: dict[str, int] = field(default_factory=dict)
    results: int = 0
    unreadable: int = 0

    def add(self, rows: Sequence[Any]) -> None:
        """Counts the rows of a result."""
        self.results += len(rows)
        for row in rows:
            label = getattr(row, 'label', None)
            if label is not None:
                self.labels[label] = self.labels.get(label, 0) + 1


def show_summary(
    pipeline: Pipeline, stats: Stats, tally: Tally, stream: TextIO | None = None
) -> None:
    """Prints the summary for a person."""
    show_table([Column(''), Column('')], facts(pipeline, stats, tally), '', stream, headings=False)
    stages = [
        [name, *(f'{value:.2f}' for value in asdict(stats.stages[name]).values())]
        for name in stats.stages
    ]
    if stages:
        print(file=stream or sys.stdout)
        show_table(COLUMNS, stages, '', stream)


def facts(pipeline: Pipeline, stats: Stats, tally: Tally) -> list[list[str]]:
    """Lists what became of the messages, as titles and words."""
    total = stats.total
    ended = total.published + total.invalid + total.failed
    rows = [
        ['model', f'{pipeline.model.identity} on {pipeline.session.device}'],
        *(
            [f'{stage}.model', str(second.description.identity)]
            for stage, second in pipeline.seconds.items()
        ),
        ['frames', f'{ended}: {total.published} good, {total.invalid} held back, '
         f'{total.failed} failed'],
    ]  # fmt: skip
    if total.displaced or total.stale:
        rows.append(
            ['dropped', f'{total.displaced + total.stale} of {total.received} '
             f'({total.drop_ratio:.1%}): {total.displaced} displaced, {total.stale} too old']
        )  # fmt: skip
    age = stats.streams[0].age
    if age is not None and age.p99:
        rows.append(['age', f'p50 {age.p50:.1f} ms, p99 {age.p99:.1f} ms, from the stamp on'])
    rows.append(['results', f'{tally.results}{_labels(tally)}'])
    if stats.invalid_kinds:
        kinds = ', '.join(f'{kind} {count}' for kind, count in stats.invalid_kinds.items())
        rows.append(['held back', kinds])
    if stats.omitted_kinds:
        kinds = ', '.join(f'{kind} {count}' for kind, count in stats.omitted_kinds.items())
        rows.append(['left out', f'{kinds}; the last one: {stats.last_omitted}'])
    if stats.last_error:
        rows.append(['last error', stats.last_error])
    if tally.unreadable:
        rows.append(['unreadable', f'{tally.unreadable} messages of the recordings'])
    rows += [
        ['missing', f'{", ".join(stream.missing)}: never came, or too old to be used']
        for stream in stats.streams
        if stream.missing
    ]
    return rows


def summary_document(pipeline: Pipeline, stats: Stats, tally: Tally) -> dict[str, Any]:
    """Returns the summary as JSON has it."""
    return {
        'model': str(pipeline.model.identity),
        'second_models': {
            stage: str(second.description.identity) for stage, second in pipeline.seconds.items()
        },
        'device': pipeline.session.device,
        'frames': asdict(stats.total),
        'held_back': dict(stats.invalid_kinds),
        'left_out': dict(stats.omitted_kinds),
        'unreadable': tally.unreadable,
        'results': tally.results,
        'labels': tally.labels,
        'age_ms': asdict(stats.streams[0].age) if stats.streams[0].age else None,
        'last_error': stats.last_error,
        'missing': [topic for stream in stats.streams for topic in stream.missing],
        'stages_ms': {name: asdict(value) for name, value in stats.stages.items()},
    }


def _labels(tally: Tally) -> str:
    best = sorted(tally.labels.items(), key=lambda one: -one[1])
    shown = ', '.join(f'{label} {count}' for label, count in best[:MOST_LABELS])
    more = f' and {len(best) - MOST_LABELS} more classes' if len(best) > MOST_LABELS else ''
    return f': {shown}{more}' if shown else ''
