"""Runs one node as a process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ml_integration.ros.node.executor import make_executor, spin
from ml_integration.ros.node.lifecycle_node import GuardedLifecycleNode
from ml_integration.ros.node.program import run_program


def run(
    make_node: Callable[[], GuardedLifecycleNode[Any]], arguments: Sequence[str] | None = None
) -> int:
    """Creates the node, spins it until SIGINT or SIGTERM, and lets go of everything.

    Returns:
        The exit code: 1 when the arguments or a parameter do not allow to start.
    """
    return run_program(lambda: _serve(make_node()), arguments)


def _serve(node: GuardedLifecycleNode[Any]) -> None:
    executor = make_executor(node.get_parameter('executor').value, node)
    try:
        if node.get_parameter('autostart').value:
            node.autostart()
        spin(executor, node)
    finally:
        node.release()
        executor.shutdown()
        node.destroy_node()
