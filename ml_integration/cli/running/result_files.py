"""Writes what came of each message: a line of JSON, rows of CSV, or words for a person."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import fields
from typing import Any, Protocol, TextIO

from ml_integration.cli.running.staging import kinds_of, listed, rows_of
from ml_integration.core.datatypes import Prediction
from ml_integration.core.pipeline import Pipeline
from ml_integration.errors import escaped
from ml_integration.serving.playback import Outcome


class ResultWriter(Protocol):
    """Writes outcomes one after another."""

    def write(self, outcome: Outcome) -> None:
        """Writes one."""


class JsonLines:
    """One JSON object per line and message."""

    def __init__(self, stream: TextIO, pipeline: Pipeline) -> None:
        self._stream = stream
        self._pipeline = pipeline

    def write(self, outcome: Outcome) -> None:
        document = json.dumps(outcome_document(outcome, self._pipeline))
        self._stream.write(f'{document}\n')


def outcome_document(outcome: Outcome, pipeline: Pipeline) -> dict[str, Any]:
    """Returns what became of a message as JSON has it."""
    prediction = outcome.prediction
    start = {'source': outcome.recorded.name, 'stamp_ns': outcome.recorded.stamp_ns}
    if prediction is None:
        return {**start, 'error': outcome.error}
    return {
        **start,
        'model': str(prediction.model),
        **_seconds(prediction),
        'results': listed(prediction, pipeline),
        'held_back': [f'{one.kind}: {one.detail}' for one in prediction.verdict.reasons],
        'ms': round(sum(prediction.stage_ms.values()), 3),
    }


def _seconds(prediction: Prediction) -> dict[str, Any]:
    """Returns what second models were asked, and what they could not say; nothing if none was."""
    if not prediction.seconds:
        return {}
    return {
        'second_models': {stage: str(one) for stage, one in prediction.seconds.items()},
        'left_out': [f'{one.kind}: {one.detail}' for one in prediction.omitted],
    }


class CommaSeparated:
    """One row per result, and one without a result for each message that has none."""

    def __init__(self, stream: TextIO, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._columns = [one.name for kind in kinds_of(pipeline) for one in fields(kind)]
        self._writer = csv.writer(stream, lineterminator='\n')
        self._writer.writerow(['source', 'stamp_ns', *self._columns, 'held_back', 'error'])

    def write(self, outcome: Outcome) -> None:
        start = [outcome.recorded.name, outcome.recorded.stamp_ns]
        prediction, nothing = outcome.prediction, [''] * len(self._columns)
        if prediction is None:
            self._row([*start, *nothing, '', outcome.error])
            return
        cells = [[*row.values()] for row in listed(prediction, self._pipeline)]
        held_back = ' '.join(reason.kind for reason in prediction.verdict.reasons)
        for row in cells or [nothing]:
            self._row([*start, *row, held_back, ''])

    def _row(self, cells: Sequence[Any]) -> None:
        self._writer.writerow(map(_cell, cells))


def _cell(value: Any) -> Any:
    """Returns a value as a cell: names of files come from strangers, and may meet a terminal."""
    if isinstance(value, tuple):
        return escaped(' '.join(map(str, value)))
    return escaped(value) if isinstance(value, str) else value


class Words:
    """One line per message, for people."""

    def __init__(self, stream: TextIO, pipeline: Pipeline) -> None:
        self._stream = stream
        self._pipeline = pipeline

    def write(self, outcome: Outcome) -> None:
        line = f'{outcome.recorded.name}: {in_words(outcome, self._pipeline)}'
        self._stream.write(f'{escaped(line)}\n')


def in_words(outcome: Outcome, pipeline: Pipeline) -> str:
    """Returns what became of a message, such as 'person 0.91 0.85, car 0.60'."""
    prediction = outcome.prediction
    if prediction is None:
        return f'failed: {outcome.error}'
    if not prediction.verdict.ok:
        return f'held back: {"; ".join(reason.detail for reason in prediction.verdict.reasons)}'
    by_label: dict[str, list[str]] = {}
    rows = rows_of(prediction, pipeline)
    for row, *added in rows:
        if hasattr(row, 'label') and hasattr(row, 'score'):
            words = ' '.join(filter(None, [f'{row.score:.2f}', *map(str, added)]))
            by_label.setdefault(row.label, []).append(words)
    told = ', '.join(f'{label} {" ".join(scores)}' for label, scores in by_label.items())
    return told or (f'{len(rows)} results' if rows else 'nothing')
