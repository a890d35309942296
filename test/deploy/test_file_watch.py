"""What is away is not tampered with; what has another content is."""

from __future__ import annotations

import errno
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from deployed_robots import Robot
from model_folders import pin_files
from signing import set_manifest, sign_folder, signed_trust

from ml_integration.deploy.file_watch import CONFIRM_S, FileReport
from ml_integration.deploy.history import History
from ml_integration.errors import IntegrityError
from ml_integration.store.package import second_look
from ml_integration.store.package.package import read_manifest
from ml_integration.store.state.state_dir import StateDir
from ml_integration.store.trust.policy import Trust

Change = Callable[[Path], object]


@pytest.fixture
def folder(robot: Robot, store: Path) -> Path:
    """The folder of m@1, which serves."""
    robot.deployment.start('m@1')
    assert robot.look() == FileReport()
    return store / 'm/1'


def alter_model(folder: Path) -> None:
    file = folder / 'model.onnx'
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


def rewrite_labels(folder: Path) -> None:
    (folder / 'manifest.sig').unlink(missing_ok=True)
    (folder / 'labels.txt').write_text('person\ndog\ncat\n')
    pin_files(folder)


def nest_too_deep(folder: Path) -> None:
    here = os.open(folder, os.O_RDONLY)
    for _ in range(30):  # longer than PATH_MAX
        os.mkdir('x' * 200, dir_fd=here)
        here, above = os.open('x' * 200, os.O_RDONLY, dir_fd=here), here
        os.close(above)
    os.close(here)


def add_too_many(folder: Path) -> None:
    for number in range(second_look._MOST_ENTRIES + 1):
        (folder / f'.nfs{number}').touch()


def take_away(folder: Path) -> None:
    folder.rename(folder.parent / 'away')


@pytest.mark.parametrize(
    ('happens', 'text'),
    [
        (take_away, 'manifest.yaml (No such file or directory)'),
        (lambda folder: (folder / 'model.onnx').unlink(), 'model.onnx (No such file'),
        (lambda folder: (folder / 'manifest.yaml').unlink(), 'manifest.yaml (No such file'),
        (lambda folder: (folder / '.labels.txt.swp').touch(), 'does not list'),
        (lambda folder: (folder / '.nfs000000000123').touch(), 'does not list'),
        (lambda folder: (folder / 'link').symlink_to('model.onnx'), 'does not list'),
        (nest_too_deep, 'File name too long'),
        (add_too_many, 'more than 10000 entries'),
    ],
)
def test_what_is_away_or_added_is_a_warning_however_long_it_lasts(
    robot: Robot, folder: Path, happens: Change, text: str
) -> None:
    happens(folder)
    for _ in range(3):
        report = robot.look(after_s=10 * CONFIRM_S)
        assert text in ' '.join(report.warnings)
        assert not report.tampering
        assert not report.suspicious
    assert robot.state().quarantined == ()
    robot.serve(1)


@pytest.mark.parametrize(
    ('call', 'number'),
    [
        ('scandir', errno.EACCES),
        ('open', errno.EMFILE),
        ('open', errno.EACCES),
        ('fstat', errno.EIO),
    ],
)
def test_what_cannot_be_read_is_a_warning_that_heals(
    robot: Robot, folder: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int
) -> None:
    with monkeypatch.context() as patched:

        def fails(*_: object, **__: object) -> int:
            raise OSError(number, os.strerror(number))

        patched.setattr(os, call, fails)
        for _ in range(2):
            report = robot.look(after_s=CONFIRM_S)
            assert os.strerror(number) in ' '.join(report.warnings)
            assert not report.tampering
    assert robot.look() == FileReport()
    assert robot.state().quarantined == ()


def test_a_folder_that_comes_back_is_as_if_nothing_had_been(robot: Robot, folder: Path) -> None:
    take_away(folder)
    assert robot.look(after_s=CONFIRM_S).warnings
    (folder.parent / 'away').rename(folder)
    assert robot.look(after_s=CONFIRM_S) == FileReport()
    robot.deployment.close()
    robot.boot().start('m@1')
    assert robot.serving() == 'm@1'


@pytest.mark.parametrize(
    ('change', 'what'),
    [
        (alter_model, 'model.onnx (sha256 '),
        (lambda folder: (folder / 'model.onnx').write_bytes(b''), 'model.onnx (0 bytes'),
        (rewrite_labels, 'manifest.yaml (sha256 '),
        (lambda folder: (folder / 'manifest.yaml').write_text('{'), 'manifest.yaml (sha256 '),
        (lambda folder: os.truncate(folder / 'manifest.yaml', 2**40), 'manifest.yaml ('),
    ],
)
def test_content_that_differs_for_long_enough_is_tampering(
    robot: Robot, folder: Path, change: Change, what: str
) -> None:
    change(folder)
    for after_s in (0.0, CONFIRM_S / 2):
        report = robot.look(after_s)
        assert report.suspicious
        assert what in ' '.join(report.warnings)
        assert not report.tampering
        assert robot.state().quarantined == ()
    report = robot.look(CONFIRM_S)
    assert what in report.tampering
    assert not report.suspicious
    (quarantine,) = robot.state().quarantined
    assert what in quarantine.reason
    assert robot.look(CONFIRM_S).tampering
    assert [action for action, _, _ in robot.audit()].count('quarantine') == 1
    robot.serve(1)


