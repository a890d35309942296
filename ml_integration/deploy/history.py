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
from ml_integration.store.package.package import ModelPackage
from ml_integration.store.state.audit_entry import Result
from ml_integration.store.state.model_state import SHORT, ModelState
from ml_integration.store.state.node_state import NodeState
from ml_integration.store.state.state_dir import StateDir
from ml_integration.store.trust.policy import SIGNED


class History:
    """State of one node. A state directory that cannot be written does not stop a robot.

    One thread writes everything, in order. It writes the newest state when its turn comes, so an
    old state never replaces a new one on disk. State that cannot be written is remembered until
    the process ends. Thread-safe.

    Args:
        state_dir: where it is stored.
        node: the node's full name.
    """

    def __init__(self, state_dir: StateDir, node: str) -> None:
        self._state_dir = state_dir
        self._node = node
        self._lock = threading.Lock()
        self._writer = InOrder('ml_writer')
        self._state = state_dir.node_state(node)
        self._stored: NodeState | None = None
        self._closed = False
        self.problem = ''

    @property
    def complaints(self) -> tuple[str, ...]:
        """Sentences on state that cannot be written, read or understood."""
        return (*filter(None, (self.problem,)), *self._state_dir.problems)

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

    def prove(self, package: ModelPackage, stored: Callable[[], None]) -> None:
        """Remembers that a model has proven itself, if it is the serving one.

        Returns at once. If it is signed, older releases of this model may not be loaded from then
        on.

        Args:
            package: the model's.
            stored: is called after the proof was written, or could not be.
        """
        with self._lock:
            if self._state.committed or self._state.serving != str(package.manifest.identity):
                return
            self._state = probation.on_commit(self._state)
        self._writer.do(partial(self._store_proof, package, stored))

    def quarantine(self, manifest: Manifest, digest: str, reason: str) -> None:
        """Bars every node of this robot from loading content from disk again.

        Args:
            manifest: of the model whose place that content has taken.
            digest: of the manifest that belongs to that content.
            reason: why.
        """
        version, model = manifest.version, str(manifest.identity)
        if self.of_model(manifest.name).quarantine_of(version, digest):
            return
        self._writer.do(
            partial(self._update, manifest, lambda s: s.with_quarantine(version, digest, reason))
        ).result()
        self.log('quarantine', model, reason=f'{digest[:SHORT]}: {reason}')

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
        if state == self._stored:
            return
        try:
            self._state_dir.save_node_state(self._node, state)
        except StateError as error:
            self.problem = str(error)
        else:
            self._stored, self.problem = state, ''

    def _store_proof(self, package: ModelPackage, stored: Callable[[], None]) -> None:
        self._store()
        manifest = package.manifest
        release = manifest.release if package.verified_by.startswith(SIGNED) else 0
        self._update(manifest, lambda s: s.proven(manifest.version, manifest.digest, release))
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
