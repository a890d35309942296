from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from model_folders import write_model_folder
from node_states import node_state

from ml_integration.cli.main import main
from ml_integration.store.state import places
from ml_integration.store.state.model_state import ModelState
from ml_integration.store.state.model_store import ModelStore
from ml_integration.store.state.state_dir import StateDir

Capture = pytest.CaptureFixture[str]
ModelFolder = Callable[..., Path]


@pytest.fixture
def state(state_dir: Path, model_folder: ModelFolder) -> StateDir:
    """The store holds m@1 to m@6: m@5 is active, m@4 previous, /front serves m@2."""
    for version in range(1, 7):
        model_folder('m', version, golden=False)
    state = StateDir(state_dir)
    state.update_model_state('m', lambda _: ModelState(active=5, previous=4))
    state.save_node_state('/front', node_state('m@2', True))
    return state


@pytest.mark.parametrize(
    ('model', 'words'),
    [
        ('m@5', 'it is the active version'),
        ('m@4', 'it is the previous version'),
        ('m@2', 'it serves in /front'),
        ('m@7', "there is no model 'm@7'"),
        ('m', 'expected a version, name@3'),  # not by accident
        ('m@latest', 'expected a version, name@3'),
    ],
)
def test_version_in_use_is_not_removed(
    state: StateDir, store: Path, capsys: Capture, model: str, words: str
) -> None:
    assert main(['remove', model, '--store', str(store)]) == 1
    assert words in capsys.readouterr().err
    assert ModelStore([store]).versions('m') == (1, 2, 3, 4, 5, 6)
    assert state.audit.entries()[-1].result == 'refused'


def test_other_versions_are_removed_also_quarantined_ones(
    state: StateDir, store: Path, capsys: Capture
) -> None:
    state.update_model_state('m', lambda now: now.with_quarantine(3, '', 'x'))
    for model in ('m@3', 'm@6'):
        assert main(['remove', model, '--store', str(store)]) == 0
    assert capsys.readouterr().out == f'removed m@3 from {store}\nremoved m@6 from {store}\n'
    assert ModelStore([store]).versions('m') == (1, 2, 4, 5)


def test_nothing_is_removed_while_the_state_cannot_be_understood(
    state: StateDir, store: Path, state_dir: Path, capsys: Capture
) -> None:
    (state_dir / 'models' / 'm.json').write_text('{')
    for arguments in (['remove', 'm@5'], ['prune', '--keep', '0']):
        (state_dir / 'models' / 'm.json').write_text('{')
        assert main([*arguments, '--store', str(store)]) == 1
        assert 'Look at it, then try again' in capsys.readouterr().err
    assert ModelStore([store]).versions('m') == (1, 2, 3, 4, 5, 6)


def test_prune_keeps_the_newest_and_what_is_in_use(
    state: StateDir, store: Path, model_folder: ModelFolder, capsys: Capture
) -> None:
    model_folder('other', 1, golden=False)
    arguments = ['prune', '--keep', '1', '--store', str(store)]
    assert main([*arguments, '--dry-run']) == 0
    assert capsys.readouterr().out == 'would remove m@1, m@3\n'
    assert ModelStore([store]).versions('m') == (1, 2, 3, 4, 5, 6)
    assert main([*arguments, '--json', 'm']) == 0
    assert json.loads(capsys.readouterr().out) == {'removed': ['m@1', 'm@3'], 'dry_run': False}
    assert ModelStore([store]).versions('m') == (2, 4, 5, 6)
    assert ModelStore([store]).versions('other') == (1,)
    assert state.audit.entries()[-1].reason == 'removed m@1, m@3'
    assert main(arguments) == 0
    assert capsys.readouterr().out == 'removed nothing\n'


def test_prune_takes_no_negative_number_and_touches_no_shipped_models(
    state: StateDir, store: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(['prune', '--keep', '-1', '--store', str(store)]) == 1
    assert "'--keep' is not valid; got -1" in capsys.readouterr().err
    monkeypatch.setenv('ML_INTEGRATION_STORES', str(store))
    assert main(['prune', '--keep', '0']) == 0
    assert ModelStore([store]).versions('m') == (1, 2, 3, 4, 5, 6)


@pytest.fixture
def shipped(tmp_path: Path, model_folder: ModelFolder, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store that came with the package, with m@1 to m@3; the user has no own store yet."""
    for version in (1, 2, 3):
        model_folder('m', version, golden=False)
    store = tmp_path / 'store'
    monkeypatch.setattr(places, '_shipped', lambda package: (store,))
    return store


@pytest.mark.parametrize(
    'arguments',
    [
        ['remove', 'm@1'],
        ['remove', 'm@1', '--store', '{shipped}'],
        ['remove', 'm@1', '--store', '{link}'],
        ['remove', 'm@1', '--store', '{linked_name}'],
        ['prune', '--keep', '0'],
        ['prune', '--keep', '0', '--store', '{shipped}'],
        ['prune', '--keep', '0', 'm', '--store', '{link}'],
        ['prune', '--keep', '0', '--store', '{linked_name}'],
    ],
    ids=' '.join,
)
def test_what_came_with_the_package_is_never_removed(
    shipped: Path, tmp_path: Path, capsys: Capture, arguments: list[str]
) -> None:
    link, other = tmp_path / 'link', tmp_path / 'other'
    link.symlink_to(shipped)
    other.mkdir()
    (other / 'm').symlink_to(shipped / 'm')
    words = [a.format(shipped=shipped, link=link, linked_name=other) for a in arguments]
    status = main(words)
    out, errors = capsys.readouterr()
    if words[0] == 'prune':
        assert (status, out) == (0, 'removed nothing\n')
    else:
        assert status == 1 and 'it came with the package and is never removed' in errors
    assert ModelStore([shipped]).versions('m') == (1, 2, 3)


def test_removing_means_the_users_own_store(
    shipped: Path, tmp_path: Path, model_folder: ModelFolder, capsys: Capture
) -> None:
    own = tmp_path / 'data/ml_integration/models'
    write_model_folder(own, 'm', 1, golden=False)
    assert main(['remove', 'm@1']) == 0
    assert capsys.readouterr().out == f'removed m@1 from {own}\n'
    assert ModelStore([shipped]).versions('m') == (1, 2, 3)


def test_another_store_has_to_be_named(
    tmp_path: Path, model_folder: ModelFolder, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = model_folder('m', 1, golden=False)
    store = folder.parents[1]
    monkeypatch.setenv('ML_INTEGRATION_STORES', str(store))
    assert main(['remove', 'm@1']) == 1
    assert f"not in the user's own store, {tmp_path}" in (errors := capsys.readouterr().err)
    assert f'Name its store: --store {store}.' in errors
    assert folder.is_dir()
