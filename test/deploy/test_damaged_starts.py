"""Whatever is wrong with the wanted version, the last proven one of the same model starts."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from deployed_robots import Robot
from model_folders import pin_files
from signing import STRANGER, set_manifest, sign_folder, signed_trust

from ml_integration.core.findings import Level
from ml_integration.errors import MlIntegrationError
from ml_integration.store.package.package import read_manifest
from ml_integration.store.state.state_dir import StateDir
from ml_integration.store.trust.policy import DIGEST, Trust


def cut(file: Path, share: float = 0.5) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * share)])


def truncated_and_pinned(folder: Path) -> None:
    cut(folder / 'model.onnx')
    pin_files(folder)


def wrong_golden(folder: Path) -> None:
    with np.load(folder / 'golden.npz') as stored:
        arrays = dict(stored)
    name = next(key for key in arrays if key.startswith('output.'))
    np.savez_compressed(folder / 'golden.npz', **{**arrays, name: arrays[name] + 1})
    pin_files(folder)


def no_golden(folder: Path) -> None:
    (folder / 'golden.npz').write_bytes(b'PK but no archive')
    pin_files(folder)


def golden_of_another(folder: Path) -> None:
    np.savez_compressed(folder / 'golden.npz', **{'input.other': np.zeros(3, np.float32)})
    pin_files(folder)


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    'altered model': (lambda f: (f / 'model.onnx').write_bytes(b'altered'), 'model.onnx'),
    'truncated model': (truncated_and_pinned, 'm@2'),
    'truncated manifest': (lambda f: cut(f / 'manifest.yaml'), 'manifest.yaml'),
    'empty manifest': (lambda f: cut(f / 'manifest.yaml', 0), 'manifest.yaml'),
    'missing manifest': (lambda f: (f / 'manifest.yaml').unlink(), 'manifest.yaml'),
    'missing folder': (shutil.rmtree, "there is no model 'm@2'"),
    'missing labels': (lambda f: (f / 'labels.txt').unlink(), 'labels.txt'),
    'labels are a folder': (
        lambda f: ((f / 'labels.txt').unlink(), (f / 'labels.txt').mkdir()),
        'labels.txt',
    ),
    'a file too many': (lambda f: (f / 'more.txt').touch(), 'more.txt'),
    'wrong golden': (wrong_golden, 'golden sample'),
    'no golden': (no_golden, 'golden'),
    'golden of another model': (golden_of_another, 'golden'),
    'wrong settings': (lambda f: set_manifest(f, settings={'decoder': 'none'}), 'decoder'),
    'missing task': (lambda f: set_manifest(f, task='telepathy'), 'telepathy'),
    'missing format': (lambda f: set_manifest(f, format='clay'), 'clay'),
    'another name': (lambda f: set_manifest(f, name='other'), 'name'),
}


def quarantine(robot: Robot, store: Path, version: int) -> None:
    digest = read_manifest(store / f'm/{version}').digest
    StateDir(robot.state_dir).update_model_state(
        'm', lambda now: now.with_quarantine(version, digest, 'it was changed')
    )


def check_fallback(robot: Robot, reason: str, trust: Trust = DIGEST, wanted: str = 'm@2') -> None:
    """Starts again and again; m@1 serves, with an error that names the damage."""
    for _ in range(4):  # more than probation.attempts
        robot.boot(trust=trust).start(wanted)
        assert robot.serving() == 'm@1'
        (finding,) = robot.deployment.findings
        assert finding.level is Level.ERROR
        assert finding.sentence.startswith(f'{wanted} is not used, m@1 is: ')
        assert reason in finding.sentence
        assert f'When that is mended, the next start uses {wanted}' in finding.sentence
        assert robot.deployment.state.rejected == ()
        robot.deployment.close()


@pytest.mark.parametrize('damage', DAMAGES)
def test_damage_of_the_wanted_version_gives_way_to_the_proven_one(
    robot: Robot, store: Path, damage: str
) -> None:
    spoil, reason = DAMAGES[damage]
    robot.deployment.start('m@1')
    robot.serve()
    shutil.copytree(store / 'm/2', store.parent / 'good')
    robot.deployment.close()
    spoil(store / 'm/2')
    check_fallback(robot, reason)
    shutil.rmtree(store / 'm/2', ignore_errors=True)
    shutil.copytree(store.parent / 'good', store / 'm/2')
    robot.boot().start('m@2')
    assert robot.serving() == 'm@2'
    assert robot.deployment.findings == ()


@pytest.mark.parametrize('damage', DAMAGES)
def test_damage_without_a_proven_version_is_an_error_and_not_remembered(
    robot: Robot, store: Path, damage: str
) -> None:
    spoil, reason = DAMAGES[damage]
    spoil(store / 'm/2')
    for _ in range(3):
        with pytest.raises(MlIntegrationError) as caught:
            robot.boot().start('m@2')
        assert reason in str(caught.value)
        robot.deployment.close()
    robot.boot().start('m@1')
    assert robot.serving() == 'm@1'


def test_a_bad_signature_gives_way_to_the_proven_version(robot: Robot, store: Path) -> None:
    trust = signed_trust(store.parent / 'keys')
    sign_folder(store / 'm/1')
    sign_folder(store / 'm/2', STRANGER)
    robot.boot(trust=trust).start('m@1')
    robot.serve()
    robot.deployment.close()
    check_fallback(robot, 'manifest.sig', trust)


def test_a_quarantined_version_gives_way_to_the_proven_one(robot: Robot, store: Path) -> None:
    quarantine(robot, store, 2)
    robot.deployment.start('m@1')
    robot.serve()
    robot.deployment.close()
    check_fallback(robot, 'quarantined')


@pytest.mark.parametrize('active', [True, False])
def test_a_bare_name_means_no_other_version_because_its_own_is_quarantined(
    robot: Robot, store: Path, active: bool
) -> None:
    robot.deployment.start('m@1')
    robot.serve()
    robot.deployment.close()
    if active:
        StateDir(robot.state_dir).update_model_state('m', lambda now: now.activated(3))
    quarantine(robot, store, 3)
    robot.boot().start('m')
    assert robot.serving() == 'm@1'  # and not m@2, which nobody has proven
    assert 'm@3 is not used, m@1 is: ' in robot.deployment.complaints[0]


def test_an_active_version_that_is_missing_gives_way_loudly(robot: Robot, store: Path) -> None:
    robot.deployment.start('m@1')
    robot.serve()
    robot.deployment.close()
    StateDir(robot.state_dir).update_model_state('m', lambda now: now.activated(3))
    shutil.rmtree(store / 'm/3')
    robot.boot().start('m')
    assert robot.serving() == 'm@1'
    assert 'm@3 is not used, m@1 is: ' in robot.deployment.complaints[0]


def test_a_damaged_swap_gives_way_and_goes_on_when_it_is_mended(robot: Robot, store: Path) -> None:
    robot.deployment.start('m@1')
    robot.serve()
    robot.swap('m@2')
    robot.serve()
    robot.deployment.close()
    folder = store / 'm/2'
    folder.rename(store.parent / 'away')
    robot.boot().start('m@1')
    assert robot.serving() == 'm@1'
    assert "there is no model 'm@2'" in robot.deployment.findings[0].sentence
    (store.parent / 'away').rename(folder)
    robot.boot().start('m@1')
    assert robot.serving() == 'm@2'


def test_a_proven_swap_whose_version_has_other_content_now_is_not_that_swap(
    robot: Robot, store: Path
) -> None:
    robot.deployment.start('m@1')
    robot.serve()
    robot.swap('m@2')
    robot.serve()
    robot.deployment.close()
    set_manifest(store / 'm/2', description='something else')
    robot.boot().start('m@1')
    assert robot.serving() == 'm@1'
    assert 'm@2 has other content than when it served' in robot.deployment.findings[0].sentence


def test_a_plugin_that_raises_anything_gives_way_as_well(
    robot: Robot, monkeypatch: pytest.MonkeyPatch
) -> None:
    robot.deployment.start('m@1')
    robot.serve()
    robot.deployment.close()
    from ml_integration.deploy import loading

    assemble = loading.assemble

    def fails(package: object, *arguments: object) -> object:
        if package.manifest.version == 2:
            raise ZeroDivisionError('division by zero')
        return assemble(package, *arguments)

    monkeypatch.setattr(loading, 'assemble', fails)
    check_fallback(robot, 'ZeroDivisionError: division by zero')


def test_a_version_that_proved_itself_in_another_node_is_used(robot: Robot, store: Path) -> None:
    robot.deployment.start('m@1')
    robot.serve()
    robot.deployment.close()
    shutil.rmtree(store / 'm/2')
    state = StateDir(robot.state_dir)
    for file in (state.path / 'nodes').glob('*.json'):
        file.unlink()  # as if it had been another node
    robot.boot().start('m@2')
    assert robot.serving() == 'm@1'


def test_a_model_of_another_name_starts_only_where_a_parameter_says_so(
    robot: Robot, model_folder: Callable[..., Path]
) -> None:
    model_folder('other', 1)
    robot.deployment.start('other@1')
    robot.serve()
    robot.deployment.close()
    with pytest.raises(MlIntegrationError, match="there is no model 'm@9'"):
        robot.boot().start('m@9')
    robot.deployment.close()
    robot.boot().start('m@9', fallback='other@1')
    assert robot.serving() == 'other@1'
    (finding,) = robot.deployment.findings
    assert finding.level is Level.ERROR
    assert finding.sentence.startswith('m@9 is not used, other@1 is: ')
