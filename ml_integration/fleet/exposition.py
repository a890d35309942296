"""Serves the metrics of a fleet to Prometheus, over HTTP and on threads of its own."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.registry import Collector

from ml_integration.errors import SettingError
from ml_integration.fleet.fleet import Overview
from ml_integration.fleet.metrics import (
    LONGEST_LABEL,
    PREFIX,
    Metric,
    fleet_metrics,
    node_metrics,
)
from ml_integration.fleet.prometheus_settings import PrometheusSettings

Family = CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily | InfoMetricFamily


class FleetCollector(Collector):
    """Gives the newest overview to a registry of `prometheus_client`.

    Threads of the server read while another one shows: an overview is replaced as a whole.
    """

    def __init__(self) -> None:
        self._shown: tuple[Overview, float] | None = None

    def show(self, overview: Overview, target: float) -> None:
        """Takes an overview and the wanted availability [%]."""
        self._shown = overview, target

    def collect(self) -> Iterator[Family]:
        """Yields the families of metrics, each with the samples of all nodes."""
        if self._shown is None:
            return
        families: dict[str, Family] = {}
        for metric in fleet_metrics(*self._shown):
            _add(metric, (), families)
        for node in self._shown[0].nodes:
            of = (('node', node.name[:LONGEST_LABEL]),)
            for metric in node_metrics(node):
                _add(metric, of, families)
        yield from families.values()


def serve_metrics(
    collector: FleetCollector, settings: PrometheusSettings, where: str, resources: ExitStack
) -> str:
    """Serves metrics until `resources` are closed; returns their URL.

    Args:
        collector: gives them.
        settings: port and address.
        where: the node, for errors.
        resources: is told how to end it.

    Raises:
        SettingError: nothing can listen there, as when another program does.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(collector)
    try:
        server, thread = start_http_server(settings.port, settings.address, registry)
    except OSError as error:
        raise SettingError(
            'prometheus.port', settings.port, 'a port that is free on prometheus.address',
            where=where,
            hint=f'{settings.address}:{settings.port} cannot be listened on: {error.strerror}.',
        ) from error  # fmt: skip

    def stop() -> None:
        server.shutdown()
        server.server_close()
        _join(thread)

    resources.callback(stop)
    host = f'[{settings.address}]' if ':' in settings.address else settings.address
    return f'http://{host}:{settings.port}/metrics'


def _join(thread: threading.Thread) -> None:
    thread.join(2.0)


def _add(metric: Metric, of: Iterable[tuple[str, str]], families: dict[str, Family]) -> None:
    labels = (*of, *metric.labels)
    names, values = [name for name, _ in labels], [value for _, value in labels]
    family = families.get(metric.name)
    if family is None:
        family = families[metric.name] = _family(metric, names)
    if isinstance(family, HistogramMetricFamily):
        family.add_metric(values, list(metric.buckets), sum_value=None)
    elif isinstance(family, InfoMetricFamily):
        family.add_metric([], dict(labels))
    else:
        family.add_metric(values, metric.value)


def _family(metric: Metric, names: list[str]) -> Family:
    name = PREFIX + metric.name
    match metric.kind:
        case 'counter':
            return CounterMetricFamily(name, metric.text, labels=names)
        case 'gauge':
            return GaugeMetricFamily(name, metric.text, labels=names)
        case 'histogram':
            return HistogramMetricFamily(name, metric.text, labels=names)
    return InfoMetricFamily(name, metric.text, labels=[])
