"""Reads from the command line which stages work on the results, and with which settings."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from typing import Any, get_args

from ml_integration.core import plugins
from ml_integration.core.declaration import Setting, build, settings_of
from ml_integration.deploy.assembly import StageSettings, plugin
from ml_integration.errors import SettingError

WHERE = 'ml_model'


def add_stages(parser: argparse.ArgumentParser) -> None:
    """Adds `--stage` and `--set`, read by `stages_of`."""
    parser.add_argument(
        '--stage',
        action='append',
        default=[],
        metavar='NAME',
        help='a stage that works on the results, such as tracking or cascade; may be repeated',
    )
    parser.add_argument(
        '--set',
        action='append',
        default=[],
        metavar='STAGE.SETTING=VALUE',
        help="a setting of a stage, such as cascade.model=face_mesh; of a list separated by ','",
    )


def stages_of(args: argparse.Namespace) -> StageSettings:
    """Returns the settings of each chosen stage, in the order in which they work.

    Raises:
        SettingError: there is no such stage or setting, or a value is not allowed.
        PluginError: a stage cannot be imported.
    """
    given = dict(_pair(text) for text in args.set)
    unknown = [name for name in given if name.partition('.')[0] not in args.stage]
    if unknown:
        expected = f'a setting of {" or ".join(args.stage) or "a stage that --stage names"}'
        raise SettingError('--set', unknown[0], expected, where=WHERE)
    known = plugins.names('stages')
    for name in args.stage:
        if name not in known or args.stage.count(name) > 1:
            expected = f'each at most once: {", ".join(known)}'
            raise SettingError('--stage', name, expected, where=WHERE)
    return {name: _settings(name, given) for name in args.stage}


def _settings(stage: str, given: dict[str, str]) -> Any:
    kind = plugin('stages', stage).Settings
    own = {
        name.partition('.')[2]: text
        for name, text in given.items()
        if name.partition('.')[0] == stage
    }
    types = {setting.name: setting for setting in settings_of(kind)}
    values = {name: _value(types[name], text) if name in types else text
              for name, text in own.items()}  # fmt: skip
    return build(kind, values, f'--set {stage}')


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition('=')
    if not (sign and '.' in name):
        expected = 'STAGE.SETTING=VALUE, such as cascade.model=face_mesh'
        raise SettingError('--set', text, expected, where=WHERE)
    return name, value


def _value(setting: Setting, text: str) -> Any:
    """Reads a value as the type that a setting has; what is none of that type stays text."""
    items = get_args(setting.type)
    if items:
        return [_read(items[0], item.strip()) for item in _filled(text.split(','))]
    return _read(setting.type, text)


def _filled(texts: Iterable[str]) -> list[str]:
    return [text for text in texts if text.strip()]


def _read(kind: Any, text: str) -> Any:
    readers: dict[Any, Callable[[str], Any]] = {int: int, float: float, bool: _bool}
    try:
        return readers.get(kind, str)(text)
    except ValueError:
        return text


def _bool(text: str) -> bool:
    if text.lower() not in ('true', 'false'):
        raise ValueError(text)
    return text.lower() == 'true'
