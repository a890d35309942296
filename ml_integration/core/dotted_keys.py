"""Keys with dots, such as 'decoder_options.nms', for mappings in mappings, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Returns dotted names as mappings in mappings."""
    found: dict[str, Any] = {}
    for name, value in flat.items():
        *outer, last = name.split('.')
        inner = found
        for part in outer:
            inner = inner.setdefault(part, {})
        inner[last] = value
    return found


def flattened(values: Mapping[str, Any], prefix: str = '') -> dict[str, Any]:
    """Returns mappings in mappings as dotted names."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat.update(flattened(value, f'{prefix}{key}.'))
        else:
            flat[f'{prefix}{key}'] = value
    return flat
