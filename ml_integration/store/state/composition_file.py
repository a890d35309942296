"""The file that says which nodes run together in one process."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from ml_integration.errors import SettingError
from ml_integration.store.files import in_words, read_named_file
from ml_integration.store.package.plain_yaml import LARGEST, load_yaml

LOG_LEVELS = ('', 'debug', 'info', 'warn', 'error', 'fatal')
SCALARS = (bool, int, float, str)


@dataclass(frozen=True, slots=True)
class NodeEntry:
    """A node of a composition.

    Attributes:
        plugin: the component, such as 'ml_integration::InferenceNode'.
        name: the node's name; empty: the one that it gives itself.
        namespace: the node's namespace; empty: that of the process.
        parameters: values by parameter, dotted where they are nested.
        remappings: new names by name.
        log_level: 'debug', 'info', 'warn', 'error' or 'fatal'; empty: that of the process.
        intra_process: whether messages may be handed over inside the process.
    """

    plugin: str
    name: str = ''
    namespace: str = ''
    parameters: Mapping[str, Any] = field(default_factory=dict)
    remappings: Mapping[str, str] = field(default_factory=dict)
    log_level: str = ''
    intra_process: bool = False


KEYS = tuple(item.name for item in fields(NodeEntry))


def read_composition(file: Path) -> tuple[NodeEntry, ...]:
    """Reads the nodes in the order of the file.

    Raises:
        SettingError: the file cannot be read, or one of its keys is wrong.
    """
    where = str(file)
    try:
        data = read_named_file(file, LARGEST)
    except (OSError, ValueError) as error:
        what = f'it cannot be read: {in_words(error)}'
        raise SettingError('file', '', '', where=where, what=what) from error
    document = load_yaml(data, file)
    if not isinstance(document, dict) or set(document) != {'nodes'}:
        keys = map(str, document if isinstance(document, dict) else ())
        close = difflib.get_close_matches('nodes', keys, n=1)
        hint = f"Did you mean 'nodes' by '{close[0]}'?" if close and close != ['nodes'] else ''
        what = "it has to have the one key 'nodes', with a list of nodes below it"
        if document is None:
            what = f'it is empty; {what}'
        elif isinstance(document, dict):
            what += f', and has {", ".join(map(repr, document))}'
        raise SettingError('file', document or '', '', where=where, hint=hint, what=what)
    entries = document['nodes']
    if not isinstance(entries, list) or not entries:
        raise SettingError('nodes', entries, 'a list of at least one node', where=where)
    return tuple(_entry(entry, f'nodes.{number}', where) for number, entry in enumerate(entries))


def _entry(entry: Any, key: str, where: str) -> NodeEntry:
    if not isinstance(entry, dict):
        raise SettingError(key, entry, f'a mapping with {", ".join(KEYS)}', where=where)
    for name, value in entry.items():
        if name not in KEYS:
            close = difflib.get_close_matches(str(name), KEYS, n=1)
            hint = f"Did you mean '{close[0]}'?" if close else ''
            expected = f'one of {", ".join(KEYS)}'
            raise SettingError(f'{key}.{name}', value, expected, where=where, hint=hint)
    level = _text(entry.get('log_level', ''), f'{key}.log_level', where)
    if level not in LOG_LEVELS:
        expected = f'one of {", ".join(LOG_LEVELS[1:])}'
        raise SettingError(f'{key}.log_level', level, expected, where=where)
    intra_process = entry.get('intra_process', False)
    if not isinstance(intra_process, bool):
        raise SettingError(f'{key}.intra_process', intra_process, 'true or false', where=where)
    return NodeEntry(
        plugin=_text(entry.get('plugin'), f'{key}.plugin', where),
        name=_text(entry.get('name', ''), f'{key}.name', where),
        namespace=_text(entry.get('namespace', ''), f'{key}.namespace', where),
        parameters=_parameters(entry.get('parameters', {}), f'{key}.parameters', where),
        remappings=_remappings(entry.get('remappings', {}), f'{key}.remappings', where),
        log_level=level,
        intra_process=intra_process,
    )


def _text(value: Any, key: str, where: str) -> str:
    if not isinstance(value, str):
        raise SettingError(key, value, 'text', where=where)
    return value


def _remappings(values: Any, key: str, where: str) -> dict[str, str]:
    if not isinstance(values, dict):
        raise SettingError(key, values, 'a mapping from names to names', where=where)
    return {str(name): _text(value, f'{key}.{name}', where) for name, value in values.items()}


def _parameters(values: Any, key: str, where: str) -> dict[str, Any]:
    if not isinstance(values, dict):
        raise SettingError(key, values, 'a mapping from parameters to values', where=where)
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            nested = _parameters(value, f'{key}.{name}', where)
            flat.update({f'{name}.{inner}': item for inner, item in nested.items()})
        elif _is_parameter(value):
            flat[str(name)] = value
        else:
            expected = 'a bool, a number, text, or a list of one of these'
            raise SettingError(f'{key}.{name}', value, expected, where=where)
    return flat


def _is_parameter(value: Any) -> bool:
    if isinstance(value, list):
        return len({type(item) for item in value}) <= 1 and all(
            isinstance(item, SCALARS) for item in value
        )
    return isinstance(value, SCALARS)
