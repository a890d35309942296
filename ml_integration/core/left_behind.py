"""Remembers the threads that never came back, so that the process can end without them."""

from __future__ import annotations

import threading

_lock = threading.Lock()
_threads: dict[threading.Thread, str] = {}


def leave_behind(thread: threading.Thread, what: str) -> None:
    """Remembers a thread that nobody waits for any more.

    Python cannot end a thread. It keeps its CPU and memory until it comes back or the process
    ends; it has to find out itself that nobody wants its result.

    Args:
        thread: hangs.
        what: it does, such as 'loading m@10'.
    """
    with _lock:
        _threads[thread] = what


def join_or_leave(thread: threading.Thread, patience_s: float, what: str) -> None:
    """Waits for the end of a thread, which is left behind when it does not come in time.

    Args:
        thread: was told to end.
        patience_s: the longest to wait [s].
        what: it does.
    """
    thread.join(patience_s)
    if thread.is_alive():
        leave_behind(thread, what)


def left_behind() -> tuple[str, ...]:
    """Returns what the threads that were left behind and still run do."""
    with _lock:
        for thread in [thread for thread in _threads if not thread.is_alive()]:
            del _threads[thread]
        return tuple(_threads.values())
