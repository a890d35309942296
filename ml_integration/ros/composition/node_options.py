"""Turns a request to load a node into the keyword arguments of its constructor."""

from __future__ import annotations

from typing import Any

from composition_interfaces.srv import LoadNode
from rclpy.context import Context
from rclpy.logging import LoggingSeverity
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.utilities import remove_ros_args

from ml_integration.errors import SettingError

INTRA_PROCESS = 'use_intra_process_comms'
# What rclcpp's containers call it, and what rclpy's nodes do.
KEYWORDS = {
    'forward_global_arguments': 'use_global_arguments',
    'enable_rosout': 'enable_rosout',
    'start_parameter_services': 'start_parameter_services',
    'enable_logger_service': 'enable_logger_service',
}
EXPECTED = {
    'remap_rules': "'old:=new' with names that ROS allows",
    'node_name': 'letters, digits and underscores',
    'node_namespace': "names separated by '/'",
}
# rclpy cannot take this service off the network when the node goes (rclpy pull request 1711).
NO_TYPE_DESCRIPTIONS = Parameter('start_type_description_service', value=False)
LEVELS = (0, 10, 20, 30, 40, 50)


def node_options(
    request: LoadNode.Request, cls: type[Node], context: Context, where: str
) -> dict[str, Any]:
    """Returns the keyword arguments that make the node which the request describes.

    Nodes whose class says `accepts_intra_process = True` also get `intra_process`; the request
    for it is a wish, which the others may ignore.

    Args:
        request: names, remappings, parameters and extra arguments.
        cls: the node's class.
        context: where the node will live.
        where: the container's name, for errors.

    Raises:
        SettingError: a name, a remap rule or an extra argument is not allowed.
    """
    extra = extra_arguments(request, where)
    options: dict[str, Any] = {
        'context': context,
        'cli_args': _ros_arguments(request, where),
        'parameter_overrides': [
            NO_TYPE_DESCRIPTIONS,
            *map(Parameter.from_parameter_msg, request.parameters),
        ],
        'use_global_arguments': False,
        **{KEYWORDS[name]: value for name, value in extra.items() if name in KEYWORDS},
    }
    if extra.get(INTRA_PROCESS) and getattr(cls, 'accepts_intra_process', False):
        options['intra_process'] = True
    return options


def extra_arguments(request: LoadNode.Request, where: str) -> dict[str, bool]:
    """Reads what is asked of the container rather than of the node.

    Raises:
        SettingError: an argument is unknown or is not a bool.
    """
    values: dict[str, bool] = {}
    for item in map(Parameter.from_parameter_msg, request.extra_arguments):
        if item.name not in (INTRA_PROCESS, *KEYWORDS):
            known = f'one of {", ".join((INTRA_PROCESS, *KEYWORDS))}'
            raise SettingError(f'extra_arguments.{item.name}', item.value, known, where=where)
        if not isinstance(item.value, bool):
            raise SettingError(f'extra_arguments.{item.name}', item.value, 'a bool', where=where)
        values[item.name] = item.value
    return values


def log_level(request: LoadNode.Request, where: str) -> LoggingSeverity:
    """The level of the node's logger; 0 is the process's own.

    Raises:
        SettingError: there is no such level.
    """
    if request.log_level not in LEVELS:
        expected = f'one of {", ".join(map(str, LEVELS))}'
        raise SettingError('log_level', request.log_level, expected, where=where)
    return LoggingSeverity(request.log_level)


def foreseen_name(request: LoadNode.Request, default_name: str) -> str:
    """The full name that the node will have, or nothing where it cannot be known.

    Args:
        request: the request to load it.
        default_name: the name it gives itself; empty: not known.
    """
    name = request.node_name or default_name
    decided_elsewhere = any('__' in rule.partition(':=')[0] for rule in request.remap_rules)
    forwarded = any(item.name == 'forward_global_arguments' for item in request.extra_arguments)
    if not name or decided_elsewhere or forwarded:
        return ''
    namespace = _absolute(request.node_namespace).rstrip('/')
    return f'{namespace}/{name}'


def _ros_arguments(request: LoadNode.Request, where: str) -> list[str]:
    """Lists ROS arguments, remap rules first as in rclcpp: the first rule that fits counts."""
    rules = [('remap_rules', rule, rule) for rule in request.remap_rules]
    if request.node_name:
        rules.append(('node_name', request.node_name, f'__node:={request.node_name}'))
    if request.node_namespace:
        namespace = _absolute(request.node_namespace)
        rules.append(('node_namespace', request.node_namespace, f'__ns:={namespace}'))
    arguments = ['--ros-args']
    for field, given, rule in rules:
        try:
            remove_ros_args(['--ros-args', '-r', rule])
        except RuntimeError as error:  # rcl says it in its parser's words
            raise SettingError(field, given, EXPECTED[field], where=where) from error
        arguments += ['-r', rule]
    return arguments


def _absolute(namespace: str) -> str:
    return namespace if namespace.startswith('/') else f'/{namespace}'
