from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import onnx_models
import pytest
from model_folders import pin_files
from signing import set_manifest

from ml_integration.cli.main import main
from ml_integration.core.pipeline import Pipeline
from ml_integration.deploy.loading import Loader
from ml_integration.store.package.package import ModelPackage
from ml_integration.store.state.model_state import ModelState, Quarantine
from ml_integration.store.state.state_dir import StateDir

Capture = pytest.CaptureFixture[str]
ModelFolder = Callable[..., Path]


@pytest.fixture
def state(state_dir: Path, model_folder: ModelFolder) -> StateDir:
    """The store holds m@1 to m@3."""
    for version in (1, 2, 3):
        model_folder('m', version)
    return StateDir(state_dir)


def test_bare_name_means_the_activated_version(
    state: StateDir, store: Path, capsys: Capture
) -> None:
    assert main(['activate', 'm@1', '--store', str(store)]) == 0
    assert main(['activate', 'm@2', '--store', str(store)]) == 0
    assert capsys.readouterr().out == 'm@1 is active\nm@2 is active, after m@1\n'
    main(['show', 'm', '--store', str(store)])
    assert ['model', 'm@2'] in [line.split() for line in capsys.readouterr().out.splitlines()]
    main(['list', '--store', str(store)])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines] == ['previous', 'active', 'object_detection']
    first, second = state.audit.entries()
    assert (first.model, first.before, first.after) == ('m@1', '', 'm@1')
    assert (second.model, second.before, second.after) == ('m@2', 'm@1', 'm@2')


def test_activating_what_is_active_changes_nothing(
    state: StateDir, store: Path, capsys: Capture
) -> None:
    for model in ('m@1', 'm@2', 'm'):
        main(['activate', model, '--store', str(store)])
    assert capsys.readouterr().out.splitlines()[-1] == 'm@2 is active already'
    assert state.model_state('m') == ModelState(active=2, previous=1)


def test_activate_as_json(state: StateDir, store: Path, capsys: Capture) -> None:
    main(['activate', 'm@latest', '--store', str(store), '--json'])
    assert json.loads(capsys.readouterr().out) == {'active': 'm@3', 'before': ''}


def spoil(folder: Path) -> None:
    (folder / 'model.onnx').write_bytes(onnx_models.tiny_detector(spoiled=True))
    pin_files(folder)


def crash(folder: Path) -> None:
    (folder / 'model.onnx').write_bytes(b'no model')
    pin_files(folder)


@pytest.mark.parametrize(
    ('damage', 'words'),
    [
        (spoil, 'differs from the golden sample'),
        (crash, 'not an ONNX model'),
        (lambda folder: (folder / 'extra').touch(), 'not listed: extra'),
        (lambda folder: set_manifest(folder, settings={'decodr': 'x'}), "'decodr'"),
    ],
)
def test_version_that_does_not_prove_itself_is_refused_and_the_active_one_stays(
    state: StateDir, store: Path, capsys: Capture, damage: Callable[[Path], None], words: str
) -> None:
    main(['activate', 'm@1', '--store', str(store)])
    damage(store / 'm' / '2')
    capsys.readouterr()
    assert main(['activate', 'm@2', '--store', str(store)]) == 1
    assert words in capsys.readouterr().err
    assert state.model_state('m') == ModelState(active=1, previous=3)
    entry = state.audit.entries()[-1]
    assert (entry.model, entry.before, entry.after, entry.result) == (
        'm@2', 'm@1', 'm@1', 'refused',
    )  # fmt: skip
    assert words in entry.reason


@pytest.mark.parametrize(
    ('remembered', 'words'),
    [
        (ModelState(quarantined=(Quarantine(2, '', 'it was tampered with'),)), 'tampered with'),
        (ModelState(release_floor=5), 'older release'),
    ],
)
def test_quarantined_and_outdated_versions_are_refused(
    state: StateDir, store: Path, capsys: Capture, remembered: ModelState, words: str
) -> None:
    state.update_model_state('m', lambda _: remembered)
    assert main(['activate', 'm@2', '--store', str(store)]) == 1
    assert words in capsys.readouterr().err
    assert state.model_state('m') == remembered


def test_version_that_is_quarantined_while_it_proves_itself_is_refused(
    state: StateDir, store: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ml_integration.cli import proving

    class Slow(Loader):
        def load(self, package: ModelPackage, fresh: bool = False) -> Pipeline:
            digest = package.manifest.digest
            state.update_model_state('m', lambda now: now.with_quarantine(2, digest, 'just now'))
            return super().load(package, fresh)

    monkeypatch.setattr(proving, 'Loader', Slow)
    assert main(['activate', 'm@2', '--store', str(store)]) == 1
    assert ': just now' in capsys.readouterr().err
    assert state.model_state('m').active is None
