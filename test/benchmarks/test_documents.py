"""What a run is written down as."""

from pathlib import Path
from xml.etree import ElementTree

import pytest
from bench_reports import OVERLOAD, report

from benchmarks.side_by_side.cells import rate_of
from benchmarks.side_by_side.plot import svg
from benchmarks.side_by_side.report import read_report
from benchmarks.side_by_side.tables import document, goals_text


def test_a_report_is_read_as_it_was_written(tmp_path: Path) -> None:
    report().write(tmp_path / 'bench.json')
    assert read_report(tmp_path / 'bench.json') == report()


def test_a_missed_goal_is_written_as_missed() -> None:
    (line,) = (
        line for line in document(report()).splitlines() if 'start to first result, w' in line
    )
    assert line.endswith('| ≤ 2 s | 2.5 s | 2.4 s to 2.6 s | **missed** |')
    assert 'missed' in next(line for line in goals_text(report()).splitlines() if '2.5 s' in line)


def test_what_was_not_measured_is_written_too() -> None:
    lines = document(report()).splitlines()
    assert any('four cameras: ' in line and 'not measured' in line for line in lines)
    assert 'Four cameras were not compared.' in lines


def test_all_lines_of_a_table_have_as_many_cells() -> None:
    table: list[int] = []
    for line in [*document(report()).splitlines(), '']:
        if line.startswith('|'):
            table.append(line.count('|'))
        else:
            assert len(set(table)) <= 1, line
            table = []


def test_the_plot_is_xml_with_a_bar_for_every_figure() -> None:
    root = ElementTree.fromstring(svg(report()))
    texts = [element.text for element in root.iter() if element.tag.endswith('text')]
    assert '26 ms' in texts  # the naive node's run and the rest of its latency
    assert '400 ms' in texts  # its age under overload
    bars = [e for e in root.iter() if e.tag.endswith('rect') and e.get('height') == '18']
    shown = [row for row in report().rows if row.cell == OVERLOAD]
    assert len(bars) >= len(shown) * 2


def test_a_plot_of_nothing_is_still_a_picture() -> None:
    nothing = report(naive_ms=(), ours_ms=())
    assert ElementTree.fromstring(svg(nothing)).tag.endswith('svg')


@pytest.mark.parametrize(
    ('load', 'rate_hz'),
    [
        ('30 Hz', 30),  # as it says
        ('full', 200),  # more than anything can do
        ('1.5x', 37.5),  # 25 runs of 40 ms in a second
    ],
)
def test_the_rate_of_a_load(load: str, rate_hz: float) -> None:
    assert rate_of(load, run_ms=40.0) == pytest.approx(rate_hz)
