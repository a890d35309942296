"""Whoever asks a container for nodes gets no further than its parameters allow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import cv2
import pytest
from container_processes import ContainerUnderTest, running_container, with_odd_components
from inference_processes import RED, squares
from model_folders import write_model_folder
from ros_client import Client
from ros_processes import Process

DETECTOR, PLAYER = 'ml_integration::InferenceNode', 'ml_integration::VideoPlayer'
RUN = 'ml_integration.ros.composition.run'


def write_picture(file: Path) -> str:
    file.parent.mkdir(exist_ok=True)
    cv2.imwrite(str(file), squares(RED))
    return str(file)


@pytest.fixture(scope='module')
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`open` is allowed, `private` is not; links lead from the one to the other."""
    folder = tmp_path_factory.mktemp('disk')
    picture = write_picture(folder / 'private' / 'picture.png')
    write_picture(folder / 'open' / 'picture.png')
    (folder / 'open' / 'link.png').symlink_to(picture)
    (folder / 'open' / 'folder').symlink_to(folder / 'private')
    write_model_folder(folder / 'open' / 'models', 'tiny')
    write_model_folder(folder / 'private' / 'models', 'tiny')
    return folder


@pytest.fixture(scope='module')
def shared(
    folder: Path, ros_domain: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ContainerUnderTest]:
    parameters = {
        'allowed_plugins': '["ml_integration::*", "odd::Startable"]',
        'allowed_folders': f'["{folder}/open"]',
        'integrity': 'digest',
        'swap_authority': 'service',
    }
    log = tmp_path_factory.mktemp('container')
    with (
        closing(Client()) as client,
        running_container(log, client, '/limited', **parameters) as running,
    ):
        yield running


@pytest.fixture
def container(shared: ContainerUnderTest) -> Iterator[ContainerUnderTest]:
    yield shared
    shared.unload_all()
    assert shared.process.returncode is None


def test_only_plug_ins_that_are_allowed_are_loaded(container: ContainerUnderTest) -> None:
    assert container.load('odd::Startable').success
    for plugin in ('odd::Plain', 'odd::NoModule'):  # nothing of it is imported
        answer = container.ask(plugin)
        assert not answer.success
        assert 'allowed_plugins' in answer.error_message
    answer = container.ask('odd::Plain')
    assert "'plugin_name' is not valid; got 'odd::Plain'" in answer.error_message


@pytest.mark.parametrize(
    ('plugin', 'name', 'value'),
    [
        (PLAYER, 'source', '{folder}/private/picture.png'),
        (PLAYER, 'source', '{folder}/private'),
        (PLAYER, 'source', '{folder}/open/../private/picture.png'),
        (PLAYER, 'source', '{folder}/open/link.png'),
        (PLAYER, 'source', '{folder}/open/folder/picture.png'),
        (PLAYER, 'source', '{folder}/openly.png'),  # begins alike
        (PLAYER, 'source', '/dev/video0'),
        (PLAYER, 'source', '~/picture.png'),
        (PLAYER, 'source', 'picture.png'),  # of wherever the container was started
        (DETECTOR, 'model_path', '{folder}/private/models'),
        (DETECTOR, 'model_path', '{folder}/open/models:{folder}/private/models'),
        (DETECTOR, 'state_dir', '/tmp'),
        (DETECTOR, 'trusted_keys_dir', '/etc'),
        (DETECTOR, 'model_key_file', '/etc/passwd'),
    ],
)
def test_no_parameter_leads_out_of_the_folders_neither_at_start_nor_later(
    plugin: str, name: str, value: str, container: ContainerUnderTest, folder: Path
) -> None:
    value = value.format(folder=folder)
    answer = container.ask(plugin, node_name='bad', parameters={name: value})
    assert not answer.success
    assert f"'{name}' is not valid" in answer.error_message
    assert f'a path in {folder}/open' in answer.error_message
    full_name = container.load(plugin, node_name='good').full_node_name
    result = container.client.set_parameter(full_name, name, value)
    assert not result.successful
    assert container.client.parameter(full_name, name) == ''


