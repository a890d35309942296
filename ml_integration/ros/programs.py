"""Entry points of the programs with nodes, which an interrupt ends quietly also as they start.

Importing what a node needs takes a second, in which Python would answer Ctrl-C with a traceback.
"""

from __future__ import annotations

import importlib
import os
import signal
from types import FrameType


def inference_node() -> int:
    """Runs `ros2 run ml_integration inference_node`; returns the exit code."""
    return _run('ml_integration.ros.inference.inference_node')


def video_player() -> int:
    """Runs `ros2 run ml_integration video_player`; returns the exit code."""
    return _run('ml_integration.ros.video.video_player')


def component_container() -> int:
    """Runs `ros2 run ml_integration component_container`; returns the exit code."""
    return _run('ml_integration.ros.composition.component_container')


def ml_integration_run() -> int:
    """Runs `ros2 run ml_integration ml_integration_run`; returns the exit code."""
    return _run('ml_integration.ros.composition.run')


def performance_monitor() -> int:
    """Runs `ros2 run ml_integration performance_monitor`; returns the exit code."""
    return _run('ml_integration.ros.monitoring.performance_monitor')


def ml_top() -> int:
    """Runs `ros2 run ml_integration ml_top`; returns the exit code."""
    return _run('ml_integration.ros.monitoring.top')


def ml_report() -> int:
    """Runs `ros2 run ml_integration ml_report`; returns the exit code."""
    return _run('ml_integration.ros.monitoring.report')


def _run(module: str) -> int:
    """Calls a module's `main`, which minds signals itself."""
    signal.signal(signal.SIGINT, _leave)
    code: int = importlib.import_module(module).main()
    return code


def _leave(number: int, frame: FrameType | None) -> None:
    os._exit(0)  # there is nothing to let go of yet
