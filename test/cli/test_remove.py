from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from node_states import node_state

from ml_integration.cli.main import main
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
