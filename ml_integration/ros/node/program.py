"""Programs with nodes: arguments, signals, spinning, exit code."""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from typing import Any

import rclpy
from rclpy.exceptions import ParameterException

from ml_integration.errors import MlIntegrationError
from ml_integration.ros.messages import fast_dds
from ml_integration.ros.node.executor import make_executor, spin
from ml_integration.ros.node.lifecycle_node import GuardedLifecycleNode
from ml_integration.ros.node.memory import keep_buffers, limit_arenas
from ml_integration.ros.node.strangers import (
    assignments,
    stray_sentences,
    unknown_names,
    unknown_sentence,
)

PATIENCE_S = 3.0
REFUSED = 1
USAGE = 2  # as of argparse
UNUSABLE = (REFUSED, USAGE)
"""Exit codes of a process that the same arguments would end again."""
CRASHED = 70


def run_node(
    make_node: Callable[[], GuardedLifecycleNode[Any]], arguments: Sequence[str] | None = None
) -> int:
    """Creates a node, spins it until SIGINT or SIGTERM, and lets go of everything.

    Returns:
        The exit code: 1 when the arguments or a parameter do not allow to start.
    """
    return run_program(lambda: _serve(make_node(), arguments), arguments)


def run_program(serve: Callable[[], None], arguments: Sequence[str] | None = None) -> int:
    """Calls `serve` between rclpy's start and end; it returns once rclpy is shut down.

    Args:
        serve: makes nodes, spins until SIGINT or SIGTERM, and lets go of everything.
        arguments: the command line; that of the process if None.

    Returns:
        The exit code: 1 when the arguments or a parameter do not allow to start, 70 after an
        error that nobody foresaw.
    """
    signal.signal(signal.SIGINT, _Interruption())
    keep_buffers()
    limit_arenas()
    fast_dds.remove_stale_segments()
    os.environ.update(fast_dds.environment())
    try:
        rclpy.init(args=None if arguments is None else list(arguments))
    except RuntimeError as error:  # rclpy's own errors for this have no public name
        print(f'these ROS arguments cannot be used: {error}', file=sys.stderr)
        return REFUSED
    try:
        serve()
    except (MlIntegrationError, ParameterException) as error:
        print(error, file=sys.stderr)
        return REFUSED
    except Exception:
        if rclpy.ok():  # otherwise a signal came in the middle of something
            traceback.print_exc()
            return CRASHED
    finally:
        rclpy.try_shutdown()
    return 0


def _serve(node: GuardedLifecycleNode[Any], arguments: Sequence[str] | None) -> None:
    node.tell_strangers(unknown_sentence(name, node) for name in unknown_names(node))
    names = [node.get_fully_qualified_name()]
    node.tell_strangers(stray_sentences(assignments(arguments), names))
    executor = make_executor(node.get_parameter('executor').value, node)
    try:
        if node.get_parameter('autostart').value:
            node.autostart()
        spin(executor, node)
    finally:
        node.release()
        executor.shutdown()
        node.destroy_node()


class _Interruption:
    """Leaves the first SIGINT to rclpy, which ends the spinning, and lets a late one kill.

    Python's own answer, a KeyboardInterrupt in whatever line is being executed, would come out
    of callbacks and transitions. A process group and `ros2 launch` both pass Ctrl-C on, so a
    second signal soon after the first one is the same wish.
    """

    def __init__(self) -> None:
        self._first_s = 0.0

    def __call__(self, number: int, frame: object) -> None:
        now_s = time.monotonic()
        if not self._first_s:
            self._first_s = now_s
        elif now_s - self._first_s > PATIENCE_S:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGINT)
