"""A robot never gets stuck on a model that kills its process, and never loses a good one."""

from __future__ import annotations

from ml_integration.deploy.probation import (
    ProbationSettings,
    Trial,
    enter,
    on_commit,
    on_good_frames,
    on_rollback,
    on_stop,
    on_swap,
    why_no_way_back,
)
from ml_integration.store.state.node_state import Edition, NodeState

M1, M2, M3 = (Edition(f'm@{version}', f'{version}' * 64) for version in (1, 2, 3))
GOOD = on_commit(enter(NodeState('m@1', M1), M1, chosen=False))
S = 1_000_000_000
SETTINGS = ProbationSettings(good_frames=3, seconds=2.0)


def test_a_new_model_is_on_probation_until_it_has_proven_itself() -> None:
    state = on_swap(GOOD, M2)
    assert (state.serving, state.committed, state.attempts) == ('m@2', False, 1)
    assert state.previous == 'm@1'
    assert on_commit(state).committed


def test_a_swap_stands_when_it_has_proven_itself() -> None:
    state = on_swap(GOOD, M2)
    assert not state.stands
    assert on_commit(state).stands == M2


def test_a_model_that_has_proven_itself_before_is_not_on_probation_again() -> None:
    state = on_swap(on_commit(on_swap(GOOD, M2)), M1)
    assert state.committed
    assert state.stands == M1


def test_other_content_of_a_proven_version_is_on_probation() -> None:
    assert not on_swap(GOOD, Edition('m@1', 'f' * 64)).committed


def test_a_rollback_returns_to_what_served_good_frames_proven_or_not() -> None:
    state = on_good_frames(on_swap(GOOD, M2), M2, 12)
    state = on_swap(state, M3)
    assert state.previous == 'm@2'
    state = on_rollback(state, M2)
    assert (state.serving, state.committed, state.stands) == ('m@2', False, M2)
    assert state.rejection_of(M3)
    assert state.previous == 'm@1'
    state = on_rollback(state, M1)
    assert (state.serving, state.committed, state.previous) == ('m@1', True, '')


def test_a_model_that_gave_no_good_frame_is_no_place_to_go_back_to() -> None:
    assert on_swap(on_swap(GOOD, M2), M3).previous == 'm@1'


def test_good_frames_of_a_model_that_does_not_serve_any_more_change_nothing() -> None:
    state = on_swap(GOOD, M2)
    assert on_good_frames(state, M1, 5) == state


def test_a_model_that_was_taken_back_has_to_prove_itself_again() -> None:
    state = on_rollback(on_commit(on_swap(GOOD, M2)), M1)
    again = on_swap(state, M2)
    assert not again.committed
    assert not again.rejected


def test_what_there_is_to_know_about_a_rollback_is_told_with_numbers() -> None:
    new = enter(NodeState(), M1, chosen=False)
    assert why_no_way_back(on_good_frames(new, M1, 12), 100) == (
        'm@1 served 12 of 100 good frames; no other model has served'
    )
    assert why_no_way_back(on_swap(new, M2), 100) == (
        'm@1 served 0 of 100 good frames; m@2 served 0 of 100 good frames'
    )
    state = on_rollback(on_good_frames(on_swap(GOOD, M2), M2, 12), M1)
    assert why_no_way_back(state, 100) == (
        'm@2 served 12 of 100 good frames and is rejected: it was rolled back; '
        'm@1 has proven itself'
    )


def test_a_clean_stop_is_no_failed_attempt() -> None:
    state = on_swap(GOOD, M2)
    assert on_stop(state).attempts == 0
    assert on_stop(on_stop(state)).attempts == 0
    assert on_stop(GOOD) == GOOD


def outcomes(*frames: tuple[bool, float]) -> list[bool]:
    times = iter((0.0, *(at for _, at in frames)))
    trial = Trial(lambda: SETTINGS, lambda: int(next(times) * S))
    return [trial.passed(good) for good, _ in frames]


def test_frames_and_time_are_both_needed() -> None:
    assert outcomes((True, 0.1), (True, 0.2), (True, 0.3), (True, 2.0)) == [False] * 3 + [True]
    assert outcomes((True, 3.0), (True, 3.1), (True, 3.2)) == [False, False, True]


def test_a_failure_starts_the_trial_again() -> None:
    frames = [(True, 1.0), (True, 1.5), (False, 1.9), (True, 2.1), (True, 2.2), (True, 2.3)]
    assert not any(outcomes(*frames))
    assert outcomes(*frames, (True, 3.9))[-1]
