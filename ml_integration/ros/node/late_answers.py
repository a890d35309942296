"""Lets a service answer later, after its callback has returned."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from rclpy.exceptions import InvalidHandle

Answer = Callable[[Any], None]
"""Sends a response; it is called once, by any thread."""


class _Later:
    """Stands for a response that has not been given yet."""

    def __init__(self) -> None:
        self.send: Answer | None = None
        self.response: Any = None


def answer_later(service: Any, callback: Callable[[Any, Any, Answer], bool]) -> None:
    """Replaces a service's callback by one that may answer later.

    rclpy's executors send what a callback returns as soon as it returns, by `send_response` of
    the service. Coroutines would do, but EventsExecutor takes none for services, and the others
    turn in circles while one waits.

    Args:
        service: of rclpy; its request stays the same.
        callback: gets the request, the response to fill in and a function that sends it; it
            returns whether it will call that function. If not, the response is sent at once.
    """
    send_now = service.send_response

    def call(request: Any, response: Any) -> Any:
        later = _Later()

        def answer(filled: Any) -> None:
            later.response = filled
            if later.send is not None:
                later.send(filled)

        return later if callback(request, response, answer) else response

    def send(response: Any, header: Any) -> None:
        if not isinstance(response, _Later):
            send_now(response, header)
            return

        def send_it(filled: Any) -> None:
            with suppress(InvalidHandle):  # the node is gone
                send_now(filled, header)

        response.send = send_it
        if response.response is not None:  # it was quicker than the executor
            send_it(response.response)

    service.callback = call
    service.send_response = send
