"""Listens to `/diagnostics`: what every node says becomes reports."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.context import Context
from rclpy.node import Node
from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.signals import SignalHandlerOptions
from rclpy.subscription import Subscription

from ml_integration.errors import MlIntegrationError
from ml_integration.fleet.messages import read_report
from ml_integration.fleet.status import Report
from ml_integration.ros.node.executor import make_executor, spin_once

Take = Callable[[Report, int], None]
"""Takes a report and when it arrived [ns, steady clock]."""

TOPIC = '/diagnostics'
SPIN_S = 0.1
# A subscription that insists on reliability would not hear publishers that promise none.
QOS = QoSProfile(
    history=HistoryPolicy.KEEP_LAST, depth=200, reliability=ReliabilityPolicy.BEST_EFFORT
)


def listen(node: Node, take: Take) -> Subscription:
    """Subscribes to `/diagnostics`; the executor of `node` calls `take`."""

    def read(message: DiagnosticArray) -> None:
        take(read_report(message), time.monotonic_ns())

    return node.create_subscription(DiagnosticArray, TOPIC, read, QOS)


@contextmanager
def listening(name: str, take: Take, arguments: Sequence[str] | None = None) -> Iterator[Node]:
    """Listens with a node and a thread of its own until the end of the block.

    Args:
        name: beginning of the node's name.
        take: is called on that thread.
        arguments: the command line, for what ROS finds in it; that of the process if None.

    Raises:
        MlIntegrationError: ROS does not start with these arguments.
    """
    context = Context()
    given = sys.argv if arguments is None else arguments
    try:
        rclpy.init(
            args=list(given), context=context, signal_handler_options=SignalHandlerOptions.NO
        )
    except RuntimeError as error:  # rclpy's own errors for this have no public name
        raise MlIntegrationError(f'ROS does not start: {error}', where=name) from error
    node = rclpy.create_node(f'{name}_{os.getpid()}', context=context)
    executor, ended = make_executor('single_threaded', node), threading.Event()
    thread = threading.Thread(target=_spin, args=(executor, ended), name=name, daemon=True)
    try:
        listen(node, take)
        thread.start()
        yield node
    finally:
        ended.set()
        thread.join()
        executor.shutdown()
        node.destroy_node()
        rclpy.shutdown(context=context)


def place() -> str:
    """Returns where nodes are heard, for people."""
    return f'ROS_DOMAIN_ID={os.environ.get("ROS_DOMAIN_ID") or 0}'


def nobody_heard() -> MlIntegrationError:
    """Makes the error that no node has said anything."""
    hint = 'Is a node running, and is ROS_DOMAIN_ID the same as there?'
    return MlIntegrationError(f'nobody was heard on {TOPIC}', where=place(), hint=hint)


def _spin(executor: Any, ended: threading.Event) -> None:
    while not ended.is_set():
        spin_once(executor, SPIN_S)
