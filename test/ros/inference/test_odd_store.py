"""One odd file in a store, or in the state directory, harms only itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from inference_processes import value
from odd_files import KINDS, put_odd
from swapping_nodes import SwappingNode, copy_version, write_good_models

VERSIONS = {kind: 11 + number for number, kind in enumerate(KINDS)}


@pytest.fixture(scope='module')
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('store')
    write_good_models(folder)
    for kind, version in VERSIONS.items():
        put_odd(copy_version(folder, 1, version) / 'manifest.yaml', kind)
        put_odd(folder / 'other' / str(version) / 'manifest.yaml', kind)
    (folder / 'bool/1').mkdir(parents=True)
    (folder / 'bool/1/manifest.yaml').write_text('a: !!bool maybe\n')
    return folder


@pytest.fixture
def serving(running: SwappingNode, tmp_path: Path) -> SwappingNode:
    """A node that serves m@1, whatever lies in its store."""
    running.serve(model='m@1', state_dir=str(tmp_path / 'state'))
    return running


def test_a_report_tells_of_the_odd_folders_and_of_the_good_ones(serving: SwappingNode) -> None:
    assert value(serving.wait_for_serving('m@1'), 'problem') == ''
    assert serving.version('m@1').message == 'serving'
    assert 'tags are not supported' in serving.version('bool@1').message
    for version in VERSIONS.values():
        assert 'manifest.yaml' in serving.version(f'm@{version}').message


@pytest.mark.parametrize('kind', KINDS)
def test_an_odd_state_file_is_replaced_by_a_default(
    running: SwappingNode, kind: str, tmp_path: Path
) -> None:
    name = running.name.replace('/', '%2F')
    put_odd(tmp_path / 'state/nodes' / f'{name}.json', kind)
    put_odd(tmp_path / 'state/models/m.json', kind)
    running.serve(model='m@1', state_dir=str(tmp_path / 'state'))
    summary = running.wait_for_problem(f'nodes/{name}.json')  # what it held is not used
    assert value(summary, 'serving') == 'm@1'


@pytest.mark.parametrize(
    ('reference', 'reason'),
    [
        *((f'm@{version}', 'manifest.yaml') for version in VERSIONS.values()),
        ('bool@1', 'tags are not supported'),
        ('m@' + '1' * 5000, 'model'),
        ('m' * 5000, 'model'),
        ('m@1\ud7ff\x1b[2J', "'model' is not valid"),
    ],
)
def test_a_request_for_what_cannot_be_read_is_refused_with_its_reason(
    serving: SwappingNode, reference: str, reason: str
) -> None:
    result = serving.set_model(reference)  # would fail for an answer without a result
    assert not result.successful
    assert reason in result.reason
