"""A history tells levels, sentences and counts exactly, and stays small whatever comes."""

from __future__ import annotations

import pytest
from node_statuses import SECOND, detector, report, unoptimized

from ml_integration.core.findings import Level
from ml_integration.fleet.report.history import MOST_NODES, MOST_SENTENCES, History, Shown
from ml_integration.fleet.report.page import page
from ml_integration.fleet.report.series import MOST_KEYS, MOST_SAMPLES, Series
from ml_integration.fleet.report.totals import histogram, totals
from ml_integration.fleet.status import Status


def said(*seconds_and_levels: tuple[float, Level], message: str = '{} Hz') -> History:
    """The history of one status that said this at those times."""
    history = History()
    for second, level in seconds_and_levels:
        status = Status('node: input', level, message.format(second))
        history.take(report(status), round((1e9 + second) * SECOND))
    history.end()
    return history


def test_levels_last_until_the_next_word_and_silence_is_stale() -> None:
    history = said(
        (0, Level.OK), (1, Level.WARN), (2, Level.WARN), (3, Level.OK), (20, Level.ERROR)
    )
    stretches = history.nodes['node'].statuses['input'].stretches
    assert [(one.begin_s, one.end_s, one.shown) for one in stretches] == [
        (0, 1, Shown.OK), (1, 3, Shown.WARN), (3, 3, Shown.OK), (3, 20, Shown.STALE),
        (20, 20, Shown.ERROR),
    ]  # fmt: skip
    assert history.nodes['node'].worst == Shown.ERROR


def test_who_says_no_more_is_stale_in_the_end() -> None:
    history = History()
    for second in range(20):
        names = ('here', 'gone') if second < 5 else ('here',)
        statuses = (Status(f'{name}: x', Level.OK) for name in names)
        history.take(report(*statuses), second * SECOND)
    history.end()
    assert [node.name for node in history.sorted()] == ['gone', 'here']
    assert history.nodes['gone'].seconds(Shown.STALE) == 15.0
    assert history.nodes['here'].worst == Shown.OK


def test_a_sentence_whose_figures_change_is_one_sentence() -> None:
    history = said((0, Level.OK), (1, Level.WARN), (2.5, Level.WARN), (4, Level.ERROR))
    found = [
        (one.level, one.text, one.first_s, one.last_s, one.count)
        for one in history.nodes['node'].sentences.values()
    ]
    assert found == [(Level.WARN, '2.5 Hz', 1, 2.5, 2), (Level.ERROR, '4 Hz', 4, 4, 1)]


def test_each_model_that_served_is_told() -> None:
    history = History()
    for second, model in enumerate(('a@1', 'a@1', '', 'a@2')):
        status = Status('n: model', Level.OK, '', '', {'model': model, 'sha256': f'of {model}'})
        history.take(report(status), second * SECOND)
    identities = history.nodes['n'].identities
    assert [(one.model, one.sha256, one.since_s) for one in identities] == [
        ('a@1', 'of a@1', 0), ('a@2', 'of a@2', 3),
    ]  # fmt: skip


def test_nothing_that_never_ends_fills_the_memory() -> None:
    history = History()
    for number in range(3 * MOST_NODES):
        history.take(report(Status(f'node_{number}: x', Level.OK)), 0)
    for number in range(2 * MOST_SENTENCES):
        letters = ''.join(chr(97 + number // 26**place % 26) for place in range(3))
        history.take(report(Status('node_0: x', Level.WARN, letters)), 0)
    assert len(history.nodes) == MOST_NODES and len(history.untold) == 2 * MOST_NODES
    assert len(history.nodes['node_0'].sentences) == MOST_SENTENCES
    series = Series()
    series.take(0, {f'{number}': 1.0 for number in range(2 * MOST_KEYS)})
    assert len(series.keys) == MOST_KEYS


def test_hours_are_thinned_out_evenly_and_counts_stay_exact() -> None:
    series, seconds = Series(), 10 * MOST_SAMPLES
    for second in range(seconds):
        series.take(second, {'count': 3.0 * second})
    assert MOST_SAMPLES / 2 <= len(series.times_s) <= MOST_SAMPLES
    steps = {b - a for a, b in zip(series.times_s, series.times_s[1:], strict=False)}
    assert len(steps) == 1
    span = series.times_s[-1] - series.times_s[0]
    assert series.counted('count') == 3 * span and span > 0.99 * seconds


def test_counts_that_begin_anew_are_added_up() -> None:
    series = Series()
    for second, value in enumerate((5.0, 9.0, None, 12.0, 2.0, 3.0)):
        series.take(second, {} if value is None else {'n': value})
    assert list(series.increases('n')) == [0, 4, 0, 3, 2, 1]
    assert series.counted('n') == 10 and series.newest('n') == 3.0


def test_totals_are_those_of_the_time_that_was_heard() -> None:
    history = History()
    for second in range(5):
        statuses = detector(received=1000 + 100 * second, dropped=500 + 25 * second)
        history.take(report(*statuses), second * SECOND)
    found = totals(history.nodes['detector'])
    assert (found.rate_hz, found.p50_ms, found.p95_ms) == (9.5, 20.0, 30.0)
    assert (found.drop_ratio, found.invalid, found.failed) == (0.25, 0.0, 0.0)


@pytest.mark.parametrize('restarts', [False, True])
def test_a_histogram_counts_the_frames_of_the_time(restarts: bool) -> None:
    history = History()
    for second in range(1, 4):
        seen = second - 2 if restarts and second == 3 else second
        below = {'20': 10 * seen, 'inf': 15 * seen, '5': 4 * seen}
        values = {f'total <= {bound} [ms]': str(count) for bound, count in below.items()}
        history.take(report(Status('n: latency', Level.OK, '', '', values)), second * SECOND)
    found = [(bucket.bound, bucket.count) for bucket in histogram(history.nodes['n'])]
    assert found == [('5', 8.0), ('20', 12.0), ('inf', 10.0)]


def test_advice_is_kept_from_the_first_time_to_the_last() -> None:
    history = History()
    for second in range(40):
        good = Status('detector: model', Level.OK, '', '', {'graph optimization': 'all'})
        history.take(report(unoptimized() if second < 20 else good), second * SECOND)
    (advised,) = history.nodes['detector'].advised.values()
    assert (advised.advice.kind, advised.first_s) == ('unoptimized', 2.0)
    assert advised.last_s == 28.0, 'it is taken back after ten good seconds'
    assert 'What would make it better' in page(history, 'a bag')
