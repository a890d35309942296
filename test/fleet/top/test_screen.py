"""The view fits every terminal, says what matters, and nothing in it steers the terminal."""

from __future__ import annotations

import io

import pytest
from node_statuses import SECOND, detector, foreign, report, unoptimized
from rich.console import Console, RenderableType

from ml_integration.core.findings import Level
from ml_integration.fleet.figures import StageTimes
from ml_integration.fleet.latest import Latest, Node
from ml_integration.fleet.status import Status
from ml_integration.fleet.top.detail import bar
from ml_integration.fleet.top.screen import Choice, Size, printed, screen

HOSTILE = 'evil\x1b[31m[bold]\u202e\nnode'
PLACE = 'ROS_DOMAIN_ID=22'


def nodes(*names: str) -> tuple[Node, ...]:
    """A detector that drops, one for each name, a foreign node and one that is stale."""
    latest = Latest()
    latest.take(report(*detector('silent')), 0)
    latest.take(report(*detector(level=Level.WARN, dropped=25), *foreign()), 6 * SECOND)
    for name in names:
        statuses = (Status(f'{name}: concern', Level.ERROR, '\x1b[2J' + 'long ' * 900),)
        latest.take(report(*statuses), 6 * SECOND)
    return latest.nodes(6 * SECOND)


def lines(view: RenderableType, width: int, height: int, colors: bool = False) -> list[str]:
    console = Console(
        file=io.StringIO(), width=width, height=height, force_terminal=colors, markup=False,
        emoji=False, highlight=False, color_system='truecolor' if colors else None,
    )  # fmt: skip
    with console.capture() as captured:
        console.print(view)
    return captured.get().splitlines()


@pytest.mark.parametrize('size', [(80, 24), (200, 60), (120, 36), (40, 12)], ids=str)
@pytest.mark.parametrize('names', [(), (HOSTILE,), tuple(f'node_{n:03}' for n in range(300))])
def test_it_fits_every_terminal(size: tuple[int, int], names: tuple[str, ...]) -> None:
    found = lines(screen(nodes(*names), Choice(), Size(*size), PLACE), *size)
    assert len(found) == size[1] and max(map(len, found)) <= size[0]
    assert 'ml_top' in found[0] and 'q quit' in found[-1]


def test_a_small_terminal_has_the_figures_that_matter() -> None:
    found = lines(screen(nodes(), Choice('detector'), Size(80, 24), PLACE), 80, 24)
    head, row = found[1], next(line for line in found if line.startswith('▸ detector'))
    assert head.split() == [
        'node', 'level', 'state', 'model', 'Hz', 'p50', 'p95', 'age', 'drop%', 'inv', 'err',
    ]  # fmt: skip
    assert row.split() == [
        '▸', 'detector', 'WARN', 'active', 'shapes@2', '9.5', '20', '30', '42', '25', '7', '3',
    ]  # fmt: skip
    text = '\n'.join(found)
    for stage in ('wait', 'decode', 'infer', 'my stage', 'total'):
        assert f'\n{stage} ' in text
    assert 'drops of detector' in text


def test_a_large_one_has_all_of_them_and_the_next_worst_nodes() -> None:
    found = lines(screen(nodes(), Choice('detector'), Size(200, 60), PLACE), 200, 60)
    row = next(line for line in found if line.startswith('▸  detector'))
    assert row.split()[-3:] == ['55.5', '210', 'CPU']
    text = '\n'.join(found)
    assert 'silent for 6 s' in text and 'Frequency too low.' in text


def test_a_view_without_a_terminal_has_everything_and_no_colors() -> None:
    text = '\n'.join(lines(printed(nodes(), Choice(), None, PLACE), 10_000, 25))
    assert '\x1b' not in text
    assert '1 WARN' not in text and '2 WARN' in text and '1 STALE' in text and PLACE in text
    for name in ('detector', 'silent', 'usb_cam'):
        assert f' {name} ' in text
    assert 'resources of silent' in text, 'the worst one in detail'


def test_nothing_that_others_write_steers_the_terminal() -> None:
    view = screen(nodes(HOSTILE), Choice(), Size(200, 60), PLACE)
    text = '\n'.join(lines(view, 200, 60))
    assert 'evil\\x1b[31m[bold]\\u202e node' in text and '\\x1b[2J' in text
    assert '\x1b' not in text and '\u202e' not in text


def test_stale_nodes_are_dim() -> None:
    found = lines(screen(nodes(), Choice('detector'), Size(80, 24), PLACE), 80, 24, colors=True)
    (row,) = (line for line in found if 'silent' in line)
    assert '\x1b[2m' in row and 'STALE' in row


def test_the_chosen_row_moves_is_seen_and_stays_in_the_table() -> None:
    many = nodes(*(f'node_{number:03}' for number in range(100)))
    choice = Choice('detector')
    assert choice.moved(many, -1).name == 'detector', 'it is the first one'
    last = choice.moved(many, 1000)
    assert last.name == 'usb_cam'
    found = lines(screen(many, last, Size(80, 24), PLACE), 80, 24)
    assert any(line.startswith('▸ usb_cam') for line in found)
    assert 'not shown' in found[0]


def test_nobody_is_said_to_be_there() -> None:
    text = '\n'.join(lines(screen((), Choice(), Size(80, 24), PLACE), 80, 24))
    assert 'Nobody is heard' in text


def test_a_bar_ends_at_the_median_and_a_line_at_p95() -> None:
    drawn = bar(StageTimes('infer', 25.0, 75.0, 90.0), 100.0, 40, 'cyan').plain
    assert drawn == '█' * 10 + '─' * 19 + '┤'
    assert bar(StageTimes('x', None, None, None), 100.0, 40, 'cyan').plain == ''
    assert bar(StageTimes('x', 0.001, 0.002, 0.002), 100.0, 40, 'cyan').plain == '▏'
    assert bar(StageTimes('x', 1e300, float('1e301'), None), 1e300, 40, 'cyan').cell_len == 40


def test_advice_stands_below_what_is_wrong_and_above_what_is_well() -> None:
    latest = Latest()
    for second in range(4):
        fine, bad = Status('eye: input', Level.OK, 'fine'), Status('eye: drops', Level.WARN, 'bad')
        latest.take(report(fine, bad, unoptimized('eye')), second * SECOND)
        seen = latest.nodes(second * SECOND)
    text = '\n'.join(lines(printed(seen, Choice(), None, PLACE), 10_000, 50))
    assert (
        text.index('WARN   drops') < text.index('TIP    unoptimized') < text.index('OK     input')
    )
    assert 'execution.graph_optimization:=all' in text
