"""Spins nodes of this process until it is told to end."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

from rclpy.clock import Clock, ClockType
from rclpy.exceptions import InvalidHandle
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node

# EventsExecutor never wakes up from an endless wait, so each wait has an end.
WAIT_S = 0.2
CHECK_S = 2.0


def make_executor(kind: str, node: Node) -> Any:
    """Returns an executor that dispatches callbacks of `node`, which is already added.

    EventsExecutor takes a third of the CPU; where this rclpy has none, or has one that does not
    dispatch, SingleThreadedExecutor takes its place.

    Args:
        kind: 'events' or 'single_threaded'.
        node: the node to spin.
    """
    if kind == 'events':
        executor = _events_executor(node)
        if executor is not None:
            return executor
        node.get_logger().warning(
            'EventsExecutor does not work here; using SingleThreadedExecutor'
        )
    executor = SingleThreadedExecutor(context=node.context)
    executor.add_node(node)
    return executor


def spin(executor: Any, node: Node) -> None:
    """Dispatches callbacks until the context is shut down (SIGINT, SIGTERM, `rclpy.shutdown`)."""
    try:
        while node.context.ok():
            spin_once(executor, WAIT_S)
    except ExternalShutdownException:
        pass


def spin_once(executor: Any, wait_s: float) -> None:
    """Dispatches what is ready, or waits for it for a while [s].

    An event may be about a subscription or publisher that was destroyed since it came, which is
    no fault: executors pass over messages for those, but not over events.
    """
    with suppress(InvalidHandle):
        executor.spin_once(timeout_sec=wait_s)


def _events_executor(node: Node) -> Any:
    try:
        from rclpy.experimental import EventsExecutor
    except ImportError:
        return None
    executor = EventsExecutor(context=node.context)
    executor.add_node(node)
    if _dispatches(executor, node):
        return executor
    executor.remove_node(node)
    executor.shutdown()
    return None


def _dispatches(executor: Any, node: Node) -> bool:
    fired: list[bool] = []
    timer = node.create_timer(
        0.001, lambda: fired.append(True), clock=Clock(clock_type=ClockType.STEADY_TIME)
    )
    end = time.monotonic() + CHECK_S
    try:
        while not fired and time.monotonic() < end and node.context.ok():
            executor.spin_once(timeout_sec=0.01)
    except ExternalShutdownException:
        return True
    finally:
        node.destroy_timer(timer)
    return bool(fired)
