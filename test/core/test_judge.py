"""Levels follow what lasts, and a hard fault at once."""

from __future__ import annotations

import pytest

from ml_integration.core.findings import Finding, Health, Level
from ml_integration.core.judge import Judge

OF = {'.': Level.OK, 'w': Level.WARN, 'e': Level.ERROR, 'H': Level.ERROR, 'h': Level.WARN}


def shown(seconds: str, concern: str = 'drops') -> str:
    """The levels that are shown in each second; a capital H and an h are hard faults."""
    judge, levels = Judge(), ''
    for second in seconds:
        finding = Finding(concern, OF[second], f'said {second}', hard=second in 'hH')
        levels += '.we'[judge.steady(Health((finding,))).level]
    return levels


@pytest.mark.parametrize(
    ('found', 'levels'),
    [
        ('w', '.'),  # once
        ('w.w..w.w', '........'),  # two of five
        ('www', '..w'),  # three
        ('w.w.w', '....w'),  # three of five
        ('ew.w', '...w'),  # only the warning lasts
        ('eew', '..w'),
        ('eewe', '..we'),
        ('H', 'e'),  # hard
        ('h', 'w'),
        ('.' * 20 + 'www', '.' * 22 + 'w'),
        ('H' + '.' * 10, 'e' * 10 + '.'),  # ten good ones clear it
        ('H' + '.' * 9 + 'H' + '.' * 10, 'e' * 20 + '.'),  # in a row
        ('www' + '.' * 9 + 'w' + '.' * 10, '..' + 'w' * 20 + '.'),  # one bad one is no good one
        ('H' + 'w' * 11, 'e' * 10 + 'ww'),  # as far down as it is good
    ],
)
def test_levels_have_hysteresis(found: str, levels: str) -> None:
    assert shown(found) == levels


def test_facts_about_models_are_not_measured() -> None:
    assert shown('.h.w.', 'model') == '.w.w.'


def test_a_level_that_is_not_taken_back_yet_says_what_it_is_for() -> None:
    judge = Judge()
    frozen = Finding('errors', Level.ERROR, 'frozen', hard=True)
    fine = Finding('errors', Level.OK, '0 failed frames')
    sentences = [judge.steady(Health((one,))).of('errors').sentence for one in (frozen, fine)]
    assert sentences == ['frozen', '0 failed frames; 1 s ago: frozen']


def test_concerns_do_not_mix() -> None:
    judge = Judge()
    bad = Finding('errors', Level.ERROR, 'frozen', hard=True)
    fine = Finding('drops', Level.OK, 'none')
    assert judge.steady(Health((bad, fine))).of('drops') == fine
