"""The watch on orders outlives whoever it tells."""

from __future__ import annotations

import threading
from typing import Any

from ml_integration.deploy.orders_watch import OrdersWatch


class Member:
    """Has a new complaint at each look."""

    def __init__(self) -> None:
        self.complaints: tuple[str, ...] = ()
        self.told = 0
        self.third = threading.Event()

    def look(self, now: Any) -> None:
        self.complaints = (*self.complaints, 'older orders')
        if len(self.complaints) == 3:
            self.third.set()

    def tell(self) -> None:
        self.told += 1
        raise RuntimeError('the node is on its way out')


def test_a_listener_that_fails_does_not_end_the_watch() -> None:
    member: Any = Member()
    watch = OrdersWatch(member, lambda: 0.001, member.tell)
    try:
        assert member.third.wait(20)
    finally:
        watch.stop()
    assert member.told >= 2
