"""Runs a model with the lowest priority, so that it takes nothing but spare time."""

from __future__ import annotations

import os
import threading
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from queue import SimpleQueue

from ml_integration.core.contracts import Session
from ml_integration.core.datatypes import Tensors
from ml_integration.deploy.background import fulfill
from ml_integration.deploy.niceness import NICEST


class NiceSession:
    """Session whose runs are on a nice thread; see `Session`.

    Only the engine is in there: a nice thread that runs Python may hold the interpreter while it
    gets no CPU, and then everybody waits for it.

    Args:
        session: does the work, with a single thread; it is closed with this.
        name: of the nice thread, at most 15 characters.
    """

    def __init__(self, session: Session, name: str = 'ml_teacher_run') -> None:
        self.inputs, self.outputs = session.inputs, session.outputs
        self.device, self.fallback = session.device, session.fallback
        self.from_cache, self.metadata = session.from_cache, session.metadata
        self.threads, self.spinning = session.threads, session.spinning
        self.graph_optimization = session.graph_optimization
        self.cpus = session.cpus
        self.interrupt = session.interrupt
        self.share = session.share
        self._session = session
        self._requests: SimpleQueue[tuple[Future[Tensors], partial[Tensors]] | None] = (
            SimpleQueue()
        )
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def run(self, tensors: Tensors, deadline_ns: int | None = None) -> Tensors:
        """Runs the model once, and waits for it."""
        future: Future[Tensors] = Future()
        self._requests.put((future, partial(self._session.run, tensors, deadline_ns)))
        return future.result()

    def close(self) -> None:
        """Ends the thread and closes the session."""
        self._requests.put(None)
        self._thread.join()
        self._session.close()

    def _work(self) -> None:
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICEST)
        while (request := self._requests.get()) is not None:
            fulfill(*request)
