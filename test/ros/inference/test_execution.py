"""What executes a model, what is kept for the next start, and what is said about both."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from inference_processes import GREEN, NodeUnderTest, image_message, running_node, squares, value
from model_folders import write_model_folder
from ros_client import Client
from ros_processes import wait_until

from ml_integration.backends.onnx_runtime import OnnxRuntime
from ml_integration.backends.onnx_runtime.options import CPU, CUDA, TENSORRT

here = OnnxRuntime().available()


def entries(cache: Path) -> list[Path]:
    """Those that are complete."""
    return [file for file in cache.glob('*') if not file.name.startswith('.')]


@pytest.fixture(scope='module')
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('store')
    write_model_folder(folder, 'tiny')
    return folder


@pytest.fixture(scope='module')
def running(
    store: Path, ros_domain: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[NodeUnderTest]:
    folder = tmp_path_factory.mktemp('log')
    parameters = {'model_path': store, 'model': 'tiny', 'deadline_ms': 0}
    with (
        closing(Client()) as client,
        running_node(folder, client, name='/robot/eye', **parameters) as node,
    ):
        yield node


@pytest.fixture
def node(running: NodeUnderTest, tmp_path: Path) -> NodeUnderTest:
    running.unconfigure()
    settings = {'execution.providers': [CPU], 'execution.require_provider': False}
    for name, setting in {**settings, 'state_dir': str(tmp_path / 'state')}.items():
        assert running.client.set_parameter(running.name, name, setting).successful
    return running


def set_providers(node: NodeUnderTest, *providers: str) -> None:
    name = 'execution.providers'
    assert node.client.set_parameter(node.name, name, list(providers)).successful


@pytest.mark.parametrize('provider', [CUDA, TENSORRT, 'NoSuchExecutionProvider'])
def test_a_provider_that_is_not_here_makes_the_node_warn_and_serve_on_the_cpu(
    provider: str, node: NodeUnderTest
) -> None:
    if provider in here:
        pytest.skip(f'{provider} is here: what this test is about cannot be seen')
    set_providers(node, provider)
    node.serve()
    node.ask(image_message(squares(GREEN)))
    status = node.status('model')
    assert status.level == DiagnosticStatus.WARN
    sentence = f"provider '{provider}' cannot be used, '{CPU}' is: here are: "
    assert sentence in status.message
    assert value(status, 'provider') == CPU
    warnings = [line for line in node.process.log.splitlines() if '[WARN]' in line]
    assert any(sentence in line for line in warnings)


def test_a_required_provider_that_is_not_here_is_refused(node: NodeUnderTest) -> None:
    set_providers(node, 'NoSuchExecutionProvider', CPU)
    node.client.set_parameter(node.name, 'execution.require_provider', True)
    assert not node.change('configure')
    assert "provider 'NoSuchExecutionProvider' cannot be used" in node.process.log


def test_the_optimized_model_is_kept_and_a_spoiled_one_made_anew_and_said_once(
    node: NodeUnderTest, tmp_path: Path
) -> None:
    cache = tmp_path / 'state/cache'
    node.serve()
    wait_until(lambda: entries(cache), 'an entry of the cache')
    (entry,) = entries(cache)
    good = entry.read_bytes()
    assert value(node.status('model'), 'from cache') == 'no'
    node.serve()
    assert value(node.status('model'), 'from cache') == 'yes'
    assert 'this entry of the cache is not used' not in node.process.log
    entry.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    for _ in range(2):
        node.serve()
        node.ask(image_message(squares(GREEN)))
    wait_until(lambda: entries(cache), 'the entry made anew')
    assert entry.read_bytes() == good
    assert node.process.log.count('this entry of the cache is not used and made anew') == 1


def test_nothing_of_the_cache_is_used_where_others_may_write(
    node: NodeUnderTest, tmp_path: Path
) -> None:
    node.serve()
    wait_until(lambda: entries(tmp_path / 'state/cache'), 'an entry of the cache')
    (tmp_path / 'state').chmod(0o775)
    node.serve()
    assert value(node.status('model'), 'from cache') == 'no'
    assert f'{tmp_path}/state: no optimized models are kept or used, as others' in node.process.log


def test_where_the_state_cannot_be_written_the_node_serves_without_a_cache(
    node: NodeUnderTest, tmp_path: Path
) -> None:
    (tmp_path / 'state').write_text('a file where the folder should be')
    node.serve()
    node.ask(image_message(squares(GREEN)))
