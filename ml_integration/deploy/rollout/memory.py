"""Remembers where the rollout of one node is, over restarts."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future

from ml_integration.deploy.rollout import restarts
from ml_integration.errors import StateError
from ml_integration.store.state.node_state import Edition
from ml_integration.store.state.rollout_request import RolloutRequest
from ml_integration.store.state.rollout_state import RolloutState
from ml_integration.store.state.state_dir import StateDir

Write = Callable[[Callable[[], None]], Future[None]]
"""Queues what writes to the disk, and returns at once."""


class RolloutMemory:
    """Newest state of a rollout, and what is on disk of it. Thread-safe.

    Args:
        state_dir: where it is stored; None: nowhere.
        node: the node's full name.
        write: does the writing.
        wait: waits until something is written, but not for ever.
        complain: is called with why it could not be stored; with '' when it is.
    """

    def __init__(
        self,
        state_dir: StateDir | None,
        node: str,
        write: Write,
        wait: Callable[[Future[None]], None],
        complain: Callable[[str], None],
    ) -> None:
        self._state_dir = state_dir
        self._node = node
        self._write = write
        self._wait = wait
        self._complain = complain
        self._request = RolloutRequest(state_dir.path, node) if state_dir else None
        self._lock = threading.Lock()
        self._state = self._known = self._on_disk()

    @property
    def state(self) -> RolloutState:
        """Newest state, which may not be on disk yet."""
        return self._state

    def change(self, change: Callable[[RolloutState], RolloutState]) -> RolloutState:
        """Changes the state; returns the new one after it was written, or could not be.

        Args:
            change: returns the new state, given the newest one.
        """
        with self._lock:
            before, self._state = self._state, change(self._state)
            state = self._state
        if state != before:
            self._wait(self._write(self._store))
        return state

    def take_request(self) -> Edition | None:
        """Takes what somebody has asked the node to roll out; None if nobody has.

        Raises:
            StateError: there is something else in its place; not raised again for the same.
        """
        return self._request.take() if self._request else None

    def heed_releases(self) -> RolloutState:
        """Lets rollouts take again what a person has released on disk; returns the new state."""
        return self._without_released(self._on_disk())

    def stop(self) -> None:
        """Remembers that the process ends as it should; returns at once."""
        with self._lock:
            self._state = restarts.on_stop(self._state)
        self._write(self._store)

    def _on_disk(self) -> RolloutState:
        return self._state_dir.rollout_state(self._node) if self._state_dir else RolloutState()

    def _store(self) -> None:
        if self._state_dir is None or self._state == self._known:
            return
        try:
            known = self._state_dir.update_rollout_state(self._node, self._without_released)
        except StateError as error:
            self._complain(str(error))
        else:
            self._known = known
            self._complain('')

    def _without_released(self, on_disk: RolloutState) -> RolloutState:
        known = self._known.barred if on_disk.candidate else ()
        lifted = [bar.edition for bar in known if on_disk.bar_of(bar.edition) is None]
        with self._lock:
            for edition in lifted:
                self._state = self._state.released(edition)
            return self._state
