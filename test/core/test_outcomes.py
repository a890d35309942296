"""An outcome belongs to the model that made the result, and shares have honest intervals."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from ml_integration.core.datatypes import ModelIdentity
from ml_integration.core.makers import MOST_SPANS
from ml_integration.core.outcome_watch import Outcome, OutcomeWatch
from ml_integration.core.outcomes import (
    MAX_MODELS,
    MAX_WORDS,
    OTHER,
    Outcomes,
    Tally,
    interval_95,
)
from ml_integration.core.rollout.pair import Told
from ml_integration.core.watches import Seen

OLD, NEW = ModelIdentity('grasp', 1, 'a' * 64), ModelIdentity('grasp', 2, 'b' * 64)


def made(watch: OutcomeWatch, model: ModelIdentity, stamp_ns: int, stream: str = '') -> None:
    prediction: Any = SimpleNamespace(stamp_ns=stamp_ns, model=model)
    pipeline: Any = None
    watch.take(Seen(stream, 0, {}, {}, prediction, pipeline))


def totals(watch: OutcomeWatch) -> dict[str, tuple[int, int]]:
    return {one.model: (one.useful, one.useless) for one in watch.outcomes.tallies}


@pytest.mark.parametrize(
    ('good', 'total', 'low', 'high'),
    [(45, 50, 0.786, 0.957), (0, 10, 0.0, 0.278), (10, 10, 0.722, 1.0), (0, 0, 0.0, 1.0)],
)
def test_the_interval_is_the_one_of_the_books(
    good: int, total: int, low: float, high: float
) -> None:
    assert interval_95(good, total) == pytest.approx((low, high), abs=1e-3)


def test_an_outcome_goes_to_the_model_that_made_the_result() -> None:
    watch = OutcomeWatch()
    for stamp in range(100, 200):
        made(watch, OLD if stamp < 150 else NEW, stamp)
    assert not watch.tell(Outcome(120, True, 'grasped'))
    assert not watch.tell(Outcome(180, False, 'dropped'))
    assert not watch.tell(Outcome(0, True, 'grasped'))  # of the newest result
    assert totals(watch) == {'grasp@2': (1, 1), 'grasp@1': (1, 0)}


def test_a_stamp_that_time_brought_back_is_that_of_the_last_one() -> None:
    watch = OutcomeWatch()
    for model in (OLD, NEW):
        for stamp in range(100, 200):
            made(watch, model, stamp)
    watch.tell(Outcome(150, True, 'grasped'))
    assert totals(watch) == {'grasp@2': (1, 0)}


def test_an_outcome_in_a_canary_goes_to_the_version_that_made_this_result() -> None:
    watch, late = OutcomeWatch(), 3 * MOST_SPANS // 2
    for stamp in range(1, late):
        made(watch, NEW if stamp % 2 else OLD, stamp * 33)
    for stamp in range(late - 1000, late):
        watch.tell(Outcome(stamp * 33, bool(stamp % 2), 'told'))
    assert watch.outcomes.told('grasp@2') == Told(500, 500)
    assert watch.outcomes.told('grasp@1') == Told(0, 500)
    assert watch.outcomes.told('grasp@3') == Told()
    watch.tell(Outcome(33, True, 'told'))  # long ago
    assert watch.outcomes.told('grasp@2').total == 500


def test_each_camera_has_stamps_of_its_own() -> None:
    watch = OutcomeWatch()
    for stamp in range(10, 20):
        made(watch, OLD, stamp, 'front')
        made(watch, NEW, stamp, 'rear')
    watch.tell(Outcome(15, True, 'grasped', 'front'))
    watch.tell(Outcome(15, False, 'dropped', 'rear'))
    assert totals(watch) == {'grasp@2': (0, 1), 'grasp@1': (1, 0)}


def test_an_outcome_may_come_before_its_result_was_seen_but_not_from_nowhere() -> None:
    watch = OutcomeWatch()
    watch.tell(Outcome(100, True, 'grasped'))
    watch.tell(Outcome(7, True, 'grasped'))
    watch.look(0)
    made(watch, OLD, 100)
    values = dict(watch.look(1).values)
    assert totals(watch) == {'grasp@1': (1, 0)}
    assert values['not assigned'] == 1
    assert values['grasp@1: useful [%]'] == 100.0


@pytest.mark.parametrize('word', ['', 'two words', 'x' * 33, 'a\nb', 'Failure'])
def test_what_is_no_word_or_contradicts_itself_is_refused_and_told(word: str) -> None:
    watch = OutcomeWatch()
    made(watch, OLD, 1)
    assert watch.tell(Outcome(1, True, word))
    assert not watch.outcomes.tallies
    assert dict(watch.look(0).values)['refused'] == 1


def test_words_and_models_are_bounded() -> None:
    outcomes = Outcomes()
    for number in range(3 * MAX_WORDS):
        outcomes = outcomes.counted(OLD, True, f'word{number}')
    (tally,) = outcomes.tallies
    assert len(tally.words) == MAX_WORDS + 1 and tally.words[OTHER] == 2 * MAX_WORDS
    for version in range(1, 3 * MAX_MODELS):
        outcomes = outcomes.counted(ModelIdentity('m', version), False, 'dropped')
    assert len(outcomes.tallies) == MAX_MODELS
    assert outcomes.of('grasp@1', 'a' * 64) is None
    assert Outcomes.from_document(outcomes.document()) == outcomes


def test_other_content_of_a_version_has_a_tally_of_its_own() -> None:
    watch = OutcomeWatch()
    watch.outcomes = Outcomes((Tally('grasp@1', 'c' * 64, 3, 1, {'grasped': 3, 'dropped': 1}),))
    made(watch, OLD, 1)
    watch.tell(Outcome(1, False, 'dropped'))
    look = watch.look(0)
    assert dict(look.values)['grasp@1 cccccc: useful [%]'] == 75.0
    assert dict(look.values)['grasp@1 aaaaaa: useful [%]'] == 0.0
    assert '3 of 4 useful (95 %: 30% to 95%; dropped 1, grasped 3)' in look.finding.sentence


@pytest.mark.parametrize(
    'document',
    [
        {},
        {'models': [{}]},
        {'models': [{**Tally('m@1', '').document(), 'useful': -1}]},
        {'models': [{**Tally('m@1', '').document(), 'words': {'x': 'many'}}]},
        {'models': [Tally('m@1', '').document()] * (MAX_MODELS + 1)},
    ],
)
def test_anything_else_is_not_read(document: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match='outcomes'):
        Outcomes.from_document(document)
