"""Lets launch start a process again after a crash, but not one that would only fail again."""

from __future__ import annotations

from typing import Any

from launch import LaunchContext
from launch.actions import EmitEvent, LogInfo
from launch.events import matches_action
from launch.events.process import ProcessExited, ShutdownProcess

from ml_integration.ros.node.program import UNUSABLE


def unless_unusable(event: ProcessExited, context: LaunchContext) -> list[Any]:
    """Ends the respawning of a process whose arguments or parameters were refused.

    The same arguments would be refused for ever. To be used as `on_exit` of a node.
    """
    if event.returncode not in UNUSABLE or context.is_shutdown:
        return []
    return [
        LogInfo(
            msg=f'{event.process_name} is not started again: its arguments cannot be used '
            f'(exit code {event.returncode}); the reason is above'
        ),
        EmitEvent(event=ShutdownProcess(process_matcher=matches_action(event.action))),
    ]
