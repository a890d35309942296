"""A pipeline is closed once, when nobody uses it any more, and its outcomes are its own."""

import threading

import pytest

from ml_integration.deploy.probation import ProbationSettings, Trial
from ml_integration.deploy.router import Router
from ml_integration.deploy.turns import Share
from ml_integration.errors import ModelError


class Recorded:
    """Stands for a pipeline: all a router does with one is hand it out and close it."""

    def __init__(self) -> None:
        self.closed = 0
        self.stuck = False

    def close(self) -> None:
        self.closed += 1


def router_of(pipeline: Recorded) -> Router:
    router = Router(Recorded.close)
    router.swap(pipeline)
    return router


def test_a_swapped_pipeline_stays_open_until_its_last_lease_ends() -> None:
    old, new = Recorded(), Recorded()
    router = router_of(old)
    with router.lease() as first:
        with router.lease() as second:
            router.swap(new)
            assert first.pipeline is second.pipeline is old
            with router.lease() as third:
                assert third.pipeline is new
        assert not old.closed
    assert old.closed == 1
    assert not new.closed


def test_an_idle_pipeline_is_closed_at_once() -> None:
    old = Recorded()
    router_of(old).swap(Recorded())
    assert old.closed == 1


def test_a_closed_router_finishes_the_frame_under_way_and_leases_no_more() -> None:
    pipeline = Recorded()
    router = router_of(pipeline)
    with router.lease():
        router.close()
        assert not pipeline.closed
    assert pipeline.closed == 1
    router.close()
    assert pipeline.closed == 1
    with pytest.raises(ModelError, match='no model is loaded'), router.lease():
        pass


def test_a_failing_frame_gives_its_lease_back() -> None:
    pipeline = Recorded()
    router = router_of(pipeline)
    with pytest.raises(RuntimeError), router.lease():
        raise RuntimeError
    router.close()
    assert pipeline.closed == 1


def test_no_lease_ever_sees_a_closed_pipeline_while_another_thread_swaps() -> None:
    router = router_of(Recorded())
    seen_closed = []
    done = threading.Event()

    def serve() -> None:
        while not done.is_set():
            with router.lease() as lease:
                seen_closed.append(lease.pipeline.closed)

    threads = [threading.Thread(target=serve) for _ in range(2)]
    for thread in threads:
        thread.start()
    retired = []
    for _ in range(300):
        with router.lease() as lease:
            retired.append(lease.pipeline)
        router.swap(Recorded())
    done.set()
    for thread in threads:
        thread.join(timeout=10)
    assert seen_closed
    assert not any(seen_closed)
    assert {pipeline.closed for pipeline in retired} == {1}


def test_a_gap_begins_when_a_frame_ends_and_not_before() -> None:
    router = router_of(Recorded())
    came = threading.Event()

    def wait() -> None:
        router.await_gap(60.0)
        came.set()

    with router.lease():
        thread = threading.Thread(target=wait)
        thread.start()
        assert not came.is_set()
    while not came.is_set():  # the first frame may have ended before the thread was waiting
        with router.lease():
            pass
    thread.join()


def test_without_frames_nobody_waits_for_a_gap_for_long() -> None:
    router_of(Recorded()).await_gap(0.01)


def trial(frames: int = 2) -> Trial:
    """Passed by so many good frames in a row."""
    settings = ProbationSettings(good_frames=frames, seconds=0.0)
    return Trial(lambda: settings, lambda: 0)


def on_trial(proven: list[Recorded], frames: int) -> tuple[Router, Recorded, Recorded]:
    """A router, what serves, and what will; both have to prove themselves."""
    old, new = Recorded(), Recorded()
    router = Router(Recorded.close, proven.append)
    router.swap(old, trial(frames))
    return router, old, new


def test_a_good_frame_that_was_leased_before_a_swap_does_not_prove_the_new_model() -> None:
    proven: list[Recorded] = []
    router, old, new = on_trial(proven, frames=1)
    with router.lease() as lease:
        router.swap(new, trial(1))
        lease.record(True)
    assert proven == [old]
    with router.lease() as lease:
        lease.record(True)
    assert proven == [old, new]


def test_a_bad_last_frame_of_the_old_model_does_not_start_the_new_trial_again() -> None:
    proven: list[Recorded] = []
    router, _, new = on_trial(proven, frames=2)
    with router.lease() as last:
        router.swap(new, trial(2))
        with router.lease() as lease:
            lease.record(True)
            last.record(False)
            lease.record(True)
    assert proven == [new]


def test_several_frames_of_one_lease_count_one_by_one_and_prove_once() -> None:
    proven: list[Recorded] = []
    router, old, _ = on_trial(proven, frames=3)
    with router.lease() as lease:
        for good in (True, True, False, True, True):
            lease.record(good)
        assert proven == []
        lease.record(True)
        lease.record(True)
    assert proven == [old]


def test_a_kept_pipeline_stays_open_and_serves_again_with_the_leases_it_has() -> None:
    old, new = Recorded(), Recorded()
    router = router_of(old)
    with router.lease() as slow:
        router.swap(new, keep=old)
        router.swap(old)
        assert slow.pipeline is old
    assert (old.closed, new.closed) == (0, 1)
    with router.lease() as lease:
        assert lease.pipeline is old
    router.close()
    assert (old.closed, new.closed) == (1, 1)


def test_what_is_kept_no_longer_is_closed_when_its_last_frame_has_ended() -> None:
    first, second, third = Recorded(), Recorded(), Recorded()
    router = router_of(first)
    with router.lease():
        router.swap(second, keep=first)
        router.swap(third, keep=second)
        assert not first.closed
    assert (first.closed, second.closed, third.closed) == (1, 0, 0)


@pytest.mark.parametrize(
    ('share', 'turns'),
    [(0.0, ''), (0.25, '3 7 11'), (0.5, '1 3 5 7 9 11'), (1.0, '0 1 2 3 4 5 6 7 8 9 10 11')],
)
def test_a_candidate_has_its_share_of_the_frames_evenly_spaced(share: float, turns: str) -> None:
    serving, candidate = Recorded(), Recorded()
    router = router_of(serving)
    router.try_out(candidate, Share(share))
    ran = []
    for number in range(12):
        with router.lease() as lease:
            assert (lease.pipeline is candidate) == (lease.role == 'candidate')
            ran += [str(number)] * (lease.role == 'candidate')
    assert ' '.join(ran) == turns


def test_the_outcomes_of_a_candidate_are_its_own() -> None:
    proven: list[Recorded] = []
    router, _, candidate = on_trial(proven, frames=2)
    router.try_out(candidate, Share(0.5), trial(2))
    for good in (False, True) * 2:  # in turn
        with router.lease() as lease:
            lease.record(good)
    assert proven == [candidate]


def test_a_candidate_is_closed_when_it_is_withdrawn_and_not_when_it_comes_to_serve() -> None:
    serving, first, second = Recorded(), Recorded(), Recorded()
    router = router_of(serving)
    router.try_out(first, Share(1.0))
    router.withdraw()
    router.try_out(second, Share(1.0))
    router.swap(second)
    assert (serving.closed, first.closed, second.closed) == (1, 1, 0)
    with router.lease() as lease:
        assert (lease.pipeline, lease.role) == (second, 'serving')
