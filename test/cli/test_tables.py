"""Tables and progress: plain into a file, colored on a terminal, and harmless everywhere."""

from __future__ import annotations

import io

import pytest

from ml_integration.cli.progress import progress
from ml_integration.cli.tables import Column, show_table

ODD = '[bold red]a\x1b[2J[/] :smile: \u202e'


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _terminal_of_a_known_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ('NO_COLOR', 'FORCE_COLOR', 'TTY_COMPATIBLE', 'TTY_INTERACTIVE', 'COLORTERM'):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv('TERM', 'xterm')
    monkeypatch.setenv('COLUMNS', '80')


def shown(stream: io.StringIO, *rows: list[str]) -> str:
    show_table([Column('name'), Column('ms', numbers=True)], rows, stream=stream)
    return stream.getvalue()


def test_a_file_gets_plain_lines_of_any_length() -> None:
    text = shown(io.StringIO(), ['x' * 300, '1'], ['y', '10'])
    head, first, second = text.splitlines()
    assert (head.split(), first.split()) == (['name', 'ms'], ['x' * 300, '1'])
    assert second.endswith('10') and '\x1b' not in text


def test_a_terminal_gets_colors_unless_it_wants_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert '\x1b[32mactive' in shown(Terminal(), ['active', '1'])
    monkeypatch.setenv('NO_COLOR', '1')
    assert '\x1b[32m' not in shown(Terminal(), ['active', '1'])
    monkeypatch.setenv('TERM', 'dumb')
    assert '\x1b' not in shown(Terminal(), ['active', '1'])


@pytest.mark.parametrize('kind', [io.StringIO, Terminal])
def test_what_strangers_wrote_is_shown_as_it_is(kind: type[io.StringIO]) -> None:
    text = shown(kind(), [ODD, '1'])
    assert r'[bold red]a\x1b[2J[/] :smile: \u202e' in text
    assert '\x1b[2J' not in text and '\u202e' not in text


def test_progress_is_drawn_on_a_terminal_and_wiped_off() -> None:
    stream = Terminal()
    with progress(ODD, stream) as show:
        show(500_000, 2_000_000)
        show(2_000_000, 2_000_000)
    text = stream.getvalue()
    assert r'[bold red]a\x1b[2J[/] :smile: \u202e' in text
    assert '2.0/2.0 MB' in text and '\x1b[2J' not in text
    assert text.rstrip('\r').endswith('\x1b[2K')  # the line is empty again


@pytest.mark.parametrize('term', ['xterm', 'dumb'])
def test_progress_is_not_drawn_where_it_could_not_be_wiped_off(
    term: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('TERM', term)
    stream = Terminal() if term == 'dumb' else io.StringIO()
    with progress('m.zip', stream) as show:
        show(1, 2)
    assert stream.getvalue() == ''


def test_pieces_of_an_unknown_number_are_counted() -> None:
    stream = Terminal()
    with progress('frames', stream, of_bytes=False) as show:
        show(7, 0)
    assert '7/?' in stream.getvalue()


def test_the_name_that_a_row_is_about_is_not_broken() -> None:
    stream = Terminal()
    wide = ['x' * 100] * 5
    show_table(
        [Column('model'), *map(Column, 'abcde')], [['coco_yolov3_tiny@1', *wide]], stream=stream
    )
    assert 'coco_yolov3_tiny@1' in stream.getvalue()
