"""Message classes by full type name, so that nothing below `ros/` imports them."""

from __future__ import annotations

import importlib
from functools import cache
from typing import Any


@cache
def message_type(type_name: str) -> Any:
    """Returns the class of e.g. 'vision_msgs/msg/Detection2DArray'.

    Raises:
        ModuleNotFoundError: the message package is not installed.
    """
    package, kind, name = type_name.split('/')
    return getattr(importlib.import_module(f'{package}.{kind}'), name)
