"""A page is complete, harmless, small, and needs nothing but itself."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import numpy as np
import pytest
from node_statuses import SECOND, detector, foreign, report

from ml_integration.core.findings import Level
from ml_integration.fleet.report.history import History
from ml_integration.fleet.report.page import page
from ml_integration.fleet.report.plots import thinned
from ml_integration.fleet.status import Status

EVIL = '</title><script src="https://evil.example/x.js">$\\frac{1}{0}$&_\x1b[2J\u202e'
LARGEST = 1_500_000
"""Bytes that a page of one of our nodes may have, of however long a time."""


class Reader(HTMLParser):
    """Reads what is in a page."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.words: list[str] = []
        self.feed(content)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or '') for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def ids(self) -> list[str]:
        return [value for name, value in self.attributes if name == 'id']


def evil_status(concern: str, level: Level = Level.ERROR) -> Status:
    values = {EVIL: '1.5', 'model': EVIL, 'sha256': EVIL, f'{EVIL} p50 [ms]': '3',
              f'error: {EVIL}: count': '4', f'{EVIL}: rate [Hz]': '5', 'total p50 [ms]': '6',
              f'invalid: {EVIL}': '7', 'provider': EVIL}  # fmt: skip
    return Status(f'{EVIL}node: {concern}', level, EVIL, EVIL, values)


def history_of(seconds: int, *more: Status) -> History:
    history = History()
    for second in range(seconds):
        counts = {f'invalid: {EVIL}': f'{second}', 'invalid: box outside': f'{2 * second}'}
        counted = Status('detector: results', Level.OK, '', '', {'rate [Hz]': '9', **counts})
        moving = Status('detector: drift', Level.OK, '', '', {'score': f'{second % 7}'})
        level = Level.WARN if second > 3 else Level.OK
        statuses = detector(level=level, received=10 * second, dropped=second)
        told = (*statuses, *foreign(), counted, moving, *more)
        history.take(report(*told), (second + 1) * SECOND)
    history.end()
    return history


@pytest.fixture(scope='module')
def plain_page() -> str:
    return page(history_of(8), 'a street')


def test_it_has_everything(plain_page: str) -> None:
    words = ' '.join(Reader(plain_page).words)
    for expected in (
        'a street', '2 of 2 nodes had trouble: detector WARN for 0:03', 'shapes@2', 'ab' * 32,
        'drops of detector', 'Frequency too low.', 'Rates [Hz]', 'Dropped frames [%]', 'my stage',
        'Where the time goes', 'Times by stage [ms]', 'drift', 'score', 'resources',
        'all the time: cpu [%] 55.5, rss [MB] 210', 'invalid: box outside',
    ):  # fmt: skip
        assert expected in words, expected
    assert Reader(plain_page).tags.count('svg') > 8


def test_it_needs_nothing_but_itself(plain_page: str) -> None:
    read = Reader(plain_page)
    assert not {'script', 'link', 'img', 'iframe', 'object', 'embed', 'base'} & set(read.tags)
    for name, value in read.attributes:
        assert not name.startswith('on')
        if name in ('href', 'xlink:href', 'src'):
            assert value.startswith('#'), value
    assert not re.search(r'https?:(?!//evil)|url\((?!#)|@import', plain_page)
    assert "default-src 'none'" in next(v for name, v in read.attributes if name == 'content')


def test_what_plots_are_made_of_is_not_mixed_up(plain_page: str) -> None:
    read = Reader(plain_page)
    assert len(read.ids) == len(set(read.ids))
    used = {value[1:] for name, value in read.attributes if name in ('href', 'xlink:href')}
    used |= set(re.findall(r'url\(#([^)]+)\)', plain_page))
    assert used <= set(read.ids)


def test_it_has_no_colors_that_only_one_background_shows(plain_page: str) -> None:
    assert 'prefers-color-scheme: dark' in plain_page and 'currentColor' in plain_page
    assert not re.search(r'(?:fill|stroke): ?(#000000|#ffffff|black|white)', plain_page)


def test_nothing_that_others_write_is_markup_or_a_formula() -> None:
    concerns = ('model', 'latency', 'results', 'errors', 'input', EVIL)
    history = History()
    for second in range(3):
        history.take(report(*map(evil_status, concerns)), second * SECOND)
    content = page(history, EVIL)
    read = Reader(content)
    assert 'script' not in read.tags and 'evil.example' not in ' '.join(
        value for _, value in read.attributes
    )
    words = ' '.join(read.words)
    assert '<script src="https://evil.example/x.js">$\\frac{1}{0}$&_\\x1b[2J\\u202e' in words
    assert '\x1b' not in content and '\u202e' not in content
    assert len(read.ids) == len(set(read.ids))


def test_a_long_time_is_hardly_larger_than_a_few_seconds(plain_page: str) -> None:
    content = page(history_of(500), '')
    assert len(content) < LARGEST and len(content) < 3 * len(plain_page)


def test_a_moment_is_enough() -> None:
    history = History()
    history.take(report(*foreign(), *detector()[:2]), 0)
    history.end()
    assert 'svg' in Reader(page(history, '')).tags


def test_numbers_beyond_reason_are_drawn_all_the_same() -> None:
    values = [('1e308', '-1e308'), ('-1e308', '1e308'), ('nan', 'inf'), ('0', '1e-300')]
    history = History()
    for second, (one, other) in enumerate(values):
        numbers = {f'{stage} p50 [ms]': one for stage in ('infer', 'total')}
        numbers |= {'wait p50 [ms]': '0', 'total <= inf [ms]': other, 'received': one}
        told = (
            Status(f'n: {name}', Level.OK, '', '', {'x': other, **numbers})
            for name in ('latency', 'drops', 'else')
        )
        history.take(report(*told), second * SECOND)
    read = Reader(page(history, ''))
    assert read.tags.count('svg') > 8
    assert not {'nan', 'inf'} & {value.lower() for _, value in read.attributes}


def test_thinning_keeps_the_least_and_the_largest() -> None:
    times, values = np.arange(10_000.0), np.sin(np.arange(10_000) / 500)
    values[1234], values[8765], values[5000:5100] = 50.0, -50.0, np.nan
    few_times, few = thinned(times, values, 100)
    assert len(few) <= 200 and (np.diff(few_times) >= 0).all()
    assert few_times[np.nanargmax(few)] == 1234 and few_times[np.nanargmin(few)] == 8765
    assert np.nanmax(few) == 50.0 and np.nanmin(few) == -50.0
