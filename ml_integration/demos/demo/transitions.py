"""Changes the state of a lifecycle node in another process."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rclpy.node import Node

from ml_integration.errors import MlIntegrationError

CHECK_S = 0.02
AGAIN_S = 1.0


def change_state(
    asking: Node, target: str, verb: str, patience_s: float, check: Callable[[], Any]
) -> None:
    """Asks a lifecycle node for 'configure', 'activate', ... and waits until it is done.

    Args:
        asking: a node of this process that some other thread spins.
        target: name of the node to change.
        verb: the transition.
        patience_s: how long to wait [s].
        check: called while waiting; what it raises ends the wait.

    Raises:
        MlIntegrationError: it refused, or did not answer.
    """
    change = asking.create_client(ChangeState, f'{target}/change_state')
    state = asking.create_client(GetState, f'{target}/get_state')
    calls = _Calls(target, verb, time.monotonic() + patience_s, check)
    try:
        # A service can be seen before it sees us, and its answer is lost then. Endpoints are
        # learned in order: who answers the second client knows the first one too.
        calls.answer(state, GetState.Request(), again=True)
        request = ChangeState.Request(transition=Transition(label=verb))
        if not calls.answer(change, request, again=False).success:
            raise MlIntegrationError(f'refused to {verb}', where=f'/{target}')
    finally:
        asking.destroy_client(change)
        asking.destroy_client(state)


class _Calls:
    def __init__(self, target: str, verb: str, end_s: float, check: Callable[[], Any]) -> None:
        self._target = target
        self._verb = verb
        self._end_s = end_s
        self._check = check

    def answer(self, client: Any, request: Any, again: bool) -> Any:
        """Waits for the service and its answer; `again` repeats a question that does no harm."""
        while not client.service_is_ready():
            self._wait('does not answer')
        asked_s, future = time.monotonic(), client.call_async(request)
        while not future.done():
            if again and time.monotonic() - asked_s > AGAIN_S:
                asked_s, future = time.monotonic(), client.call_async(request)
            self._wait(f'did not {self._verb} in time')
        return future.result()

    def _wait(self, problem: str) -> None:
        self._check()
        if time.monotonic() > self._end_s:
            raise MlIntegrationError(problem, where=f'/{self._target}')
        time.sleep(CHECK_S)
