"""Changes the model of a running node, on request by parameter or by service."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress

from ml_integration.core.pipeline import Pipeline
from ml_integration.deploy.admission import Candidate
from ml_integration.deploy.asking import Asking
from ml_integration.deploy.deployment import Deployment
from ml_integration.errors import MlIntegrationError
from ml_integration.ros.inference.swap_authority import SwapAuthority
from ml_integration.ros.node.lifecycle_node import GuardedLifecycleNode
from ml_integration.ros.node.parameters import InferenceNodeParameters

CHECK_PATIENCE_S = 0.5
"""Time that the executor waits for the check of a model, which mostly takes milliseconds [s]."""


class ModelControl:
    """Turns requests into swaps of a deployment, for as long as the node is configured.

    Args:
        node: the node that owns the parameter `model`.
        authority: says who may do it.
        deployment: holds the models.
        changed: is called after the serving model was changed, or could not be.
    """

    def __init__(
        self,
        node: GuardedLifecycleNode[InferenceNodeParameters],
        authority: SwapAuthority,
        deployment: Deployment,
        changed: Callable[[], None],
    ) -> None:
        self._node = node
        self._authority = authority
        self._deployment = deployment
        self._changed = changed
        self._asking: Asking[Candidate] = Asking()
        self._admitted: dict[str, Candidate] = {}
        self._reporting = threading.Lock()
        self._ended = False
        self.problem = ''

    def end(self) -> None:
        """Leaves the parameter as it is: a request under way is for the next configure."""
        with self._reporting:
            self._ended = True

    def report(self) -> None:
        """Reports the present state; any thread may call it, also at the very end."""
        with self._reporting:
            if not self._ended:
                self._changed()

    def check(self, reference: str) -> None:
        """Refuses a request that cannot be met; called before the parameter changes.

        Raises:
            MlIntegrationError: with the reason.
        """
        if reference == str(self._deployment.serving.identity):
            return
        found = self._asking.ask(
            reference, lambda: self._deployment.admit(reference), CHECK_PATIENCE_S
        )
        # What could not be checked in time is checked when it is loaded.
        self._admitted = {reference: found or Candidate(reference, None)}

    def catch_up(self, reference: str) -> None:
        """Acts on a request that came when another model was just open."""
        try:
            self.check(reference)
        except MlIntegrationError as error:
            self._node.get_logger().error(f'the model stays as it is: {error}')
            self.problem = str(error)
            self.show_what_serves()
        else:
            self.wish(reference)

    def wish(self, reference: str) -> None:
        """Acts on an accepted request; called after the parameter changed."""
        candidate = self._admitted.pop(reference, None)
        if self._node.parameters.swap_authority != 'parameter':
            return
        if candidate is None:  # what serves is what is wished: forget what is being loaded
            self._deployment.stay()
            return
        self._deployment.swap(candidate).add_done_callback(self._done)

    def swap(self) -> str:
        """Carries out what the parameter says; returns when it is done."""
        self._authority.refuse_if_locked()
        reference = self._node.parameters.model
        is_wanted = self._deployment.is_serving(reference)
        if is_wanted and not self._deployment.differs_on_disk(reference):
            self._carried_out()
            return f'{self._deployment.serving.identity} serves already'
        return self.reload()

    def reload(self) -> str:
        """Loads the model of the parameter, also the one that serves; returns when it is done."""
        self._authority.refuse_if_locked()
        candidate = self._deployment.admit(self._node.parameters.model)
        return self._wait(self._deployment.swap(candidate))

    def rollback(self) -> str:
        """Returns to what served good frames before; returns when it is done."""
        self._authority.refuse_if_locked()
        return self._wait(self._deployment.rollback())

    def unfit(self, pipeline: Pipeline, reason: str) -> None:
        """Lets the last good model take over from one that did not come back from a frame."""
        future = self._deployment.unfit(pipeline, reason)
        if future is not None:
            self._node.get_logger().error(f'{reason}; going back to the last good model')
            future.add_done_callback(self._done)

    def _wait(self, future: Future[str]) -> str:
        try:
            return future.result()
        finally:
            self._done(future)

    def done(self, future: Future[str]) -> None:
        """Brings what is told in line with a change that somebody else has asked for."""
        self._done(future)

    def _done(self, future: Future[str]) -> None:
        """Brings the parameter, the log and `~/models` in line with what serves now."""
        with self._reporting:  # what is told meanwhile must not be taken away
            if not self._ended:
                self._tell(future.exception() or future.result())

    def _tell(self, outcome: str | BaseException) -> None:
        logger = self._node.get_logger()
        if isinstance(outcome, str):
            self.problem = ''
            logger.info(outcome)
        else:
            self.problem = str(outcome)
            logger.error(f'the model stays as it is: {outcome}')
        if isinstance(outcome, str):
            self._carried_out()
        if not self._deployment.busy:
            self.show_what_serves()
        self._changed()

    def _carried_out(self) -> None:
        with suppress(MlIntegrationError):  # cleaned up meanwhile
            self._authority.carried_out(str(self._deployment.serving.identity))

    def show_what_serves(self) -> None:
        """Sets the parameter to the version that serves."""
        try:
            serving = str(self._deployment.serving.identity)
        except MlIntegrationError:  # cleaned up meanwhile
            return
        if self._node.parameters.model != serving:
            self._node.correct_parameter('model', serving)
        self._authority.shown = serving
