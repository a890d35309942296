from __future__ import annotations

import threading

import pytest

from ml_integration.deploy.asking import Asking
from ml_integration.errors import SwapError

PATIENCE_S = 30.0


def test_an_answer_in_time_is_returned() -> None:
    assert Asking[int]().ask('m', lambda: 3, PATIENCE_S) == 3


def test_what_the_question_raises_is_raised() -> None:
    def refuse() -> int:
        raise TimeoutError('the same as none in time')

    with pytest.raises(TimeoutError, match='the same'):
        Asking[int]().ask('m', refuse, PATIENCE_S)


def test_a_late_answer_is_none_and_keeps_the_next_question_out() -> None:
    free = threading.Event()
    asking = Asking[bool]()
    assert asking.ask('m@1', lambda: free.wait(PATIENCE_S), 0.01) is None
    before = threading.active_count()
    for _ in range(5):
        with pytest.raises(SwapError, match=r'check of m@1 is under way .* does not answer'):
            asking.ask('m@2', lambda: True, PATIENCE_S)
    assert threading.active_count() == before
    free.set()
    assert asking._answer is not None
    asking._answer.result(PATIENCE_S)
    assert asking.ask('m@2', lambda: True, PATIENCE_S)
