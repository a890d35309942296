"""The monitor as a process, over real DDS, with nodes of any kind around it."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from inference_processes import GREEN, image_message, squares
from ros_client import Client, Collected
from ros_processes import Process, wait_until
from sensor_msgs.msg import Image

from ml_integration.fleet.fleet_findings import CONCERNS
from ml_integration.ros.messages.diagnostic_numbers import numbers, statuses_of
from ml_integration.ros.node import qos

MODULE = 'ml_integration.ros.monitoring.performance_monitor'
NAME = '/performance_monitor'
Start = Callable[..., Process]


@pytest.fixture
def start(spawn: Callable[..., Process], tmp_path: Path) -> Start:
    """Starts an active monitor with parameters; `__` stands for a dot."""

    def run(**parameters: object) -> Process:
        given = {'autostart': 'true', 'state_dir': tmp_path / 'state', **parameters}
        pairs = [f'{name.replace("__", ".")}:={item}' for name, item in given.items()]
        return spawn('-m', MODULE, '--ros-args', *(p for pair in pairs for p in ('-p', pair)))

    return run


@pytest.fixture
def driver(client_node: Client) -> Iterator[Callable[[bytes], None]]:
    """A node that is not ours says how it is, ten times a second; the call changes its level."""
    publisher = client_node.node.create_publisher(DiagnosticArray, '/diagnostics', 10)
    level = [DiagnosticStatus.OK]

    def tell() -> None:
        values = [KeyValue(key='Events since startup', value='7')]
        status = DiagnosticStatus(name='lidar: scan', level=level[0], values=values)
        publisher.publish(DiagnosticArray(status=[status]))

    timer = client_node.node.create_timer(0.1, tell)
    yield lambda new: level.__setitem__(0, new)
    client_node.node.destroy_timer(timer)


def summaries(client: Client) -> Collected[Any]:
    collected: Collected[Any] = Collected(f'{NAME}/summary')
    client.node.create_subscription(
        DiagnosticArray, f'{NAME}/summary', collected.messages.append, qos.latched()
    )
    return collected


def of(message: DiagnosticArray, name: str) -> DiagnosticStatus | None:
    return next((one for one in message.status if one.name == name), None)


def available(message: DiagnosticArray, name: str) -> float:
    status = of(message, name)
    return numbers(status).get('available 1 h [%]', -1.0) if status else -1.0


def test_the_fleet_is_told_and_survives_a_kill(
    start: Start, client_node: Client, driver: Callable[[bytes], None], tmp_path: Path
) -> None:
    told = client_node.collect(DiagnosticArray, '/diagnostics')
    process = start(availability__write_period_s=1.0)
    heard = summaries(client_node)
    heard.wait_for(lambda message: available(message, 'lidar') == 100.0, 'an available lidar')
    own = told.wait_for(
        lambda message: len(statuses_of(message, NAME)) == len(CONCERNS), 'its statuses'
    )
    names = [f'performance_monitor: {concern}' for concern in CONCERNS]
    assert [status.name for status in own.status] == names
    driver(DiagnosticStatus.ERROR)
    worse = heard.wait_for(lambda m: 0 < available(m, 'lidar') < 100, 'a lidar with an error')
    assert worse.status[0].name == 'total'
    file = tmp_path / 'state/fleet/%2Fperformance_monitor.json'
    wait_until(lambda: file.exists() and b'"lidar"' in file.read_bytes(), 'the kept availability')
    before = file.read_bytes()
    wait_until(lambda: file.read_bytes() != before, 'a later one')
    process.send(signal.SIGKILL)
    process.wait()
    driver(DiagnosticStatus.OK)
    start()
    again = summaries(client_node)
    first = again.wait_for(lambda message: of(message, 'lidar'), 'a summary of the new process')
    assert 0 < available(first, 'lidar') < 100


def test_a_node_that_falls_silent_is_stale_and_one_that_is_off_on_purpose_is_not(
    start: Start, client_node: Client
) -> None:
    start()
    heard = summaries(client_node)
    publisher = client_node.publisher(DiagnosticArray, '/diagnostics')
    state = [KeyValue(key='state', value='inactive'), KeyValue(key='loading', value='')]

    def say(*names: str) -> None:
        values = {'eye: model': state}
        statuses = [DiagnosticStatus(name=name, values=values.get(name, [])) for name in names]
        publisher.publish(DiagnosticArray(status=statuses))

    def both() -> bool:
        say('eye: model', 'gps')
        return bool(heard.messages) and of(heard.messages[-1], 'gps') is not None

    wait_until(both, 'both')

    def stale() -> bool:
        say('eye: model')
        status = of(heard.messages[-1], 'gps')
        return status is not None and status.level == DiagnosticStatus.STALE

    wait_until(stale, 'a silent gps')
    eye = of(heard.messages[-1], 'eye')
    assert eye is not None
    assert eye.level == DiagnosticStatus.OK
    assert {item.key: item.value for item in eye.values}['counts as'] == 'not meant to work'


def free_port() -> int:
    with socket.socket() as one:
        one.bind(('127.0.0.1', 0))
        port: int = one.getsockname()[1]
        return port


@pytest.mark.skipif(shutil.which('prometheus') is None, reason='apt-get install prometheus')
def test_a_real_prometheus_scrapes_a_real_node(
    start: Start, spawn: Callable[..., Process], client_node: Client, store: Path,
    model_folder: Callable[..., Path], tmp_path: Path,
) -> None:  # fmt: skip
    model_folder()
    port, own = free_port(), free_port()
    start(prometheus__port=port)
    node = ('model:=tiny_detector', f'model_path:={store}', 'autostart:=true', 'deadline_ms:=0.0')
    arguments = [part for one in node for part in ('-p', one)]
    spawn('-m', 'ml_integration.ros.inference.inference_node', '--ros-args', *arguments)
    config = tmp_path / 'prometheus.yml'
    target = f'targets: ["127.0.0.1:{port}"]'
    config.write_text(
        'global: {scrape_interval: 1s, scrape_timeout: 1s}\n'
        f'scrape_configs: [{{job_name: robot, static_configs: [{{{target}}}]}}]\n'
    )
    spawn(
        'prometheus', f'--config.file={config}', f'--storage.tsdb.path={tmp_path / "data"}',
        f'--web.listen-address=127.0.0.1:{own}',
    )  # fmt: skip
    camera = client_node.publisher(Image, '/image')
    picture = image_message(squares(GREEN))

    def asked(query: str) -> float:
        camera.publish(picture)
        text = urllib.parse.urlencode({'query': query})
        try:
            with urllib.request.urlopen(f'http://127.0.0.1:{own}/api/v1/query?{text}') as answer:
                found = json.load(answer)['data']['result']
        except OSError:  # it is not up yet
            return 0.0
        return float(found[0]['value'][1]) if found else 0.0

    of = '{node="inference_node"}'
    wait_until(lambda: asked(f'ml_integration_results_published_total{of}') >= 1, 'a result')
    assert asked(f'ml_integration_model_info{of}') == 1
    buckets = f'ml_integration_frame_duration_seconds_bucket{of}'
    wait_until(lambda: 0 < asked(f'histogram_quantile(0.5, {buckets})') <= 0.5, 'a median')
    assert client_node.change_state(NAME, 'deactivate')
    with pytest.raises(OSError, match='refused'):
        urllib.request.urlopen(f'http://127.0.0.1:{port}/metrics')
