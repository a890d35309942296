"""Reads, checks and writes `inputs:` and `trigger:` of a manifest."""

from __future__ import annotations

import difflib
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ml_integration.core.datatypes import TensorSpec
from ml_integration.core.inputs import (
    ConstantInput,
    KeepRule,
    KeepSpec,
    ModelInput,
    SensorInput,
    SizeInput,
    StateInput,
    Trigger,
)
from ml_integration.errors import ManifestError

PICTURES = 'image'
"""The kind of input that has a size which another input can tell."""


def read_spec(item: Mapping[str, Any]) -> TensorSpec:
    """Reads the tensor of an entry that gives dtype and shape."""
    shape = tuple(None if size is None else int(size) for size in item['shape'])
    return TensorSpec(item['tensor'], item['dtype'], shape)


def read_inputs(document: Mapping[str, Any], file: Path) -> tuple[tuple[ModelInput, ...], Trigger]:
    """Reads the sources of the input tensors and the trigger of a run.

    Args:
        document: a manifest that follows the schema.
        file: where it comes from, for errors.

    Raises:
        ManifestError: a number is not finite, a name is there twice or refers to nothing, or what
            inputs keep does not fit what starts a run.
    """
    inputs = tuple(
        _read_input(item, f'inputs.{number}', file)
        for number, item in enumerate(document['inputs'])
    )
    sensors = {item.tensor: item for item in inputs if isinstance(item, SensorInput)}
    check_unique([item.tensor for item in inputs], 'inputs', file)
    check_unique([item.topic for item in sensors.values()], 'inputs.topic', file)
    if not sensors:
        names = ', '.join(item.tensor for item in inputs)
        hint = 'Say of at least one which kind of messages fills it, and on which topic.'
        raise ManifestError(file, 'inputs', names, 'an input with a kind', hint)
    trigger = _read_trigger(document.get('trigger'), sensors, file)
    results = [item['tensor'] for item in document['outputs']]
    pictures = [name for name, item in sensors.items() if item.kind == PICTURES]
    for number, item in enumerate(inputs):
        key = f'inputs.{number}'
        match item:
            case SensorInput():
                _check_keep(item, trigger, f'{key}.keep', file)
            case StateInput():
                _check_name(item.state_of, results, f'{key}.state_of', 'outputs', file)
            case SizeInput():
                of_what = f'inputs of kind {PICTURES}'
                _check_name(item.size_of, pictures, f'{key}.size_of', of_what, file)
    return inputs, trigger


def check_unique(names: Sequence[str], key: str, file: Path) -> None:
    """Raises ManifestError when a name is there twice."""
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ManifestError(file, key, twice[0], 'each name once')


def input_document(item: ModelInput) -> dict[str, Any]:
    """Returns an entry of `inputs:` as plain data, which `read_inputs` reads again."""
    match item:
        case StateInput():
            return {'tensor': item.tensor, 'state_of': item.state_of}
        case ConstantInput():
            return {'tensor': item.tensor, 'constant': item.value}
        case SizeInput():
            return {'tensor': item.tensor, 'size_of': item.size_of, 'order': item.order}
    document: dict[str, Any] = {
        'tensor': item.tensor,
        'kind': item.kind,
        'topic': item.topic,
        **tensor_document(item.spec),
    }
    if item.keep.rule is not KeepRule.NEWEST:
        document['keep'] = keep_document(item.keep)
    if item.encode:
        document['encode'] = dict(item.encode)
    return document


def tensor_document(spec: TensorSpec) -> dict[str, Any]:
    """Returns an entry of `outputs:`: name, dtype and shape of a tensor."""
    return {'tensor': spec.name, 'dtype': spec.dtype, 'shape': list(spec.shape)}


def keep_document(keep: KeepSpec) -> dict[str, float]:
    """Returns `keep:` of an input as plain data; empty for the input that starts runs."""
    return {} if keep.rule is KeepRule.NEWEST else {keep.rule.value: keep.limit_ms}


def finite(value: float, key: str, file: Path) -> float:
    """Checks a number of YAML, which may also be .nan, .inf or too long for a float.

    Raises:
        ManifestError: it is one of those.
    """
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ManifestError(file, key, number, 'a finite number')
    return number


def _read_input(item: Mapping[str, Any], key: str, file: Path) -> ModelInput:
    match item:
        case {'state_of': output}:
            return StateInput(item['tensor'], output)
        case {'constant': value}:
            return ConstantInput(item['tensor'], finite(value, f'{key}.constant', file))
        case {'size_of': picture}:
            return SizeInput(item['tensor'], picture, item.get('order', 'hw'))
    keep = _read_keep(item.get('keep', {}), f'{key}.keep', file)
    encode = MappingProxyType(item.get('encode', {}))
    return SensorInput(read_spec(item), item['kind'], item['topic'], keep, encode)


def _read_keep(keep: Mapping[str, Any], key: str, file: Path) -> KeepSpec:
    for rule, limit_ms in keep.items():
        return KeepSpec(KeepRule(rule), finite(limit_ms, f'{key}.{rule}', file))
    return KeepSpec()


def _read_trigger(
    trigger: str | Mapping[str, Any] | None, sensors: Mapping[str, SensorInput], file: Path
) -> Trigger:
    """Reads `trigger:`; if it is left out, takes the only input that has no `keep:`."""
    if isinstance(trigger, str):
        _check_name(trigger, [*sensors], 'trigger', 'inputs with a kind', file)
        return Trigger(trigger)
    if trigger is not None:
        return Trigger(rate_hz=finite(trigger['rate_hz'], 'trigger.rate_hz', file))
    newest = [name for name, item in sensors.items() if item.keep.rule is KeepRule.NEWEST]
    if len(newest) > 1:
        expected = f'one of {", ".join(newest)}'
        hint = 'Name the input whose messages start a run, and give a keep to the others.'
        raise ManifestError(file, 'trigger', None, expected, hint)
    if not newest:
        expected = f'one of {", ".join(sensors)}, or {{rate_hz: ...}}'
        hint = 'Name the input whose messages start a run, which has no keep, or say a rate.'
        raise ManifestError(file, 'trigger', None, expected, hint)
    return Trigger(newest[0])


def _check_name(name: str, known: Sequence[str], key: str, of_what: str, file: Path) -> None:
    if name in known:
        return
    close = difflib.get_close_matches(name, known, n=1)
    expected = f'one of the {of_what}: {", ".join(known) or "there are none"}'
    hint = f"Did you mean '{close[0]}'?" if close else ''
    raise ManifestError(file, key, name, expected, hint)


def _check_keep(item: SensorInput, trigger: Trigger, key: str, file: Path) -> None:
    rule, got = item.keep.rule, keep_document(item.keep) or None
    if item.tensor == trigger.tensor:
        if rule is not KeepRule.NEWEST:
            hint = f"'{item.tensor}' is the trigger: each of its messages starts a run."
            raise ManifestError(file, key, got, 'no keep', hint)
    elif trigger.rate_hz:
        if rule not in (KeepRule.LATEST, KeepRule.WINDOW):
            hint = 'A clock starts the runs: no message is the newest one or nearest to another.'
            raise ManifestError(file, key, got, 'latest_ms or window_ms', hint)
    elif rule is KeepRule.NEWEST:
        expected = 'one of nearest_ms, latest_ms and window_ms'
        hint = f"Only the trigger, '{trigger.tensor}', goes without."
        raise ManifestError(file, key, got, expected, hint)
