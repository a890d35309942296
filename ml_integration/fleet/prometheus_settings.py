"""Settings of what Prometheus reads, without what serves it."""

from __future__ import annotations

from dataclasses import dataclass

from ml_integration.core.declaration import declared


@dataclass(frozen=True, slots=True)
class PrometheusSettings:
    """Where Prometheus gets its metrics."""

    port: int = declared(
        0,
        'TCP port with the metrics for Prometheus, on /metrics; 0: none.',
        ge=0,
        le=65535,
        at_configure=True,
    )
    address: str = declared(
        '127.0.0.1',
        'Address on which it listens; 0.0.0.0: every network, without any password.',
        at_configure=True,
    )
