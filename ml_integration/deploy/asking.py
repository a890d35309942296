"""Asks what may take any time, for callers who can wait only so long."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NoAnswerError
from time import monotonic
from typing import Generic, TypeVar

from ml_integration.deploy.background import fulfill
from ml_integration.errors import SwapError

T = TypeVar('T')


class Asking(Generic[T]):
    """Answers questions in a thread, one at a time; a disk that hangs keeps one thread only."""

    def __init__(self) -> None:
        self._answer: Future[T] | None = None
        self._what = ''
        self._since_s = 0.0

    def ask(self, what: str, question: Callable[[], T], patience_s: float) -> T | None:
        """Returns the answer, or None when it takes longer; not to be called by two threads.

        Args:
            what: is asked, for people.
            question: answers or raises; when it takes longer, nobody hears of it.
            patience_s: the longest to wait [s].

        Raises:
            SwapError: the question before is not answered yet.
            Exception: what `question` raised.
        """
        if self._answer is not None and not self._answer.done():
            raise SwapError(
                f'the check of {self._what} is under way for {monotonic() - self._since_s:.0f} s',
                hint='The disk with the models does not answer; ask again when it does.',
            )
        answer: Future[T] = Future()
        self._answer, self._what, self._since_s = answer, what, monotonic()
        threading.Thread(
            target=fulfill, args=(answer, question), name='ml_check', daemon=True
        ).start()
        try:
            return answer.result(patience_s)
        except NoAnswerError:
            if answer.done():  # a question may raise the same
                return answer.result()
            return None
