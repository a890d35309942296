"""Reads a manifest's bytes as a document that follows `manifest.schema.json`."""

from __future__ import annotations

import difflib
import json
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema

from ml_integration.errors import ManifestError
from ml_integration.store.package.plain_yaml import load_yaml

SCHEMA = 2
_TYPES = {
    'object': 'a mapping', 'array': 'a list', 'string': 'text', 'integer': 'a whole number',
    'number': 'a number', 'null': 'null',
}  # fmt: skip


def read_document(data: bytes, file: Path) -> dict[str, Any]:
    """Loads YAML safely and checks it against the schema.

    Raises:
        ManifestError: not YAML, or not what the schema asks for.
    """
    document = load_yaml(data, file)
    if isinstance(document, dict):
        _refuse_old(document.get('schema'), file)
    errors = sorted(_validator().iter_errors(document), key=_importance)
    if errors:
        raise _manifest_error(errors[0], file)
    assert isinstance(document, dict)
    return document


def _refuse_old(number: Any, file: Path) -> None:
    if number == 1 and not isinstance(number, bool):
        raise ManifestError(
            file,
            'schema',
            number,
            f'{SCHEMA}: schema 1 is not read any more',
            hint='Make a new manifest with: ml_model inspect model.onnx; or rename in this one '
            'backend: onnx_runtime to format: onnx, licence to license, and of inputs and outputs '
            "name to tensor and sensor to kind, and move settings.preprocess into the input's "
            'encode.',
        )


@cache
def schema() -> dict[str, Any]:
    """The JSON Schema of a manifest."""
    source = resources.files('ml_integration.store.package').joinpath('manifest.schema.json')
    loaded: dict[str, Any] = json.loads(source.read_text(encoding='utf-8'))
    return loaded


@cache
def _validator() -> Any:
    return jsonschema.Draft202012Validator(schema())


def _importance(error: Any) -> tuple[bool, bool, int, int, str]:
    """Ranks an error, the cause first: another schema, then a misspelled key, then the rest."""
    path = error.absolute_path
    return (
        [*path] != ['schema'],
        error.validator != 'additionalProperties',
        len(path),
        len(error.absolute_schema_path),  # what is true of all forms of an input comes first
        error.message,
    )


def _manifest_error(error: Any, file: Path) -> ManifestError:
    path = [str(part) for part in error.absolute_path]
    if error.validator == 'additionalProperties':
        known = error.schema['properties']
        name = next(key for key in error.instance if key not in known)
        close = difflib.get_close_matches(str(name), known, n=1)
        return ManifestError(
            file,
            '.'.join([*path, str(name)]),
            error.instance[name],
            f'one of {", ".join(known)}',
            hint=f"Did you mean '{close[0]}'?" if close else '',
        )
    if error.validator == 'required':
        name = next(key for key in error.validator_value if key not in error.instance)
        text = _description(error.schema['properties'][name])
        key = '.'.join([*path, name])
        return ManifestError(file, key, None, '', text, what=f"'{key}' is missing")
    text = error.schema.get('description', '')
    expected = _expected(error.validator, error.validator_value)
    if not expected:
        expected, text = text[:1].lower() + text[1:].rstrip('.'), ''
    if not path and error.validator == 'type':
        kind = 'it is empty' if error.instance is None else f'it is {_kind(error.instance)}'
        hint = f'ml_model inspect proposes a manifest. {text}'.strip()
        what = f'{kind}, not a mapping of keys to values such as name: shapes'
        return ManifestError(file, 'it', '', '', hint, what=what)
    return ManifestError(file, '.'.join(path) or 'it', error.instance, expected, hint=text)


def _kind(value: Any) -> str:
    return 'a list' if isinstance(value, list) else 'a single value'


def _description(rule: dict[str, Any]) -> str:
    while 'description' not in rule and '$ref' in rule:
        found: Any = schema()
        for part in rule['$ref'].removeprefix('#/').split('/'):
            found = found[part]
        rule = found
    return str(rule.get('description', ''))


def _expected(validator: str, value: Any) -> str:
    """Returns what a rule of JSON Schema asks for, in words; empty for a pattern."""
    if validator == 'type':
        return ' or '.join(_TYPES[name] for name in ([value] if isinstance(value, str) else value))
    words = {
        'enum': f'one of {", ".join(map(str, value))}' if isinstance(value, list) else '',
        'const': str(value),
        'minimum': f'>= {value}',
        'exclusiveMinimum': f'> {value}',
        'maximum': f'<= {value}',
        'maxProperties': f'at most {value}',
        'maxItems': f'at most {value}',
        'maxLength': f'at most {value} characters',
        'pattern': '',  # the description says it better
    }
    return words.get(validator, f'at least {value}')
