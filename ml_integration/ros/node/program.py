"""Programs with nodes: arguments, signals, spinning, exit code."""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, MutableMapping, Sequence
from pathlib import Path
from typing import Any

import rclpy
from rclpy.exceptions import ParameterException

from ml_integration.core.left_behind import left_behind
from ml_integration.errors import MlIntegrationError
from ml_integration.ros.messages import fast_dds
from ml_integration.ros.node.executor import make_executor, spin
from ml_integration.ros.node.lifecycle_node import GuardedLifecycleNode
from ml_integration.ros.node.memory import keep_buffers, limit_arenas
from ml_integration.ros.node.strangers import (
    assignments,
    parameter_files,
    stray_sentences,
    unknown_names,
    unknown_sentence,
)

PATIENCE_S = 3.0
LOG_FOLDERS = ('ROS_LOG_DIR', 'ROS_HOME', 'HOME')
REFUSED = 1
USAGE = 2  # as of argparse
UNUSABLE = (REFUSED, USAGE)
"""Exit codes of a process that the same arguments would end again."""
CRASHED = 70
LOOK_S = 0.2
"""Time between two looks at whether rclpy was shut down [s]."""
END_S = 2.2
"""Time from then on in which everything is let go of [s]; a supervisor kills after a while."""


def run_node(
    make_node: Callable[[], GuardedLifecycleNode[Any]],
    arguments: Sequence[str] | None = None,
    largest_bytes: int = 0,
) -> int:
    """Creates a node, spins it until SIGINT or SIGTERM, and lets go of everything.

    Args:
        make_node: makes the node.
        arguments: the command line; that of the process if None.
        largest_bytes: size of the largest message that it will publish [bytes]; 0: not known.

    Returns:
        The exit code: 1 when the arguments or a parameter do not allow to start.
    """
    return run_program(lambda: _serve(make_node(), arguments), arguments, largest_bytes)


def run_program(
    serve: Callable[[], None], arguments: Sequence[str] | None = None, largest_bytes: int = 0
) -> int:
    """Calls `serve` between rclpy's start and end; it returns once rclpy is shut down.

    The process ends soon after that, also when something hangs: that is left behind then.

    Args:
        serve: makes nodes, spins until SIGINT or SIGTERM, and lets go of everything.
        arguments: the command line; that of the process if None.
        largest_bytes: size of the largest message that it will publish [bytes]; 0: not known.

    Returns:
        The exit code: 1 when the arguments or a parameter do not allow to start, 70 after an
        error that nobody foresaw.
    """
    interruption = _Interruption()
    signal.signal(signal.SIGINT, interruption)
    if refusal := _initialize(arguments, largest_bytes):
        print(refusal, file=sys.stderr)
        return REFUSED
    if interruption.came:  # before rclpy could see it
        rclpy.try_shutdown()
    try:
        return _run(serve)
    finally:
        # An interpreter that ends gives up its handlers before it is gone.
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _run(serve: Callable[[], None]) -> int:
    """Returns the exit code; rclpy is shut down then."""
    end = _End()
    try:
        serve()
    except Exception as error:
        if rclpy.ok():  # otherwise a signal came in the middle of something
            end.code = _tell(error)
    finally:
        rclpy.try_shutdown()
    if left_behind():
        end.leave()
    return end.code


def _tell(error: Exception) -> int:
    """Says what went wrong; returns the exit code for it."""
    if isinstance(error, (MlIntegrationError, ParameterException)):
        print(error, file=sys.stderr)
        return REFUSED
    traceback.print_exception(error)
    return CRASHED


def _initialize(arguments: Sequence[str] | None, largest_bytes: int) -> str:
    """Sets up the process and rclpy; returns why it cannot be, or an empty string."""
    keep_buffers()
    limit_arenas()
    fast_dds.remove_stale_segments()
    given = sys.argv if arguments is None else arguments
    try:
        os.environ.update(fast_dds.environment(largest_bytes=largest_bytes))
        rclpy.init(args=[*given, *_without_log_file()])
    except MlIntegrationError as error:
        return str(error)
    except RuntimeError as error:  # rclpy's own errors for this have no public name
        return _in_words(str(error), given)
    return ''


def _in_words(error: str, arguments: Sequence[str]) -> str:
    """Writes rcl's error on arguments for people, who do not know its source files."""
    for file in parameter_files(arguments):
        if not Path(file).is_file():
            what = 'it is a folder' if Path(file).is_dir() else 'there is no such file'
            return f'--params-file {file}: {what}'
    reason = re.sub(r', at /\S+:\d+', '', error).removeprefix('failed to initialize rcl: ')
    hint = '. It has to begin with NODE: {ros__parameters: {NAME: VALUE}}'
    return f'these ROS arguments cannot be used: {reason}{hint * ("params file" in reason)}'


def _without_log_file(variables: MutableMapping[str, str] = os.environ) -> list[str]:
    """Returns arguments for a process that has no folder for ROS's log files; none if it has.

    ROS ends at its start without one, and looks for it in HOME only.
    """
    if any(variables.get(name) for name in LOG_FOLDERS):
        return []
    try:
        variables['ROS_LOG_DIR'] = str(Path('~/.ros/log').expanduser())
    except (RuntimeError, KeyError):
        print('there is no home folder: ROS_LOG_DIR is empty, no log file', file=sys.stderr)
        return ['--ros-args', '--disable-external-lib-logs']
    return []


def _serve(node: GuardedLifecycleNode[Any], arguments: Sequence[str] | None) -> None:
    node.tell_strangers(unknown_sentence(name, node) for name in unknown_names(node))
    names = [node.get_fully_qualified_name()]
    node.tell_strangers(stray_sentences(assignments(arguments), names))
    executor = make_executor(node.get_parameter('executor').value, node)
    try:
        if node.get_parameter('autostart').value:
            node.autostart()
        else:
            node.tell_next('configure', 'is unconfigured; to go on')
        spin(executor, node)
    finally:
        node.release()
        executor.shutdown()
        node.destroy_node()


class _End:
    """Ends the process when it does not end by itself after rclpy was shut down.

    Python waits for no thread of ours, but for the one that runs `serve`, and it takes the
    engine's ground away while threads that hang in it still run.

    Attributes:
        code: the exit code.
    """

    def __init__(self) -> None:
        self.code = 0
        threading.Thread(target=self._watch, name='ml_end', daemon=True).start()

    def leave(self) -> None:
        """Ends the process at once, and says what is left behind."""
        what = '; '.join(left_behind()) or 'the end of a transition or of a callback'
        print(f'ended without waiting for: {what}', file=sys.stderr)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(self.code)

    def _watch(self) -> None:
        while rclpy.ok():
            time.sleep(LOOK_S)
        time.sleep(END_S)
        self.leave()


class _Interruption:
    """Leaves the first SIGINT to rclpy, which ends the spinning, and lets a late one kill.

    Python's own answer, a KeyboardInterrupt in whatever line is being executed, would come out
    of callbacks and transitions. A process group and `ros2 launch` both pass Ctrl-C on, so a
    second signal soon after the first one is the same wish.
    """

    def __init__(self) -> None:
        self._first_s = 0.0

    @property
    def came(self) -> bool:
        return bool(self._first_s)

    def __call__(self, number: int, frame: object) -> None:
        now_s = time.monotonic()
        if not self._first_s:
            self._first_s = now_s
        elif now_s - self._first_s > PATIENCE_S:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGINT)
