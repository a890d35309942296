"""What Prometheus gets: few series, its own conventions, and what the dashboard asks for."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import urllib.request
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest
from fleet_reports import full_node, of_values, report
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from ml_integration.errors import SettingError
from ml_integration.fleet.exposition import FleetCollector, serve_metrics
from ml_integration.fleet.fleet import Fleet
from ml_integration.fleet.metrics import MOST_SERIES
from ml_integration.fleet.prometheus_settings import PrometheusSettings
from ml_integration.fleet.status import Report

ROOT = Path(__file__).parents[2]
DASHBOARDS = sorted((ROOT / 'config/grafana').glob('*.json'))
WALL_S = 1_800_000_000.0
LABELS = {'node', 'model', 'stage', 'stream', 'reason', 'le', 'sha256'}
NAME = re.compile(r'ml_integration_\w+')


def page(*reports: Report) -> str:
    """The answer to a scrape, a second after the reports."""
    fleet = Fleet((1.0, 24.0), 8, 100.0, '/monitor', {}, 0)
    for one in reports:
        fleet.take(one, 0)
    collector = FleetCollector()
    collector.show(fleet.tick(1_000_000_000, WALL_S), 99.5)
    registry = CollectorRegistry()
    registry.register(collector)
    return generate_latest(registry).decode()


def samples(text: str) -> list[tuple[str, dict[str, str], float]]:
    return [
        (one.name, dict(one.labels), float(one.value))
        for family in text_string_to_metric_families(text)
        for one in family.samples
    ]


FULL = page(full_node('robot/eye', streams=9, reasons=30), full_node('robot/ear'))


def test_no_node_has_more_series_than_agreed() -> None:
    of_node = Counter(labels['node'] for _, labels, _ in samples(FULL) if 'node' in labels)
    assert set(of_node) == {'robot/eye', 'robot/ear'}
    assert max(of_node.values()) <= MOST_SERIES
    assert of_node['robot/eye'] > 50  # all that there is was there


def test_labels_are_few_and_the_digest_is_in_the_info_alone() -> None:
    for name, labels, _ in samples(FULL):
        assert labels.keys() <= LABELS
        assert ('sha256' in labels) == (name == 'ml_integration_model_info')


def test_numbers_are_those_of_the_node_in_base_units() -> None:
    known = {
        (name, *sorted(labels.items())): number
        for name, labels, number in samples(page(full_node('eye')))
    }
    node = ('node', 'eye')
    of = 'ml_integration_'
    assert known[f'{of}frames_received_total', node] == 100
    assert known[f'{of}frames_dropped_total', node, ('reason', 'displaced')] == 3
    assert known[f'{of}results_invalid_total', node, ('reason', 'reason_0')] == 1
    assert known[f'{of}process_resident_memory_bytes', node] == 7e6
    assert known[f'{of}process_cpu_ratio', node] == pytest.approx(0.07)
    assert known[f'{of}stage_median_seconds', node, ('stage', 'infer')] == pytest.approx(0.004)
    assert known[f'{of}frame_duration_seconds_bucket', ('le', '0.033'), node] == 50
    assert known[f'{of}frame_age_seconds_bucket', ('le', '+Inf'), node] == 100
    assert known[f'{of}node_available_seconds_total', node] == 1
    assert known[f'{of}fleet_availability_target_ratio',] == pytest.approx(0.995)


def test_others_and_nonsense_have_what_can_be_known() -> None:
    odd = of_values('odd: drops', {'received': 'nan', 'displaced': -1, 'stale': 'x'})
    falling = of_values('odd: latency', {f'total <= {n} [ms]': -n for n in (1, 2, 5)})
    strange = of_values('a"b\\c\nd', {'rate [Hz]': 1e400})
    found = samples(page(report(odd, falling, strange)))
    nodes = {labels['node'] for _, labels, _ in found if 'node' in labels}
    assert nodes == {'odd', 'a"b\\c\nd'}
    assert not [name for name, _, _ in found if 'frames_' in name or 'duration' in name]


def test_a_silent_node_has_no_old_numbers() -> None:
    fleet = Fleet((1.0,), 8, 100.0, '/monitor', {}, 0)
    fleet.take(full_node('eye'), 0)
    collector = FleetCollector()
    collector.show(fleet.tick(6_000_000_000, WALL_S), 99.5)
    found = {sample.name: sample.value for family in collector.collect()
             for sample in family.samples if 'node' in sample.labels}  # fmt: skip
    assert found['ml_integration_node_level'] == 3
    assert not [name for name in found if not name.startswith('ml_integration_node_')]


def test_they_are_served_until_the_end_and_a_port_in_use_is_a_sentence() -> None:
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        settings = PrometheusSettings(free.getsockname()[1])
        free.listen()
        with ExitStack() as nothing, pytest.raises(SettingError, match='Address already in use'):
            serve_metrics(FleetCollector(), settings, '/monitor', nothing)
    for _ in range(2):  # the port is free again
        with ExitStack() as resources:
            url = serve_metrics(FleetCollector(), settings, '/monitor', resources)
            with urllib.request.urlopen(url) as answer:
                assert answer.status == 200
        with pytest.raises(OSError, match='refused'):
            urllib.request.urlopen(url)


def test_promtool_finds_nothing_to_complain_about() -> None:
    promtool = shutil.which('promtool')
    if promtool is None:
        pytest.skip('promtool is missing: apt-get install prometheus')
    done = subprocess.run(
        [promtool, 'check', 'metrics'], input=FULL, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, '')


@pytest.mark.parametrize('file', DASHBOARDS, ids=lambda file: file.name)
def test_the_dashboard_asks_for_what_there_is_and_shows_all_of_it(file: Path) -> None:
    asked = set(NAME.findall(file.read_text()))
    there = {name for name, _, _ in samples(FULL)}
    assert asked == there


@pytest.mark.parametrize('file', DASHBOARDS, ids=lambda file: file.name)
def test_the_dashboard_fits_grafanas_schema(file: Path) -> None:
    """Grafana itself is in no registry that this project may use.

    Its own SDK, generated from its schemas, reads the file into typed objects and writes it
    again. A key, a nesting or a type that no schema of dashboards, panels and Prometheus queries
    has does not come back.
    """
    models = pytest.importorskip('grafana_foundation_sdk.models.dashboard')
    plugins = pytest.importorskip('grafana_foundation_sdk.cog.plugins')
    encoder = pytest.importorskip('grafana_foundation_sdk.cog.encoder')
    plugins.register_default_plugins()
    document = json.loads(file.read_text())
    read = models.Dashboard.from_json(document)
    written = json.loads(encoder.JSONEncoder(sort_keys=True).encode(read))
    assert lost(document, written) == []
    assert lost({**document, 'panels_': []}, written) == ['/panels_']


def lost(wanted: object, got: object, place: str = '') -> list[str]:
    """Places of a document that another one does not have, or has otherwise."""
    if isinstance(wanted, dict) and isinstance(got, dict):
        return [
            one
            for key in wanted
            for one in (lost(wanted[key], got[key], f'{place}/{key}') if key in got
                        else [f'{place}/{key}'])
        ]  # fmt: skip
    if isinstance(wanted, list) and isinstance(got, list) and len(wanted) == len(got):
        pairs = enumerate(zip(wanted, got, strict=True))
        return [one for number, (a, b) in pairs for one in lost(a, b, f'{place}/{number}')]
    return [] if wanted == got else [place]


@pytest.mark.parametrize('file', DASHBOARDS, ids=lambda file: file.name)
def test_no_two_panels_lie_on_each_other(file: Path) -> None:
    cells: Counter[tuple[int, int]] = Counter()
    for panel in json.loads(file.read_text())['panels']:
        at = panel['gridPos']
        assert at['x'] + at['w'] <= 24
        cells.update(
            (x, y)
            for x in range(at['x'], at['x'] + at['w'])
            for y in range(at['y'], at['y'] + at['h'])
        )
    assert set(cells.values()) == {1}
