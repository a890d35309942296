"""The thread that serves triggers ends in silence when the context goes, and only then."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from ml_integration.ros.node.trigger_services import _spin


class Context:
    """A context that is there for one look."""

    def __init__(self, stays: bool) -> None:
        self._stays, self._looks = stays, 0

    def ok(self) -> bool:
        self._looks += 1
        return self._stays or self._looks == 1


class Host:
    def __init__(self, stays: bool) -> None:
        self.context = Context(stays)


class Failing:
    def spin_once(self, timeout_sec: float) -> None:
        raise RuntimeError('the given context is not valid, either rcl_init() was not called')


def test_a_context_that_goes_while_it_spins_is_no_error() -> None:
    executor: Any = Failing()
    host: Any = Host(stays=False)
    _spin(executor, host, threading.Event())


def test_every_other_failure_is_told() -> None:
    executor: Any = Failing()
    host: Any = Host(stays=True)
    with pytest.raises(RuntimeError):
        _spin(executor, host, threading.Event())
