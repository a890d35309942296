"""Connects a class of declared settings to the parameters of a node."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Generic, TypeVar, get_args

from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    SetParametersResult,
)
from rclpy.exceptions import ParameterException
from rclpy.node import Node
from rclpy.parameter import Parameter

from ml_integration.core.declaration import Setting, build, settings_of, type_name
from ml_integration.errors import MlIntegrationError, SettingError
from ml_integration.ros.node.limits import FREE, Limits
from ml_integration.ros.node.strangers import given_parameters

P = TypeVar('P')

EMPTY = {str: Parameter.Type.STRING_ARRAY, int: Parameter.Type.INTEGER_ARRAY,
         float: Parameter.Type.DOUBLE_ARRAY}  # fmt: skip
LONGEST_REASON = 4000
INT64_MAX = 2**63 - 1
FLOAT_MAX = 1.7976931348623157e308


class _Correction(Parameter):
    """Value that is in effect already, so that nobody may refuse it or has to act on it."""


class Parameters(Generic[P]):
    """The parameters of a node as one frozen value, checked before they change.

    Args:
        node: the node that owns the parameters.
        cls: a class of declared settings.
        is_configured: tells whether settings that apply at configure must be refused now.
        check: is given the old and the new value, and raises MlIntegrationError to refuse it.
        changed: is given both when the change has happened.
        limits: what the process allows its nodes.

    Raises:
        SettingError: a value from a file or the command line is not allowed.
    """

    def __init__(
        self,
        node: Node,
        cls: type[P],
        is_configured: Callable[[], bool],
        check: Callable[[P, P], None],
        changed: Callable[[P, P], None],
        limits: Limits = FREE,
    ) -> None:
        self._cls = cls
        self._check_change = check
        self._changed = changed
        self._node = node
        self._applying = threading.Lock()
        self._where = node.get_fully_qualified_name()
        self._is_configured = is_configured
        self._limits = limits
        self._settings = {setting.name: setting for setting in settings_of(cls)}
        values = {name: self._declare(node, item) for name, item in self._settings.items()}
        self.current: P = build(cls, values, self._where)
        self._values = values
        self._sections: dict[str, type] = {}
        self._in_sections: dict[str, Any] = {}
        node.add_on_set_parameters_callback(self._check)
        node.add_post_set_parameters_callback(self._apply)

    @property
    def sections(self) -> Mapping[str, Any]:
        """Settings of each section that was declared later, as they are now."""
        return {name: self._section(name, cls) for name, cls in self._sections.items()}

    def declare_section(self, name: str, cls: type) -> None:
        """Declares further settings below a name; they take effect at configure.

        Raises:
            SettingError: a value from a file or the command line is not allowed.
        """
        found = [
            replace(item, rule=replace(item.rule, at_configure=True))
            for item in settings_of(cls, f'{name}.')
        ]
        self._in_sections |= {item.name: self._declare(self._node, item) for item in found}
        self._settings |= {item.name: item for item in found}
        self._sections[name] = cls

    def correct(self, name: str, value: Any) -> None:
        """Sets a parameter to the value that is in effect; `check` and `changed` are not called.

        Any thread may call it; a change that somebody asks for meanwhile is not lost.
        """
        self._node.set_parameters([_Correction(name, value=value)])

    def _declare(self, node: Node, setting: Setting) -> Any:
        if node.has_parameter(setting.name):  # it was refused when it was declared
            return setting.check(node.get_parameter(setting.name).value, self._where)
        given = given_parameters(node).get(setting.name)
        wished = setting.default if given is None else given.value
        default = self._limits.forced(setting.name, setting.default)
        forced = self._limits.forced(setting.name, wished) != wished
        try:
            declared = node.declare_parameter(
                setting.name, default, descriptor(setting), ignore_override=forced
            )
        except ParameterException as error:
            expected = f'{type_name(setting.type)} {setting.rule.expected()}'.strip()
            raise SettingError(
                setting.name,
                getattr(error, 'value', error),
                expected,
                where=self._where,
                hint=setting.rule.text,
            ) from error
        if get_args(setting.type) and not declared.value:
            # rclpy takes an empty list for one of bytes, and from a file for no value at all.
            kind = EMPTY[get_args(setting.type)[0]]
            declared = Parameter(setting.name, kind, [])
            node.set_parameters([declared])
        value = setting.check(declared.value, self._where)
        if self._limits.at_start:
            self._limits.check(setting, value, self._where)
        if forced and given is not None:
            node.get_logger().warning(f'{setting.name}: {value} is forced, {wished} was given')
        return value

    def _check(self, parameters: list[Parameter]) -> SetParametersResult:
        try:
            changes = self._changes(parameters)
            if changes and not _is_correction(parameters):
                new = build(self._cls, self._of_node(changes), self._where)
                self._check_change(self.current, new)
            self._refuse_while_configured(changes)
        except MlIntegrationError as error:
            return _refusal(str(error))
        except Exception as error:  # what left this callback would be an answer without a result
            self._node.get_logger().error(f'a check failed:\n{traceback.format_exc()}')
            return _refusal(f'a check failed, which is a fault of the program: {error!r}')
        return SetParametersResult(successful=True)

    def _changes(self, parameters: list[Parameter]) -> dict[str, Any]:
        changes: dict[str, Any] = {}
        for parameter in parameters:
            setting = self._settings.get(parameter.name)
            if setting is None:  # use_sim_time, qos_overrides and the like are not ours
                continue
            value = setting.check(parameter.value, self._where)
            if value != self._value(setting.name):
                self._limits.check(setting, value, self._where)
            changes[setting.name] = value
        return changes

    def _refuse_while_configured(self, changes: dict[str, Any]) -> None:
        for name, value in changes.items():
            now = self._value(name)
            if self._settings[name].rule.at_configure and value != now and self._is_configured():
                raise SettingError(
                    name,
                    value,
                    f'no change while the node is configured (now {now!r})',
                    where=self._where,
                    hint='Deactivate and clean up the node, set it, and configure again.',
                )

    def _apply(self, parameters: list[Parameter]) -> None:
        changes = self._changes(parameters)
        if not changes:
            return
        with self._applying:  # a correction comes on a thread of its own
            self._in_sections |= {n: v for n, v in changes.items() if n not in self._values}
            self._values = self._of_node(changes)
            old, new = self.current, build(self._cls, self._values, self._where)
            self.current = new
        if not _is_correction(parameters):
            self._act(old, new)

    def _of_node(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the values with those of the changes that belong to no section."""
        return {name: changes.get(name, value) for name, value in self._values.items()}

    def _value(self, name: str) -> Any:
        return self._values[name] if name in self._values else self._in_sections[name]

    def _section(self, name: str, cls: type) -> Any:
        length = len(name) + 1
        values = {n[length:]: v for n, v in self._in_sections.items() if n.startswith(f'{name}.')}
        return build(cls, values, self._where)

    def _act(self, old: P, new: P) -> None:
        try:
            self._changed(old, new)
        except Exception:  # the parameters have changed: the answer has to say so
            self._node.get_logger().error(f'after a change:\n{traceback.format_exc()}')


