"""Declares settings: default, text, range and choices of each one in one place.

A settings class is a frozen dataclass whose fields are made with `declared`. Tasks fill theirs
from a manifest, nodes from ROS parameters; checks, defaults and documentation come from here.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass, replace
from typing import Any, Literal, TypeVar, get_args, get_type_hints

from ml_integration.core.dotted_keys import flattened
from ml_integration.errors import SettingError

T = TypeVar('T')

DECIDES_WHAT_RUNS = {'decides_what_runs': True}
"""Metadata of a field of nested settings, all of which decide what runs."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Rule for the values of one setting.

    Attributes:
        text: one line of documentation, with the unit in brackets.
        ge: smallest allowed number.
        le: largest allowed number.
        choices: the allowed values; empty for no such limit.
        read_only: fixed once the program runs.
        at_configure: takes effect when a node is configured, and is refused while it is.
        length: exact number of items of a tuple.
        off: a number outside the range that is allowed as well, such as 0 for never.
        decides_what_runs: has a say in which bytes run as a model, so that whoever may not
            change the model may not change this either.
        required: has no default; the one of its class only says of which type it is.
        gone: sentences for values that were allowed once: what to write instead.
        files: 'one' if the text names a file or a folder, 'several' if it is a list of them
            separated by `os.pathsep`; empty if it is something else.
    """

    text: str
    ge: float | None = None
    le: float | None = None
    choices: tuple[Any, ...] = ()
    read_only: bool = False
    at_configure: bool = False
    length: int | None = None
    off: float | None = None
    decides_what_runs: bool = False
    files: Literal['', 'one', 'several'] = ''
    required: bool = False
    gone: Mapping[str, str] = field(default_factory=dict)

    def expected(self) -> str:
        """Returns the rule in words, for an error or a table; empty if any value is allowed."""
        parts = []
        if self.choices:
            parts.append('one of ' + ', '.join(str(one) or 'nothing' for one in self.choices))
        if self.ge is not None:
            parts.append(f'>= {self.ge:g}')
        if self.le is not None:
            parts.append(f'<= {self.le:g}')
        if self.length is not None:
            parts.append(f'{self.length} items')
        expected = ' and '.join(parts)
        return expected if self.off is None else f'{self.off:g}, or {expected}'

    def allows(self, value: Any) -> bool:
        if isinstance(value, tuple):
            fits = self.length is None or len(value) == self.length
            return fits and all(self._allows_one(item) for item in value)
        return self._allows_one(value)

    def _allows_one(self, value: Any) -> bool:
        if isinstance(value, float) and not math.isfinite(value):
            return False
        if self.off is not None and value == self.off:
            return True
        return (
            (not self.choices or value in self.choices)
            and (self.ge is None or value >= self.ge)
            and (self.le is None or value <= self.le)
        )


def declared(
    default: Any,
    text: str,
    *,
    ge: float | None = None,
    le: float | None = None,
    choices: tuple[Any, ...] = (),
    read_only: bool = False,
    at_configure: bool = False,
    length: int | None = None,
    off: float | None = None,
    decides_what_runs: bool = False,
    files: Literal['', 'one', 'several'] = '',
    required: bool = False,
    gone: Mapping[str, str] | None = None,
) -> Any:
    """Declares a field of a settings class; see `Rule` for the arguments."""
    rule = Rule(
        text, ge, le, choices, read_only, at_configure, length, off, decides_what_runs, files,
        required, gone or {},
    )  # fmt: skip
    return field(default=default, metadata={'rule': rule})


@dataclass(frozen=True, slots=True)
class Setting:
    """A declared field, with its dotted name inside nested settings classes."""

    name: str
    type: Any
    default: Any
    rule: Rule

    def check(self, value: Any, where: str) -> Any:
        """Returns the value as the declared type.

        Raises:
            SettingError: wrong type, out of range or not one of the choices.
        """
        converted = _converted(value, self.type)
        if converted is None or not self.rule.allows(converted):
            expected = f'{type_name(self.type)} {self.rule.expected()}'.strip()
            hint = self.rule.gone.get(value, '') if isinstance(value, str) else ''
            raise SettingError(
                self.name, value, expected, where=where, hint=hint or self.rule.text
            )
        return converted


def settings_of(cls: type, prefix: str = '') -> tuple[Setting, ...]:
    """Yields the settings of a class in order, those of nested classes with dotted names."""
    hints = get_type_hints(cls)
    found: list[Setting] = []
    for item in fields(cls):
        name = f'{prefix}{item.name}'
        if is_dataclass(hints[item.name]):
            nested = settings_of(hints[item.name], f'{name}.')
            if item.metadata == DECIDES_WHAT_RUNS:
                nested = tuple(map(_deciding, nested))
            found.extend(nested)
            continue
        if 'rule' not in item.metadata or item.default is MISSING:
            raise TypeError(f'{cls.__name__}.{item.name} is not made with declared()')
        found.append(Setting(name, hints[item.name], item.default, item.metadata['rule']))
    return tuple(found)


def build(cls: type[T], values: Mapping[str, Any], where: str) -> T:
    """Makes a settings object; what is not given and not required keeps its default.

    Args:
        cls: a settings class.
        values: nested mappings or dotted names, or both.
        where: file or node the values come from, for errors.

    Raises:
        SettingError: an unknown name, a wrong type, a value that is not allowed, or a required
            one that is missing.
    """
    flat = flattened(values)
    known = {setting.name: setting for setting in settings_of(cls)}
    for name, value in flat.items():
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"Did you mean '{close[0]}'?" if close else ''
            raise SettingError(
                name, value, f'one of {", ".join(known) or "nothing"}', where=where, hint=hint
            )
    checked = {name: known[name].check(value, where) for name, value in flat.items()}
    for name, setting in known.items():
        if setting.rule.required and name not in flat:
            raise SettingError(
                name, '', setting.rule.expected(), where=where, hint=setting.rule.text,
                what=f"there is no '{name}'",
            )  # fmt: skip
    return _assemble(cls, checked, '')


def type_name(kind: Any) -> str:
    """Returns a settings type in words: 'bool', 'int', 'float', 'str' or 'list of int'."""
    return f'list of {get_args(kind)[0].__name__}' if get_args(kind) else str(kind.__name__)


def _deciding(setting: Setting) -> Setting:
    return replace(setting, rule=replace(setting.rule, decides_what_runs=True))


def _assemble(cls: type[T], flat: Mapping[str, Any], prefix: str) -> T:
    hints = get_type_hints(cls)
    arguments: dict[str, Any] = {}
    for item in fields(cls):  # type: ignore[arg-type]
        name = f'{prefix}{item.name}'
        if is_dataclass(hints[item.name]):
            arguments[item.name] = _assemble(hints[item.name], flat, f'{name}.')
        elif name in flat:
            arguments[item.name] = flat[name]
    return cls(**arguments)


def _converted(value: Any, kind: Any) -> Any:
    """Returns the value as `kind`, or None if it is of another type."""
    if get_args(kind):
        if isinstance(value, (str, bytes)) or not hasattr(value, '__iter__'):
            return None
        items = tuple(_converted(item, get_args(kind)[0]) for item in value)
        return None if any(item is None for item in items) else items
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, bool) and kind is not bool:
        return None
    return value if isinstance(value, kind) else None
