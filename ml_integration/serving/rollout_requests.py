"""Begins the rollouts that somebody has asked for in the state of a node."""

from __future__ import annotations

from collections.abc import Callable

from ml_integration.core.findings import Level
from ml_integration.deploy.admission import Admission
from ml_integration.deploy.history import History
from ml_integration.deploy.rollout.settling import ACTION
from ml_integration.errors import MlIntegrationError, SwapError
from ml_integration.store.state.model_state import SHORT
from ml_integration.store.state.node_state import Edition


class RolloutRequests:
    """Looks for a request, again and again. One thread at a time uses it.

    Args:
        history: the node's memory, which holds the request.
        admission: finds what is meant.
        permit: raises where nobody may begin a rollout.
        tell: is called with what a person should read.
    """

    def __init__(
        self,
        history: History,
        admission: Admission,
        permit: Callable[[], None],
        tell: Callable[[Level, str], None],
    ) -> None:
        self._history = history
        self._admission = admission
        self._permit = permit
        self._tell = tell

    def look(self, start: Callable[[str], object]) -> None:
        """Begins what was asked for; a refusal is in the audit log, where who asked looks.

        Args:
            start: begins a rollout of `name@version`.
        """
        try:
            asked = self._history.rollout.take_request()
        except MlIntegrationError as error:
            self._tell(Level.ERROR, str(error))
            return
        if asked is None:
            return
        try:
            self._permit()
            self._require(asked)
            start(asked.model)
        except MlIntegrationError as error:
            self._tell(Level.ERROR, f'no rollout of {asked}, which was asked for: {error}')
            self._history.log(ACTION, asked.model, result='refused', reason=str(error))

    def _require(self, asked: Edition) -> None:
        """Checks that the content is the one that was asked for.

        Raises:
            MlIntegrationError: it is another one, or there is none.
        """
        found = self._admission.digest(asked.model)
        if not asked.matches(Edition(asked.model, found)):
            raise SwapError(
                f'{asked} has other content here than when it was asked for',
                got=f'a manifest of sha256 {found[:SHORT]}',
                expected=asked.digest[:SHORT],
                hint='Name the store of the node with --store.',
            )
