"""A robot never gets stuck on a model that kills its process, and never loses a good one."""

from hypothesis import given
from hypothesis import strategies as st

from ml_integration.deploy.probation import (
    NodeState,
    ProbationSettings,
    Trial,
    on_commit,
    on_load_failure,
    on_rollback,
    on_start,
    on_swap,
)

GOOD = NodeState(serving='m@1', committed=True)
S = 1_000_000_000
SETTINGS = ProbationSettings(good_frames=3, seconds=2.0)


def restart(state: NodeState, wanted: str, times: int) -> list[str]:
    models = []
    for _ in range(times):
        decision = on_start(state, wanted, allowed_attempts=3)
        models.append(decision.model)
        state = decision.state
    return models


def test_a_first_start_puts_the_wanted_model_on_probation() -> None:
    decision = on_start(NodeState(), 'm@1', 3)
    assert decision.model == 'm@1'
    assert not decision.state.committed
    assert decision.state.attempts == 1


def test_a_crash_loop_ends_in_the_previous_good_model_and_stays_there() -> None:
    assert restart(GOOD, 'm@2', 6) == ['m@2', 'm@2', 'm@2', 'm@1', 'm@1', 'm@1']


def test_a_swap_counts_as_the_first_attempt() -> None:
    assert restart(on_swap(GOOD, 'm@2'), 'm@2', 3) == ['m@2', 'm@2', 'm@1']


def test_the_fallback_says_why() -> None:
    state = NodeState(serving='m@2', attempts=3, previous='m@1')
    assert on_start(state, 'm@2', 3).reason == (
        'm@2 is not used, m@1 is: it did not prove itself in 3 start(s)'
    )


def test_without_a_good_model_there_is_nothing_to_fall_back_to() -> None:
    assert restart(NodeState(), 'm@1', 9) == ['m@1'] * 9


def test_a_committed_model_may_restart_for_ever() -> None:
    assert restart(on_commit(on_swap(GOOD, 'm@2')), 'm@2', 9) == ['m@2'] * 9


def test_asking_again_for_a_rejected_model_gives_it_another_chance() -> None:
    state = NodeState(serving='m@1', committed=True, rejected=('m@2',))
    assert on_start(state, 'm@2', 3).model == 'm@1'
    again = on_swap(state, 'm@2')
    assert again.rejected == ()
    assert on_start(again, 'm@2', 3).model == 'm@2'


def test_a_rollback_returns_to_the_last_good_one_and_survives_a_restart() -> None:
    decision = on_rollback(on_commit(on_swap(GOOD, 'm@2')))
    assert decision is not None
    assert decision.model == 'm@1'
    assert on_start(decision.state, 'm@2', 3).model == 'm@1'


def test_there_is_no_rollback_without_a_previous_model() -> None:
    assert on_rollback(GOOD) is None


def test_a_model_that_is_refused_at_start_gives_way_to_the_previous_one() -> None:
    state = on_start(GOOD, 'm@2', 3).state
    decision = on_load_failure(state, 'm@2', 'it is truncated')
    assert decision is not None
    assert decision.model == 'm@1'
    assert on_load_failure(decision.state, 'm@1', 'it is gone') is None


MODELS = st.sampled_from(['m@1', 'm@2', 'm@3'])
EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just('start'), MODELS),
        st.tuples(st.just('swap'), MODELS),
        st.tuples(st.sampled_from(['commit', 'rollback']), st.just('')),
    ),
    max_size=30,
)


@given(EVENTS)
def test_once_a_model_has_proven_itself_a_proven_one_stays_within_reach(events: list) -> None:
    state, proven = NodeState(), set()
    for event, model in events:
        if event == 'start':
            state = on_start(state, model, 2).state
        elif event == 'swap':
            state = on_swap(state, model)
        elif event == 'commit' and state.serving:
            state = on_commit(state)
            proven.add(state.serving)
        elif event == 'rollback' and (decision := on_rollback(state)):
            state = decision.state
        if proven:
            within_reach = {state.serving if state.committed else '', state.previous}
            assert within_reach & proven


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
