"""Finds out how large the pictures of video players will be, before there is a node to ask.

Shared memory is set up with the first node of a process and keeps its size.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from rclpy.parameter import (
    get_parameter_value,
    parameter_dict_from_yaml_file,
    parameter_value_to_python,
)

from ml_integration.ros.video.video_source import picture_bytes

PARAMETER, FILE = ('-p', '--param'), '--params-file'


def largest_picture(arguments: Sequence[str]) -> int:
    """Returns the size of the largest picture that players with these arguments publish [bytes].

    Args:
        arguments: a command line; what stands for which node does not matter.

    Returns:
        0 if there is no source, or it cannot be read.
    """
    given = list(_given(arguments))
    sizes = [value for name, value in given if name == 'size'] or [(0, 0)]
    sources = [value for name, value in given if name == 'source']
    return max((picture_bytes(one, size) for one in sources for size in sizes), default=0)


def _given(arguments: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """Yields the parameters of a command line: name without that of the node, and value."""
    for option, text in pairwise(arguments):
        try:
            if option in PARAMETER:
                name, _, value = text.partition(':=')
                parameter = get_parameter_value(value)
                yield name.rpartition(':')[2], parameter_value_to_python(parameter)
            elif option == FILE:
                for name, entry in parameter_dict_from_yaml_file(text, True).items():
                    yield name, parameter_value_to_python(entry.value)
        except Exception:  # the node itself will say what is wrong with it
            continue
