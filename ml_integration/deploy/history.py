"""Stores the state of one node over restarts and writes its lines of the audit log."""

from __future__ import annotations

import shlex
import threading
from collections.abc import Callable, Mapping
from concurrent import futures
from concurrent.futures import Future
from functools import partial

from ml_integration.core.outcomes import Outcomes
from ml_integration.deploy import probation
from ml_integration.deploy.background import InOrder
from ml_integration.deploy.rollout.memory import RolloutMemory
from ml_integration.errors import StateError
from ml_integration.store.orders.sign_of_life import SignOfLife
from ml_integration.store.package.manifest import Manifest
from ml_integration.store.package.package import ModelPackage
from ml_integration.store.state.audit_entry import Result
from ml_integration.store.state.model_state import SHORT, ModelState
from ml_integration.store.state.node_state import Edition, NodeState
from ml_integration.store.state.state_dir import StateDir
from ml_integration.store.trust.policy import SIGNED

WRITE_S = 5.0
"""Longest wait for a disk [s]; what it still has to write is written when it answers."""


class History:
    """State of one node. A state directory that cannot be written does not stop a robot.

    One thread writes everything, in order. It writes the newest state when its turn comes, so an
    old state never replaces a new one on disk. State that cannot be written is remembered until
    the process ends. Thread-safe.

    Args:
        state_dir: where it is stored.
        node: the node's full name.
        taken_by: who else uses this node's state, in words; then none of it is read or written.

    Attributes:
        rollout: where the node's rollout is.
    """

    def __init__(self, state_dir: StateDir, node: str, taken_by: str = '') -> None:
        self._state_dir = state_dir
        self._node = node
        self._lock = threading.Lock()
        self._writer = InOrder('ml_writer')
        self._taken_by = taken_by
        self._state = self._known = NodeState() if taken_by else state_dir.node_state(node)
        self._outcomes = Outcomes() if taken_by else state_dir.outcomes(node)
        self._stored = False
        self._closed = False
        self.problem = _shared(state_dir, node, taken_by) if taken_by else ''
        self.rollout = RolloutMemory(
            None if taken_by else state_dir, node, self._writer.do, self._await, self._complain
        )

    @property
    def tampering(self) -> tuple[str, ...]:
        """Sentences about entries of the audit log that were taken away or added by others."""
        return self._state_dir.audit.tampering

    @property
    def complaints(self) -> tuple[str, ...]:
        """Sentences on state that cannot be written, read or understood."""
        return (*filter(None, (self.problem,)), *self._state_dir.problems)

    @property
    def state(self) -> NodeState:
        """Newest state, which may not be on disk yet."""
        return self._state

    @property
    def outcomes(self) -> Outcomes:
        """What became of the node's results, also before this start."""
        return self._outcomes

    def keep_outcomes(self, outcomes: Outcomes) -> bool:
        """Remembers what became of results; returns at once, False if nothing has changed."""
        if outcomes == self._outcomes:
            return False
        self._outcomes = outcomes
        if not self._taken_by:
            self._writer.do(partial(self._store_outcomes, outcomes))
        return True

    @property
    def node(self) -> str:
        """Full name of the node."""
        return self._node

    @property
    def release(self) -> str:
        """Command that lifts a rejection, without the model."""
        return f'ml_model release --state-dir {shlex.quote(str(self._state_dir.path))}'

    def change(self, change: Callable[[NodeState], NodeState]) -> NodeState:
        """Changes the state; returns the new one after it was written, or could not be.

        Args:
            change: returns the new state, given the newest one.
        """
        with self._lock:  # not while it is written: a frame may have something to tell
            self._state = state = change(self._state)
        self._await(self._writer.do(self._store))
        return state

    def count(self, edition: Edition, frames: int) -> None:
        """Remembers that a model has given good frames, if it serves; returns at once."""
        with self._lock:
            self._state = probation.on_good_frames(self._state, edition, frames)
        self._writer.do(self._store)

    def prove(self, package: ModelPackage, stored: Callable[[], None]) -> None:
        """Remembers that a model has proven itself, if it is the serving one.

        Returns at once. If it is signed, older releases of this model may not be loaded from then
        on.

        Args:
            package: the model's.
            stored: is called after the proof was written, or could not be.
        """
        with self._lock:
            state = self._state
            if state.committed or not state.edition.matches(Edition.of(package.manifest)):
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
        change = partial(
            self._update, manifest, lambda s: s.with_quarantine(version, digest, reason)
        )
        self._await(self._writer.do(change))
        self.log('quarantine', model, reason=f'{digest[:SHORT]}: {reason}')

    def of_model(self, name: str) -> ModelState:
        """Returns the stored state of a model on this machine."""
        return self._state_dir.model_state(name)

    def log(
        self, action: str, model: str, before: str = '', result: Result = 'ok', reason: str = ''
    ) -> None:
        """Adds a line to the audit log; returns after it was written, or could not be."""
        after = self._state.serving
        line = partial(self._append, action, model, before, after, result, reason)
        self._await(self._writer.do(line))

    def log_seconds(self, action: str, model: str, seconds: Mapping[str, str]) -> None:
        """Adds a line for each second model that came with a model.

        Args:
            action: that brought the model, such as 'swap'.
            model: `name@version` of the first one.
            seconds: `name@version` of each second one, by its stage.
        """
        for stage, second in seconds.items():
            self.log(action, second, reason=f'second model of {model}, for its stage {stage}')

    def write_sign(self, sign: SignOfLife) -> None:
        """Tells those who collect state directories what serves; returns at once."""
        if not self._taken_by:
            self._writer.do(partial(self._store_sign, sign))

    def close(self, served: bool = True) -> None:
        """Writes the last state.

        Args:
            served: whether a model served, so that a clean stop is no failed attempt.
        """
        if self._closed:
            return
        self._closed = True
        if served:
            with self._lock:
                self._state = probation.on_stop(self._state)
        self._writer.do(self._store)
        self.rollout.stop()
        self._writer.finish()

    def _await(self, written: Future[None]) -> None:
        """Waits until something is written, but not for ever: models matter more."""
        try:
            written.result(WRITE_S)
        except futures.TimeoutError:
            self.problem = f'{self._state_dir.path}: the disk has not answered for {WRITE_S:g} s'

    def _complain(self, problem: str) -> None:
        self.problem = problem

    def _store(self) -> None:
        if self._taken_by or (self._stored and self._state == self._known):
            return
        try:
            known = self._state_dir.update_node_state(self._node, self._with_releases)
        except StateError as error:
            self.problem = str(error)
        else:
            self._known, self._stored, self.problem = known, True, ''

    def _store_outcomes(self, outcomes: Outcomes) -> None:
        try:
            self._state_dir.save_outcomes(self._node, outcomes)
        except StateError as error:
            self.problem = str(error)

    def _store_sign(self, sign: SignOfLife) -> None:
        try:
            sign.write(self._state_dir.path)
        except StateError as error:
            self.problem = str(error)

    def _with_releases(self, on_disk: NodeState) -> NodeState:
        """Returns the newest state without the rejections that a person has lifted on disk."""
        before = self._known.rejected if on_disk.served else ()
        lifted = [item.edition for item in before if not on_disk.rejection_of(item.edition)]
        with self._lock:
            for edition in lifted:
                self._state = self._state.without_rejection(edition)
            return self._state

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


def _shared(state_dir: StateDir, node: str, taken_by: str) -> str:
    return (
        f'{taken_by} also is {node} and keeps its state in {state_dir.path}: this one remembers '
        'nothing over restarts. Give one of them another name or another state_dir.'
    )
