"""Fixtures for tests over real DDS: a domain of their own, real processes and a client node."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from ros_client import Client
from ros_processes import Process, own_domain

from ml_integration.store.state.places import share_folder

PROFILE = (share_folder() or Path(__file__).parents[2]) / 'config/fastdds_large_messages.xml'


@pytest.fixture(scope='session')
def ros_domain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """This test process talks to its own children only; returns its ROS_DOMAIN_ID."""
    state = tmp_path_factory.mktemp('state')
    with own_domain() as domain, pytest.MonkeyPatch.context() as patch:
        patch.setenv('ROS_DOMAIN_ID', str(domain))
        patch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
        patch.setenv('ML_INTEGRATION_STATE_DIR', str(state))
        patch.setenv('FASTRTPS_DEFAULT_PROFILES_FILE', str(PROFILE))
        patch.setenv('FASTDDS_DEFAULT_PROFILES_FILE', str(PROFILE))
        yield domain


@pytest.fixture
def spawn(ros_domain: int, tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Starts processes that end with the test.

    `spawn('-m', 'ml_integration.ros.video.video_player', '--ros-args', '-p', 'loop:=false')` runs
    a module with this Python; anything else is a program. `environment=` adds variables.
    """
    processes: list[Process] = []

    def start(*command: str, environment: Mapping[str, str] | None = None) -> Process:
        log = tmp_path / f'process_{len(processes)}.log'
        processes.append(Process(command, log, environment))
        return processes[-1]

    yield start
    for process in processes:
        process.end()
        print(f'--- log of process {process.pid}\n{process.log}')  # shown when the test fails


@pytest.fixture
def client_node(ros_domain: int) -> Iterator[Client]:
    """A node of the test's own that calls services and listens."""
    client = Client()
    yield client
    client.close()