def _refusal(reason: str) -> SetParametersResult:
    # Not every text of Python can be sent.
    sent = reason[:LONGEST_REASON].encode('utf-8', 'backslashreplace').decode().replace('\0', '')
    return SetParametersResult(successful=False, reason=sent)


def _is_correction(parameters: list[Parameter]) -> bool:
    return all(isinstance(parameter, _Correction) for parameter in parameters)


def descriptor(setting: Setting) -> ParameterDescriptor:
    """Describes a setting for `ros2 param describe`."""
    rule = setting.rule
    described = ParameterDescriptor(
        name=setting.name,
        description=rule.text,
        additional_constraints=rule.expected(),
        read_only=rule.read_only,
        # Types are checked by the declaration, which takes 5 where 5.0 is meant.
        dynamic_typing=True,
    )
    if rule.ge is None and rule.le is None:
        return described
    allowed = () if rule.off is None else (rule.off,)
    if setting.type is float:
        low = -FLOAT_MAX if rule.ge is None else min((rule.ge, *allowed))
        high = FLOAT_MAX if rule.le is None else max((rule.le, *allowed))
        described.floating_point_range = [FloatingPointRange(from_value=low, to_value=high)]
    elif setting.type is int:
        low_int = -INT64_MAX if rule.ge is None else int(rule.ge)
        high_int = INT64_MAX if rule.le is None else int(rule.le)
        described.integer_range = [IntegerRange(from_value=low_int, to_value=high_int)]
    return described
