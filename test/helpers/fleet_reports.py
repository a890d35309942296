"""Reports of nodes as they come on `/diagnostics`."""

from __future__ import annotations

from collections.abc import Mapping

from ml_integration.core.findings import Level
from ml_integration.core.histogram import BUCKETS
from ml_integration.fleet.status import Report, Status


def report(*statuses: Status) -> Report:
    return Report(0, statuses)


def told(name: str, level: Level = Level.OK, **values: object) -> Status:
    """A status; `_` in a key stands for a blank."""
    return of_values(name, {key.replace('_', ' '): item for key, item in values.items()}, level)


def of_values(name: str, values: Mapping[str, object], level: Level = Level.OK) -> Status:
    return Status(name, level, 'a sentence', values={k: str(item) for k, item in values.items()})


def full_node(name: str, streams: int = 1, reasons: int = 1) -> Report:
    """All that an inference node can tell.

    Args:
        name: of the node.
        streams: how many cameras it has.
        reasons: for which results were held back.
    """
    stages = ('wait', 'decode', 'encode', 'infer', 'postprocess', 'validate', 'publish', 'total')
    latency = {f'{stage} {share} [ms]': 4.0 for stage in stages for share in ('p50', 'p95', 'p99')}
    latency |= {
        f'{stage} <= {bound} [ms]': 10 * number
        for stage in (*stages, 'age')
        for number, bound in enumerate(BUCKETS)
    }
    prefixes = [''] if streams == 1 else [f'camera_{number}: ' for number in range(streams)]
    inputs = {f'{of}{key}': 3.0 for of in prefixes for key in ('rate [Hz]', 'messages', 'lost')}
    invalid = {f'invalid: reason_{number}': 1 for number in range(reasons)}
    numbers = 'cpu [%]', 'rss [MB]', 'memory budget [MB]', 'open files', 'temperature [C]', 'pid'
    resources = dict.fromkeys((*numbers, 'uptime [s]', 'threads'), 7.0)
    return report(
        of_values(f'{name}: model', {'state': 'active', 'model': 'coco@4', 'sha256': 'ab' * 32}),
        of_values(f'{name}: latency', latency),
        of_values(f'{name}: input', inputs),
        told(f'{name}: drops', received=100, displaced=3, stale=1),
        of_values(f'{name}: results', {'published': 90, 'invalid': 2, 'rate [Hz]': 9.5} | invalid),
        told(f'{name}: errors', failed=1),
        of_values(f'{name}: resources', resources),
    )