def test_what_lies_in_the_folders_is_used(container: ContainerUnderTest, folder: Path) -> None:
    source = f'{folder}/open/picture.png'
    parameters = {'source': source, 'rate_hz': 10.0, 'autostart': True}
    container.load(PLAYER, node_name='player', parameters=parameters)
    container.client.wait_for_state('/player', 'active')
    parameters = {'model_path': f'{folder}/open/models', 'model': 'tiny', 'autostart': True}
    container.load(DETECTOR, node_name='eye', parameters=parameters)
    container.client.wait_for_state('/eye', 'active')


@pytest.mark.parametrize(
    ('given', 'integrity', 'authority'),
    [
        ({}, 'digest', 'service'),
        ({'integrity': 'off', 'swap_authority': 'parameter'}, 'digest', 'service'),
        ({'integrity': 'signed', 'swap_authority': 'locked'}, 'signed', 'locked'),  # stricter
    ],
)
def test_integrity_and_authority_are_forced_and_may_be_stricter(
    given: dict[str, Any], integrity: str, authority: str, container: ContainerUnderTest
) -> None:
    container.load(DETECTOR, node_name='eye', parameters=given)
    assert container.client.parameter('/eye', 'integrity') == integrity
    assert container.client.parameter('/eye', 'swap_authority') == authority
    if given.get('integrity') == 'off':
        container.process.wait_for_log('integrity: digest is forced, off was given')


def test_what_is_forced_acts(container: ContainerUnderTest, folder: Path) -> None:
    broken = write_model_folder(folder / 'open' / 'models', 'broken')
    (broken / 'model.onnx').write_bytes(b'something else')
    parameters = {
        'model_path': f'{folder}/open/models',
        'model': 'broken',
        'integrity': 'off',
    }
    container.load(DETECTOR, node_name='eye', parameters=parameters)
    assert not container.client.change_state('/eye', 'configure')
    result = container.client.set_parameter('/eye', 'model_path', f'{folder}/open')
    assert 'swap_authority: service' in result.reason


@pytest.mark.parametrize('name', ['allowed_plugins', 'allowed_folders', 'integrity'])
def test_the_limits_are_fixed_at_start(name: str, container: ContainerUnderTest) -> None:
    value = 'off' if name == 'integrity' else ['/']
    assert not container.client.set_parameter('/limited', name, value).successful


def test_the_nodes_of_a_file_are_trusted_and_later_requests_are_not(
    spawn: Callable[..., Process], client_node: Client, folder: Path, tmp_path: Path
) -> None:
    file = tmp_path / 'composed.yaml'
    file.write_text(
        f'nodes: [{{plugin: "{PLAYER}", name: one, '
        f'parameters: {{source: {folder}/private/picture.png, autostart: true}}}}]'
    )
    environment = with_odd_components(tmp_path)
    process = spawn('-m', RUN, str(file), environment=environment)
    client_node.wait_for_state('/one', 'active')
    container = ContainerUnderTest(process, client_node, '/ml_integration_run')
    for plugin, parameters in (
        ('odd::Plain', {}),
        (PLAYER, {'source': f'{folder}/private/picture.png'}),
    ):
        assert not container.ask(plugin, node_name='two', parameters=parameters).success
    assert container.unload(1).success
    assert container.load(PLAYER, node_name='one').success


def test_a_trusted_node_is_not_led_elsewhere_later(
    spawn: Callable[..., Process], client_node: Client, folder: Path, tmp_path: Path
) -> None:
    file = tmp_path / 'composed.yaml'
    own = f'{folder}/open/picture.png'
    file.write_text(f'nodes: [{{plugin: "{PLAYER}", name: one, parameters: {{source: {own}}}}}]')
    spawn('-m', RUN, str(file))
    private = f'{folder}/private/picture.png'
    assert not client_node.set_parameter('/one', 'source', private).successful
    assert client_node.set_parameter('/one', 'source', own).successful
