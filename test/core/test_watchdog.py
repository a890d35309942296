"""The watchdog rings for what takes too long, and for nothing else."""

from __future__ import annotations

import threading
from time import monotonic_ns

from ros_processes import WAIT_S, wait_until

from ml_integration.core.left_behind import leave_behind, left_behind
from ml_integration.core.watchdog import OVERSLEPT_NS, Watchdog

MS = 1_000_000


def test_what_takes_too_long_rings_once_and_the_earliest_first() -> None:
    watchdog, rung, both = Watchdog(), list[str](), threading.Event()
    now_ns = monotonic_ns()
    watchdog.watch(now_ns + 60 * MS, lambda: (rung.append('late'), both.set()))
    watchdog.watch(now_ns + 30 * MS, lambda: rung.append('early'))
    assert both.wait(WAIT_S)
    assert rung == ['early', 'late']


def test_what_has_ended_does_not_ring() -> None:
    watchdog, rung, other = Watchdog(), list[str](), threading.Event()
    watched = watchdog.watch(monotonic_ns() + 20 * MS, lambda: rung.append('ended'))
    watchdog.leave(watched)
    watchdog.leave(watched)
    watchdog.watch(monotonic_ns() + 40 * MS, other.set)
    assert other.wait(WAIT_S)
    assert rung == []


def test_time_in_which_the_whole_process_stood_still_is_nobodys_fault() -> None:
    stood_still_ns = [0]
    watchdog = Watchdog(lambda: monotonic_ns() + stood_still_ns[0])
    rung, other = threading.Event(), threading.Event()
    watchdog.watch(monotonic_ns() + 500 * MS, rung.set)
    stood_still_ns[0] = 5 * OVERSLEPT_NS  # SIGSTOP for a while
    watchdog.watch(monotonic_ns() + 5 * OVERSLEPT_NS + 800 * MS, other.set)
    assert other.wait(WAIT_S)
    assert rung.is_set()  # but only half a second later than it would have


def test_threads_that_come_back_are_not_left_behind_any_more() -> None:
    go = threading.Event()
    thread = threading.Thread(target=go.wait, daemon=True)
    thread.start()
    leave_behind(thread, 'a test')
    assert 'a test' in left_behind()
    go.set()
    wait_until(lambda: 'a test' not in left_behind(), 'it to be forgotten')
