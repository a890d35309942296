"""Keeps availability on disk, so that it outlives the monitor."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ml_integration.fleet.availability import STEP_S, Ledger, Seconds
from ml_integration.store.files import read_file
from ml_integration.store.state.durable import write_durably

SCHEMA = 1
LARGEST = 64 * 2**20
ASIDE = '.corrupt'


def to_bytes(ledgers: Mapping[str, Ledger]) -> bytes:
    """Writes the seconds of each node as one document."""
    nodes = {
        name: {
            str(number): [round(one.available), round(one.unavailable), round(one.intended)]
            for number, one in ledger.steps.items()
        }
        for name, ledger in ledgers.items()
    }
    document = {'schema': SCHEMA, 'step_s': STEP_S, 'nodes': nodes}
    return json.dumps(document, separators=(',', ':')).encode()


def from_bytes(content: bytes, most_nodes: int) -> dict[str, Ledger]:
    """Reads what `to_bytes` wrote.

    Args:
        content: the document.
        most_nodes: further ones are left out.

    Raises:
        ValueError: it is something else.
    """
    try:
        document = json.loads(content)
        if (document['schema'], document['step_s']) != (SCHEMA, STEP_S):
            raise ValueError(f'it is not a document of schema {SCHEMA}')
        nodes = list(document['nodes'].items())[:most_nodes]
        return {name: Ledger(_steps(steps)) for name, steps in nodes}
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f'it makes no sense: {error!r}') from error


def write(path: Path, content: bytes) -> None:
    """Replaces the file at once.

    Raises:
        StateError: it cannot be written.
    """
    write_durably(path, content)


def read(path: Path, most_nodes: int) -> tuple[dict[str, Ledger], str]:
    """Reads the file; returns what it says, and a sentence if it cannot be used.

    One that makes no sense is set aside, for whoever wants to know.
    """
    try:
        return from_bytes(read_file(path, LARGEST), most_nodes), ''
    except FileNotFoundError:
        return {}, ''
    except OSError as error:
        return {}, f'{path} cannot be read: {error.strerror}; availability begins anew'
    except ValueError as error:
        aside = path.with_name(path.name + ASIDE)
        try:
            path.replace(aside)
        except OSError:
            aside = path
        return {}, f'{path}: {error}; it is kept as {aside.name}, and availability begins anew'


def _steps(steps: Mapping[str, Any]) -> dict[int, Seconds]:
    return {int(number): _seconds(values) for number, values in steps.items()}


def _seconds(values: Any) -> Seconds:
    available, unavailable, intended = map(float, values)
    for one in (available, unavailable, intended):
        if not (math.isfinite(one) and one >= 0):
            raise ValueError(f'{one} is no time')
    return Seconds(available, unavailable, intended)