def test_nobody_hears_of_the_quarantine_before_its_reason(
    robot: Robot, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[FileReport] = []
    reader = threading.Thread(target=lambda: heard.append(robot.watch.report()))
    quarantine = History.quarantine

    def be_asked_meanwhile(history: History, *what: Any) -> None:
        quarantine(history, *what)
        reader.start()
        reader.join(0.2)

    monkeypatch.setattr(History, 'quarantine', be_asked_meanwhile)
    alter_model(folder)
    assert robot.look().suspicious
    robot.look(CONFIRM_S)
    reader.join(30)
    assert [bool(report.tampering) for report in heard] == [True]


@pytest.mark.parametrize('kind', ['fifo', 'link', 'folder'])
def test_something_else_in_the_place_of_a_file_is_tampering_and_blocks_nobody(
    robot: Robot, folder: Path, kind: str
) -> None:
    file, elsewhere = folder / 'model.onnx', folder.parent / 'model.onnx'
    file.rename(elsewhere)
    make: dict[str, Callable[[], object]] = {
        'fifo': lambda: os.mkfifo(file),
        'link': lambda: file.symlink_to(elsewhere),
        'folder': file.mkdir,
    }
    make[kind]()
    robot.look()
    assert 'model.onnx (' in robot.look(CONFIRM_S).tampering


def test_a_file_that_is_being_written_is_not_yet_tampered_with(robot: Robot, folder: Path) -> None:
    for size in (0, 10, 20, 30):
        os.truncate(folder / 'model.onnx', size)
        assert not robot.look(CONFIRM_S).tampering
    assert robot.state().quarantined == ()


def test_the_quarantine_lasts_in_the_report_until_a_person_ends_it(
    robot: Robot, folder: Path, tmp_path: Path
) -> None:
    good = (folder / 'model.onnx').read_bytes()
    alter_model(folder)
    robot.look(), robot.look(CONFIRM_S)
    (folder / 'model.onnx').write_bytes(good)
    digest = read_manifest(folder).digest
    report = robot.look(CONFIRM_S)
    assert not report.tampering
    assert f'm@1 is quarantined, {digest[:12]}' in report.quarantined
    assert 'ml_model release m@1' in report.quarantined
    robot.swap('m@2')  # what serves now is not concerned, and still a person should know
    assert 'm@1 is quarantined' in robot.look().warnings[0]
    with pytest.raises(IntegrityError, match='m@1 is quarantined'):
        robot.deployment.admit('m@1')
    robot.deployment.close()
    robot.boot().start('m@2')
    assert 'm@1 is quarantined' in robot.watch.report().warnings[0]
    StateDir(tmp_path / 'state').update_model_state(
        'm', lambda now: now.without_quarantine(1, digest)
    )
    assert robot.watch.report() == FileReport()  # without another look
    robot.swap('m@1')


def test_a_rewritten_version_is_barred_and_the_good_one_is_not(
    robot: Robot, folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(folder, tmp_path / 'good')
    own = read_manifest(folder).digest
    rewrite_labels(folder)
    robot.look(), robot.look(CONFIRM_S)
    (quarantine,) = robot.state().quarantined
    assert quarantine.digest == read_manifest(folder).digest != own
    with pytest.raises(IntegrityError, match='m@1 is quarantined'):
        robot.deployment.admit('m@1')
    shutil.rmtree(folder)
    shutil.copytree(tmp_path / 'good', folder)
    robot.look()
    robot.swap('m@1')


def test_a_rewritten_version_does_not_pass_for_the_one_that_serves(
    robot: Robot, folder: Path
) -> None:
    own = read_manifest(folder).digest
    assert robot.deployment.differs_on_disk('m@1') == ''
    rewrite_labels(folder)
    said = f'm@1 is {read_manifest(folder).digest[:12]} on disk, {own[:12]} serves'
    assert robot.deployment.differs_on_disk('m@1') == said
    robot.look(), robot.look(CONFIRM_S)
    assert robot.deployment.differs_on_disk('m@1') == said  # also while it is barred
    take_away(folder)
    assert robot.deployment.differs_on_disk('m@1') == ''


def test_what_a_person_released_is_told_and_not_barred_again(
    robot: Robot, folder: Path, tmp_path: Path
) -> None:
    rewrite_labels(folder)
    robot.look(), robot.look(CONFIRM_S)
    digest = read_manifest(folder).digest
    StateDir(tmp_path / 'state').update_model_state(
        'm', lambda now: now.without_quarantine(1, digest)
    )
    for _ in range(2):
        report = robot.look(CONFIRM_S)
        assert 'another content than what serves' in ' '.join(report.warnings)
        assert not report.tampering
    assert robot.state().quarantined == ()
    robot.swap('m@1')
    assert robot.look() == FileReport()


def test_proof_is_that_of_the_content(robot: Robot, folder: Path) -> None:
    robot.serve()
    robot.deployment.close()
    assert robot.state().committed == {read_manifest(folder).digest}
    rewrite_labels(folder)
    assert read_manifest(folder).digest not in robot.state().committed


@pytest.mark.parametrize('remembers', ['state', 'own'])
def test_two_robots_on_one_store_say_it_once_where_they_share_what_they_remember(
    robot: Robot, folder: Path, store: Path, tmp_path: Path, remembers: str
) -> None:
    other = Robot(store, tmp_path / remembers)
    other.deployment.start('m@1')
    alter_model(folder)
    for one in (robot, other):
        one.look()
    for one in (robot, other):
        assert one.look(CONFIRM_S).tampering
        assert len(one.state().quarantined) == 1
        assert [action for action, _, _ in one.audit()].count('quarantine') == 1
    other.deployment.close()


@pytest.fixture
def signed(store: Path, robot: Robot, tmp_path: Path) -> Iterator[Robot]:
    """A robot that asks for signatures and serves m@1 of release 3; the others are older."""
    for version in (1, 2, 3):
        set_manifest(store / f'm/{version}', release=3 if version == 1 else 2)
        sign_folder(store / f'm/{version}')
    robot = Robot(store, tmp_path / 'signed', signed_trust(tmp_path / 'keys'))
    robot.deployment.start('m@1')
    yield robot
    robot.deployment.close()


def test_what_a_trusted_key_signs_is_another_content_and_no_tampering(
    signed: Robot, store: Path
) -> None:
    rewrite_labels(store / 'm/1')
    signed.look()
    assert signed.look(CONFIRM_S).tampering  # nobody signed that
    barred = signed.state().quarantined
    set_manifest(store / 'm/1', description='released again')
    sign_folder(store / 'm/1')
    for _ in range(2):
        assert 'another content' in signed.look(CONFIRM_S).warnings[0]
    assert signed.state().quarantined == barred


def test_a_missing_signature_is_away_and_a_wrong_one_is_not(signed: Robot, store: Path) -> None:
    file = store / 'm/1/manifest.sig'
    good = file.read_bytes()
    file.unlink()
    signed.look()
    report = signed.look(CONFIRM_S)
    assert 'manifest.sig (No such file' in report.warnings[0]
    assert not report.tampering
    file.write_bytes(good.replace(b'ed25519', b'ed25518'))
    signed.look()
    assert 'manifest.sig (' in signed.look(CONFIRM_S).tampering


def test_only_signed_releases_raise_the_floor(robot: Robot, signed: Robot) -> None:
    robot.deployment.start('m@1')
    for one, floor in ((robot, 0), (signed, 3)):
        one.serve()
        one.deployment.close()
        assert one.state().release_floor == floor
    with pytest.raises(IntegrityError, match='older release'):
        signed.watch._admission.verify('m@2', None)
    robot.boot().start('m@2')


def test_a_state_that_cannot_be_read_closes_the_door_where_signatures_are_asked_for(
    robot: Robot, signed: Robot, tmp_path: Path
) -> None:
    for one, state in ((robot, 'state'), (signed, 'signed')):
        one.deployment.close()
        (tmp_path / state / 'models').mkdir(parents=True, exist_ok=True)
        (tmp_path / state / 'models/m.json').write_text('{')
    robot.boot().start('m@1')
    assert any('m.json' in text for text in robot.deployment.complaints)
    for _ in range(2):
        signed.boot()
        with pytest.raises(IntegrityError, match='ml_model floor m RELEASE'):
            signed.watch._admission.verify('m@1', None)
        signed.deployment.close()
    StateDir(tmp_path / 'signed').update_model_state('m', lambda now: now.with_floor(3))
    signed.boot().start('m@1')


def test_where_nothing_has_to_be_shown_nothing_is_barred(
    robot: Robot, store: Path, tmp_path: Path
) -> None:
    trusting = Robot(store, tmp_path / 'open', Trust('off'))
    trusting.deployment.start('m@1')
    rewrite_labels(store / 'm/1')
    for _ in range(2):
        assert 'another content' in trusting.look(CONFIRM_S).warnings[0]
    assert trusting.state().quarantined == ()
    trusting.deployment.close()


def test_a_look_that_is_given_up_says_nothing(robot: Robot, folder: Path) -> None:
    alter_model(folder)
    robot.watch.look(lambda: True)
    assert robot.watch.report() == FileReport()
