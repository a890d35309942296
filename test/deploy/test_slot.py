"""A pipeline is closed once, when nobody uses it any more, and never before."""

import threading

import pytest

from ml_integration.deploy.slot import Slot
from ml_integration.errors import ModelError


class Recorded:
    """Stands for a pipeline: all a slot does with one is hand it out and close it."""

    def __init__(self) -> None:
        self.closed = 0

    def close(self) -> None:
        self.closed += 1


def test_a_swapped_pipeline_stays_open_until_its_last_lease_ends() -> None:
    old, new = Recorded(), Recorded()
    slot = Slot(old, Recorded.close)
    with slot.lease() as first:
        with slot.lease() as second:
            slot.swap(new)
            assert first is second is old
            with slot.lease() as third:
                assert third is new
        assert not old.closed
    assert old.closed == 1
    assert not new.closed


def test_an_idle_pipeline_is_closed_at_once() -> None:
    old = Recorded()
    Slot(old, Recorded.close).swap(Recorded())
    assert old.closed == 1


def test_a_closed_slot_finishes_the_frame_under_way_and_leases_no_more() -> None:
    pipeline = Recorded()
    slot = Slot(pipeline, Recorded.close)
    with slot.lease():
        slot.close()
        assert not pipeline.closed
    assert pipeline.closed == 1
    slot.close()
    assert pipeline.closed == 1
    with pytest.raises(ModelError, match='no model is loaded'), slot.lease():
        pass


def test_a_failing_frame_gives_its_lease_back() -> None:
    pipeline = Recorded()
    slot = Slot(pipeline, Recorded.close)
    with pytest.raises(RuntimeError), slot.lease():
        raise RuntimeError
    slot.close()
    assert pipeline.closed == 1


def test_no_lease_ever_sees_a_closed_pipeline_while_another_thread_swaps() -> None:
    slot = Slot(Recorded(), Recorded.close)
    seen_closed = []
    done = threading.Event()

    def serve() -> None:
        while not done.is_set():
            with slot.lease() as pipeline:
                seen_closed.append(pipeline.closed)

    threads = [threading.Thread(target=serve) for _ in range(2)]
    for thread in threads:
        thread.start()
    retired = []
    for _ in range(300):
        with slot.lease() as pipeline:
            retired.append(pipeline)
        slot.swap(Recorded())
    done.set()
    for thread in threads:
        thread.join(timeout=10)
    assert seen_closed
    assert not any(seen_closed)
    assert {pipeline.closed for pipeline in retired} == {1}


def test_a_gap_begins_when_a_frame_ends_and_not_before() -> None:
    slot = Slot(Recorded(), Recorded.close)
    came = threading.Event()

    def wait() -> None:
        slot.await_gap(60.0)
        came.set()

    with slot.lease():
        thread = threading.Thread(target=wait)
        thread.start()
        assert not came.is_set()
    while not came.is_set():  # the first frame may have ended before the thread was waiting
        with slot.lease():
            pass
    thread.join()


def test_without_frames_nobody_waits_for_a_gap_for_long() -> None:
    Slot(Recorded(), Recorded.close).await_gap(0.01)
