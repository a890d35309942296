"""Measurements, as they are kept in `bench.json`."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

PACED_HZ = 30.0
PACED = f'{PACED_HZ:g} Hz'


@dataclass(frozen=True, slots=True)
class Cell:
    """Situation: a model, a picture size and what the camera does.

    Attributes:
        model: 'light', 'medium' or 'heavy'.
        size: 'VGA' or '1080p'.
        load: a rate such as '30 Hz', 'full' (the camera is faster than anything can be), or how
            many times more frames than the model can do, such as '1.5x'.
    """

    model: str
    size: str
    load: str

    @property
    def paced(self) -> bool:
        """Tells whether the camera has its usual rate, and is not made faster than the model."""
        return self.load == PACED


@dataclass(frozen=True, slots=True)
class Window:
    """Figures of one subject in a second or so. None: not measured here, or nothing arrived.

    Attributes:
        results_hz: results per second.
        p50_ms: from the frame's stamp to the arrival of its result [ms].
        p99_ms: the same.
        run_ms: median time that the session runs [ms].
        outside_ms: median time from stamp to arrival less the run of the same frame [ms].
        publish_ms: median time that the camera needs to publish a frame [ms].
        cpu_ms: CPU time of the node's process per result [ms].
        faults: minor page faults of the node's process per result.
        rss_mb: its resident memory [MB].
        on_time: share of service calls that were answered within 50 ms.
        delivered: share of the sent frames of which a result came.
    """

    results_hz: float
    p50_ms: float | None = None
    p99_ms: float | None = None
    run_ms: float | None = None
    outside_ms: float | None = None
    publish_ms: float | None = None
    cpu_ms: float | None = None
    faults: float | None = None
    rss_mb: float | None = None
    on_time: float | None = None
    delivered: float | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A subject in a cell, one window per repeat."""

    cell: Cell
    who: str
    windows: tuple[Window, ...]

    def values(self, metric: str) -> list[float | None]:
        return [getattr(window, metric) for window in self.windows]

    def median(self, metric: str) -> float | None:
        known = [value for value in self.values(metric) if value is not None]
        return statistics.median(known) if known else None


@dataclass(frozen=True, slots=True)
class Series:
    """A figure that is not of a cell, one value per repeat."""

    name: str
    unit: str
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """Report of one run.

    Attributes:
        machine: processor, CPUs, versions.
        taken: when.
        notes: what was left out, and why.
    """

    machine: str
    taken: str
    rows: tuple[Row, ...] = ()
    series: tuple[Series, ...] = ()
    notes: tuple[str, ...] = ()

    def values(
        self, model: str, size: str, load: str, who: str, metric: str
    ) -> Sequence[float | None]:
        """A metric of a subject in a cell, one per repeat; empty when it was not measured."""
        cell = Cell(model, size, load)
        found = (row for row in self.rows if (row.cell, row.who) == (cell, who))
        return next((row.values(metric) for row in found), [])

    def series_of(self, name: str) -> Sequence[float]:
        return next((series.values for series in self.series if series.name == name), ())

    def write(self, file: Path) -> None:
        file.write_text(json.dumps(asdict(self), indent=1) + '\n', encoding='utf-8')


def read_report(file: Path) -> Report:
    """Reads what `Report.write` wrote."""
    document = json.loads(file.read_text(encoding='utf-8'))
    rows = tuple(
        Row(Cell(**row['cell']), row['who'], tuple(Window(**w) for w in row['windows']))
        for row in document.pop('rows')
    )
    series = tuple(
        Series(item['name'], item['unit'], tuple(item['values']))
        for item in document.pop('series')
    )
    return Report(**{**document, 'notes': tuple(document['notes'])}, rows=rows, series=series)
