"""A rollout is remembered as it was, and nothing else is taken for one."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from ml_integration.store.state.node_state import Edition, Rejection
from ml_integration.store.state.rollout_state import Crashes, Phase, RolloutState

OLD, NEW = Edition('shapes@2', 'a' * 64), Edition('shapes@3', 'b' * 64)
FULL = RolloutState(
    Phase.HALTED,
    NEW,
    OLD,
    step=1,
    halted_in=Phase.CANARY,
    paused=True,
    ready=True,
    watched=True,
    interrupted=True,
    running=True,
    waits_from_s=12.5,
    spent_s=90.0,
    met=('/tracker',),
    reason='halted shapes@3',
    crashes=(Crashes(NEW, 2),),
    barred=(Rejection(OLD, 'disagreement 0.31', NEW),),
)


@pytest.mark.parametrize('state', [RolloutState(), FULL])
def test_a_state_is_read_as_it_was_written(state: RolloutState) -> None:
    assert RolloutState.from_document(json.loads(json.dumps(state.document()))) == state


@pytest.mark.parametrize('name', sorted(RolloutState().document()))
@pytest.mark.parametrize('value', [None, [1], {'a': 1}, 'nonsense', -1, True])
def test_what_is_something_else_is_refused(name: str, value: Any) -> None:
    document = FULL.document()
    fits = type(document[name]) is type(value) and name in ('reason', 'paused', 'ready', 'watched')
    fits = fits or (name in ('interrupted', 'running') and value is True)
    fits = fits or (name in ('spent_s', 'waits_from_s') and isinstance(value, int))
    if fits or (name == 'step' and value is True):
        return
    with pytest.raises(ValueError):
        RolloutState.from_document({**document, name: value})
    del document[name]
    with pytest.raises(ValueError):
        RolloutState.from_document(document)


def test_a_digest_says_what_content_it_is_and_else_the_version_does() -> None:
    state = RolloutState().with_bar(Rejection(NEW, 'bad'))
    assert state.bar_of(Edition('other@1', NEW.digest)) is not None
    assert state.bar_of(Edition('shapes@3', 'c' * 64)) is None
    assert state.bar_of(Edition('shapes@3')) is not None
    assert state.released(NEW) == RolloutState()


def test_crashes_are_counted_for_each_candidate() -> None:
    state = RolloutState().with_crash(NEW).with_crash(OLD).with_crash(NEW)
    assert (state.crashes_of(NEW), state.crashes_of(OLD)) == (2, 1)
    assert state.without_crashes(NEW).crashes == (Crashes(OLD, 1),)


def test_what_is_remembered_of_many_candidates_has_an_end() -> None:
    state = RolloutState()
    for number in range(100):
        edition = Edition(f'm@{number}', f'{number:064}')
        state = state.with_crash(edition).with_bar(Rejection(edition))
    assert len(state.crashes) == len(state.barred) == 16
    assert state.bar_of(Edition('m@99', f'{99:064}')) is not None
    assert replace(state, crashes=(), barred=()) == RolloutState()
