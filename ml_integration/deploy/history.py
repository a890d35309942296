"""Stores the state of one node over restarts and writes its lines of the audit log."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from ml_integration.deploy import probation
from ml_integration.deploy.background import InOrder
from ml_integration.errors import StateError
from ml_integration.store.package.manifest import Manifest
from ml_integration.store.state.audit_entry import Result
from ml_integration.store.state.model_state import ModelState
from ml_integration.store.state.node_state import NodeState
from ml_integration.store.state.state_dir import StateDir


class History:
    """State of one node. A state directory that cannot be written does not stop a robot.

    One thread writes everything, in order. It writes the newest state when its turn comes, so an
    old state never replaces a new one on disk. State that cannot be written is remembered until
    the process ends. Thread-safe.

    Args:
        state_dir: where it is stored.
        node: the node's full name.
        taken_by: who else uses this node's state, in words; then none of it is read or written.
    """

    def __init__(self, state_dir: StateDir, node: str, taken_by: str = '') -> None:
        self._state_dir = state_dir
        self._node = node
        self._lock = threading.Lock()
        self._writer = InOrder('ml_writer')
        self._taken_by = taken_by
        self._state = NodeState() if taken_by else state_dir.node_state(node)
        self._stored: NodeState | None = None
        self._closed = False
        self.problem = _shared(state_dir, node, taken_by) if taken_by else ''

    @property
    def tampering(self) -> tuple[str, ...]:
        """Sentences about entries of the audit log that were taken away or added by others."""
        return self._state_dir.audit.tampering

    @property
    def state(self) -> NodeState:
        """Newest state, which may not be on disk yet."""
        return self._state

    def change(self, change: Callable[[NodeState], NodeState]) -> NodeState:
        """Changes the state; returns the new one after it was written, or could not be.

        Args:
            change: returns the new state, given the newest one.
        """
        with self._lock:  # not while it is written: a frame may have something to tell
            self._state = state = change(self._state)
        self._writer.do(self._store).result()
        return state

    def prove(self, manifest: Manifest, stored: Callable[[], None]) -> None:
        """Remembers that a model has proven itself, if it is the serving one.

        Returns at once. Older releases of this model may not be loaded from then on.

        Args:
            manifest: the model's.
            stored: is called after the proof was written, or could not be.
        """
        with self._lock:
            if self._state.committed or self._state.serving != str(manifest.identity):
                return
            self._state = probation.on_commit(self._state)
        self._writer.do(partial(self._store_proof, manifest, stored))

    def quarantine(self, manifest: Manifest, reason: str) -> None:
        """Bars every node of this robot from loading this version from disk again."""
        self._writer.do(
            partial(self._update, manifest, lambda s: s.with_quarantine(manifest.version, reason))
        ).result()
        self.log('quarantine', str(manifest.identity), reason=reason)

    def of_model(self, name: str) -> ModelState:
        """Returns the stored state of a model on this machine."""
        return self._state_dir.model_state(name)

    def log(
        self, action: str, model: str, before: str = '', result: Result = 'ok', reason: str = ''
    ) -> None:
        """Adds a line to the audit log; returns after it was written, or could not be."""
        after = self._state.serving
        self._writer.do(
            partial(self._append, action, model, before, after, result, reason)
        ).result()

    def close(self) -> None:
        """Writes the last state; a clean stop does not count as a failed attempt."""
        if self._closed:
            return
        self._closed = True
        with self._lock:
            if not self._state.committed and self._state.attempts:
                self._state = replace(self._state, attempts=self._state.attempts - 1)
        self._writer.do(self._store)
        self._writer.finish()

    def _store(self) -> None:
        state = self._state
        if self._taken_by or state == self._stored:
            return
        try:
            self._state_dir.save_node_state(self._node, state)
        except StateError as error:
            self.problem = str(error)
        else:
            self._stored, self.problem = state, ''

    def _store_proof(self, manifest: Manifest, stored: Callable[[], None]) -> None:
        self._store()
        self._update(manifest, lambda s: s.proven(manifest.version, manifest.release))
        model = str(manifest.identity)
        self._append('commit', model, after=model)
        stored()

    def _update(self, manifest: Manifest, change: Callable[[ModelState], ModelState]) -> None:
        try:
            self._state_dir.update_model_state(manifest.name, change)
        except StateError as error:
            self.problem = str(error)

    def _append(
        self,
        action: str,
        model: str,
        before: str = '',
        after: str = '',
        result: Result = 'ok',
        reason: str = '',
    ) -> None:
        try:
            self._state_dir.audit.append(
                actor=self._node,
                action=action,
                model=model,
                before=before,
                after=after,
                result=result,
                reason=reason,
            )
        except StateError as error:
            self.problem = str(error)


def _shared(state_dir: StateDir, node: str, taken_by: str) -> str:
    return (
        f'{taken_by} also is {node} and keeps its state in {state_dir.path}: this one remembers '
        'nothing over restarts. Give one of them another name or another state_dir.'
    )
