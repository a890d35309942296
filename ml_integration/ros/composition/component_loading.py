"""Finds the class of a component, makes a node of it and lets go of the node again."""

from __future__ import annotations

import difflib
import sys
import traceback
from contextlib import ExitStack, suppress
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import rclpy
from rclpy.exceptions import ParameterException
from rclpy.node import Node

from ml_integration.errors import MlIntegrationError

GROUP = 'rclpy_components'
# A module or a constructor that ends the process must not end the container.
FAILURES = (Exception, SystemExit)


def component_point(package: str, plugin: str) -> EntryPoint:
    """Returns what a package has registered as a component; nothing of it is imported.

    Args:
        package: the package's name.
        plugin: the entry point's name, such as 'ml_integration::InferenceNode'.

    Raises:
        MlIntegrationError: there is none of that name.
    """
    points = {point.name: point for point in entry_points(group=GROUP)}
    if plugin not in points or plugin.partition('::')[0] != package:
        raise _unknown(package, plugin, points)
    return points[plugin]


def component_class(point: EntryPoint, logger: Any) -> type[Node]:
    """Imports the class of a component.

    Args:
        point: says where it is.
        logger: gets the traceback of a failure that nobody foresaw.

    Raises:
        MlIntegrationError: it does not import, or it is no node.
    """
    plugin = point.name
    try:
        cls = point.load()
    except FAILURES as error:
        raise _failure(f"component '{plugin}' does not import", point.value, logger) from error
    if not (isinstance(cls, type) and issubclass(cls, Node)):
        raise MlIntegrationError(
            f"component '{plugin}' is no node",
            where=point.value,
            got=repr(cls),
            expected='a class derived from rclpy.node.Node',
        )
    return cls


def construct(cls: type[Node], options: dict[str, Any], logger: Any) -> Node:
    """Makes a node; when that fails, nothing of it stays once the error is dealt with.

    Args:
        cls: the node's class.
        options: keyword arguments of its constructor.
        logger: gets the traceback of a failure that nobody foresaw.

    Raises:
        MlIntegrationError: the constructor failed.
    """
    node = cls.__new__(cls)
    try:
        node.__init__(**options)  # type: ignore[misc]
    except FAILURES as error:
        with suppress(Exception):  # a half-made node lacks what it did not come to make
            destroy(node)
        if isinstance(error, MlIntegrationError):
            raise
        if isinstance(error, ParameterException):
            raise MlIntegrationError(str(error), where=cls.__name__) from error
        if not rclpy.ok(context=options.get('context')):
            raise MlIntegrationError('the process is ending', where=cls.__name__) from error
        raise _failure('the node cannot be made', cls.__name__, logger) from error
    return node


def destroy(node: Node) -> None:
    """Releases what the node holds and destroys it, even if the release fails."""
    with ExitStack() as steps:
        steps.callback(node.destroy_node)
        if hasattr(node, 'release'):
            steps.callback(node.release)


def _failure(what: str, where: str, logger: Any) -> MlIntegrationError:
    """Wraps the exception under way, which is none of ours, into one of ours."""
    error = sys.exc_info()[1]
    logger.error(f'{where}: {what}:\n{traceback.format_exc()}')
    return MlIntegrationError(f'{what}: {type(error).__name__}: {error}', where=where)


def _unknown(package: str, plugin: str, points: dict[str, EntryPoint]) -> MlIntegrationError:
    own = sorted(name for name in points if name.partition('::')[0] == package)
    close = difflib.get_close_matches(plugin, points, n=1, cutoff=0.5)
    return MlIntegrationError(
        f"package '{package}' has no component '{plugin}'",
        where=f'entry point group {GROUP}',
        expected=f'one of {", ".join(own or sorted(points))}' if points else '',
        hint=f"Did you mean '{close[0]}'?" if close else '',
    )
