"""Nodes of this process that have nothing but the settings of a rollout."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import rclpy
from rclpy.context import Context
from rclpy.signals import SignalHandlerOptions

from ml_integration.core.rollout.settings import RolloutSettings
from ml_integration.ros.node.executor import make_executor, spin_once
from ml_integration.ros.node.lifecycle_node import GuardedLifecycleNode

RolloutNode = GuardedLifecycleNode[RolloutSettings]


@contextmanager
def rollout_node(name: str, *arguments: str) -> Iterator[tuple[RolloutNode, ExitStack]]:
    """Spins a node until the end of the block; gives it and what is let go of before it ends.

    Args:
        name: of the node.
        arguments: ROS arguments, such as '-r', 'odom:=/base/odom'.
    """
    context, ended = Context(), threading.Event()
    rclpy.init(args=[], context=context, signal_handler_options=SignalHandlerOptions.NO)
    cli = ['--ros-args', *arguments] if arguments else []
    node: RolloutNode = GuardedLifecycleNode(
        name, RolloutSettings, {'context': context, 'cli_args': cli}
    )
    executor = make_executor('single_threaded', node)

    def spin() -> None:
        while not ended.is_set():
            spin_once(executor, 0.05)

    thread = threading.Thread(target=spin)
    thread.start()
    with ExitStack() as after:
        after.callback(rclpy.shutdown, context=context)
        after.callback(node.destroy_node)
        after.callback(node.release)
        after.callback(executor.shutdown)
        resources = after.enter_context(ExitStack())
        after.callback(thread.join)  # what is let go of is not in work
        after.callback(ended.set)
        yield node, resources
