"""Finds a sensor, encoder, task, stage or backend by name: own files first, then entry points."""

from __future__ import annotations

import importlib
import pkgutil
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from ml_integration.errors import PluginError

KINDS = ('sensors', 'encoders', 'tasks', 'stages', 'backends')


def names(kind: str) -> tuple[str, ...]:
    """Returns the names of all plug-ins of a kind, sorted."""
    return tuple(sorted({*_own(kind), *_foreign(kind)}))


def load(kind: str, name: str) -> Any:
    """Returns the class of a plug-in.

    Args:
        kind: one of `KINDS`.
        name: the file's name without '.py', or the entry point's name.

    Raises:
        PluginError: there is none of that name, or it does not import.
    """
    own = name in _own(kind)
    # Reading the entry points of every installed package takes 10 ms in which no frame moves.
    foreign = {} if own else _foreign(kind)
    if not own and name not in foreign:
        raise PluginError(kind, name, names(kind))
    try:
        if not own:
            return foreign[name].load()
        module = importlib.import_module(f'ml_integration.{kind}.{name}')
        return getattr(module, class_name(name))
    except (ImportError, AttributeError) as error:
        raise PluginError(kind, name, (), f"'{name}' does not import: {error}") from error


def class_name(name: str) -> str:
    """Returns the class name of a plug-in file: 'object_detection' -> 'ObjectDetection'."""
    return ''.join(part.capitalize() for part in name.split('_'))


def _own(kind: str) -> tuple[str, ...]:
    package = importlib.import_module(f'ml_integration.{kind}')
    return tuple(module.name for module in pkgutil.iter_modules(package.__path__))


def _foreign(kind: str) -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=f'ml_integration.{kind}')}
