"""Statuses of nodes as the fleet's tests need them."""

from __future__ import annotations

from ml_integration.core.findings import Level
from ml_integration.fleet.status import Report, Status

SECOND = 1_000_000_000
STAGES = ('wait', 'decode', 'infer', 'my stage', 'total')


def detector(
    name: str = 'detector',
    level: Level = Level.OK,
    received: int = 100,
    dropped: int = 0,
    total_ms: float = 20.0,
) -> tuple[Status, ...]:
    """The statuses of one of our nodes, with a stage that is not ours."""
    model = {'state': 'active', 'model': 'shapes@2', 'sha256': 'ab' * 32, 'provider': 'CPU'}
    latency = {
        f'{stage} {share} [ms]': f'{total_ms * part * times:.2f}'
        for stage, part in zip(STAGES, (0.1, 0.0, 0.7, 0.2, 1.0), strict=True)
        for share, times in (('p50', 1.0), ('p95', 1.5), ('p99', 2.0))
    }
    drops = {'received': f'{received}', 'displaced': f'{dropped}', 'stale': '0'}
    values = {
        'model': model,
        'input': {'front: age p50 [ms]': '31.0', 'rear: age p50 [ms]': '42.0'},
        'latency': latency,
        'drops': drops,
        'results': {'published': '90', 'invalid': '7', 'rate [Hz]': '9.50'},
        'errors': {'failed': '3'},
        'resources': {'cpu [%]': '55.5', 'rss [MB]': '210'},
    }  # fmt: skip
    return tuple(
        Status(f'{name}: {concern}', level if concern == 'drops' else Level.OK,
               f'{concern} of {name}', f'/{name}', found)
        for concern, found in values.items()
    )  # fmt: skip


def foreign(name: str = 'usb_cam', level: Level = Level.WARN) -> tuple[Status, ...]:
    """The statuses of a node that uses diagnostic_updater."""
    values = {'Actual frequency (Hz)': '12.30', 'Target frequency (Hz)': '30.0'}
    return (Status(f'{name}: Camera status', level, 'Frequency too low.', 'usb', values),)


def report(*statuses: Status, at_s: float = 0.0) -> Report:
    """One message, `at_s` after the beginning of time."""
    return Report(round(at_s * SECOND), statuses)


def unoptimized(name: str = 'detector') -> Status:
    """What a node says of a model whose graph is not optimized: there is something to gain."""
    return Status(f'{name}: model', Level.OK, '', '', {'graph optimization': 'basic'})
