"""What one node remembers over restarts, and what it tells the audit log."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ml_integration.errors import StateError
from ml_integration.store.package.manifest import Manifest
from ml_integration.store.state.audit_entry import Result
from ml_integration.store.state.model_state import ModelState
from ml_integration.store.state.node_state import NodeState
from ml_integration.store.state.state_dir import StateDir


class History:
    """The state of one node. A state directory that cannot be written does not stop a robot.

    Args:
        state_dir: where it is stored.
        node: the node's full name.
    """

    def __init__(self, state_dir: StateDir, node: str) -> None:
        self._state_dir = state_dir
        self._node = node
        self.state: NodeState = state_dir.node_state(node)
        self.problem = ''

    def save(self, state: NodeState) -> None:
        """Remembers a state; what cannot be written is remembered until the process ends."""
        self.state = state
        try:
            self._state_dir.save_node_state(self._node, state)
            self.problem = ''
        except StateError as error:
            self.problem = str(error)

    def stopped(self) -> None:
        """A clean stop is no failed attempt."""
        if not self.state.committed and self.state.attempts:
            self.save(replace(self.state, attempts=self.state.attempts - 1))

    def commit(self, manifest: Manifest) -> None:
        """Stores that a model has proven itself, for this node and as a floor for releases."""
        self.save(self.state)
        self._update(manifest, lambda s: s.proven(manifest.version, manifest.release))
        self.log('commit', str(manifest.identity))

    def quarantine(self, manifest: Manifest, reason: str) -> None:
        """No node of this robot loads this version from disk any more."""
        self._update(manifest, lambda s: s.with_quarantine(manifest.version, reason))
        self.log('quarantine', str(manifest.identity), reason=reason)

    def of_model(self, name: str) -> ModelState:
        return self._state_dir.model_state(name)

    def _update(self, manifest: Manifest, change: Callable[[ModelState], ModelState]) -> None:
        try:
            self._state_dir.update_model_state(manifest.name, change)
        except StateError as error:
            self.problem = str(error)

    def log(
        self, action: str, model: str, before: str = '', result: Result = 'ok', reason: str = ''
    ) -> None:
        """Adds a line to the audit log."""
        try:
            self._state_dir.audit.append(
                actor=self._node,
                action=action,
                model=model,
                before=before,
                after=self.state.serving,
                result=result,
                reason=reason,
            )
        except StateError as error:
            self.problem = str(error)
