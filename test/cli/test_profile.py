"""`ml_model profile`: real pictures become a reference of a package, and others are compared."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from ml_integration.cli.main import main
from ml_integration.core.blocks import BlockRule
from ml_integration.core.datatypes import Array
from ml_integration.store.package.package import read_package

Capture = pytest.CaptureFixture[str]
ModelFolder = Callable[..., Path]
PHOTO = Path(__file__).parents[2] / 'dev/data/astronaut.png'
SIZE = 96
HZ = 4
BLOCKS = 40


def pictures() -> list[Array]:
    """What a restless camera sees of a photograph, with the noise of its chip."""
    photo, rng = cv2.resize(cv2.imread(str(PHOTO)), (140, 140)), np.random.default_rng(0)
    found = []
    for _ in range(BLOCKS * HZ + 1):
        x, y = rng.integers(0, 44, 2)
        part = photo[y : y + SIZE, x : x + SIZE]
        noise = rng.integers(-3, 4, part.shape)
        found.append(np.clip(part + noise, 0, 255).astype(np.uint8))
    return found


def video(frames: list[Array], file: Path) -> Path:
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*'MJPG'), HZ, (SIZE, SIZE))
    for frame in frames:
        writer.write(frame)
    writer.release()
    return file


@pytest.fixture(scope='module')
def usual(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return video(pictures(), tmp_path_factory.mktemp('data') / 'usual.avi')


def test_a_reference_is_pinned_and_finds_what_is_not_usual(
    model_folder: ModelFolder, usual: Path, tmp_path: Path, capsys: Capture
) -> None:
    folder = model_folder()
    model = (folder / 'model.onnx').read_bytes()
    assert main(['profile', str(folder), str(usual)]) == 0
    told = capsys.readouterr()
    assert 'brightness' in told.out and 'every 100 blocks' in told.out
    assert f'too short for 1 false alarms a day, so a node will not use it: {BLOCKS}' in told.err
    package = read_package(folder)
    known = package.reference
    assert known is not None and known.sha256 == package.content.identity.sha256
    assert len(known.names) >= 6 and 'score mean' in known.names
    assert not any('hash' in name for name in known.names)
    assert (len(known.blocks), known.rule, len(known.data)) == (BLOCKS, BlockRule(1.0, 2), 64)
    assert (folder / 'model.onnx').read_bytes() == model
    assert package.manifest.external == ()

    assert main(['profile', '--check', '--json', str(folder), str(usual)]) == 0
    same = json.loads(capsys.readouterr().out)
    assert (same['blocks'], same['alarms'], same['every_100']) == (BLOCKS, 0, 0)
    dark = video([one // 3 for one in pictures()[: 10 * HZ]], tmp_path / 'dark.avi')
    assert main(['profile', '--check', '--json', str(folder), str(dark)]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found['first'] == known.limits.in_a_row - 1
    assert 'brightness' in dict(found['moved'])
    assert main(['show', str(folder)]) == 0
    assert 'reference.npz' in capsys.readouterr().out


def test_a_second_reference_takes_the_place_of_the_first(
    model_folder: ModelFolder, usual: Path, tmp_path: Path, capsys: Capture
) -> None:
    folder = model_folder()
    main(['keygen', str(tmp_path / 'signer')])
    main(['sign', str(folder), '--key', str(tmp_path / 'signer.private.pem')])
    capsys.readouterr()
    for limit in (BLOCKS * HZ, 31 * HZ + 1):
        assert main(['profile', str(folder), str(usual), '--limit', str(limit)]) == 0
        assert f'ml_model sign {folder}' in capsys.readouterr().err
        main(['sign', str(folder), '--key', str(tmp_path / 'signer.private.pem')])
    manifest = (folder / 'manifest.yaml').read_text()
    assert manifest.count('reference: reference.npz') == 1
    known = read_package(folder).reference
    assert known is not None and len(known.blocks) == 31


def test_what_cannot_be_is_refused_and_nothing_is_changed(
    model_folder: ModelFolder, usual: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    folder = model_folder()
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    assert main(['profile', '--check', str(folder), str(usual)]) == 1
    assert 'there is no reference' in capsys.readouterr().err
    assert main(['profile', str(folder), str(usual), '--limit', '25']) == 1
    assert 'got 6 blocks; expected at least 30' in capsys.readouterr().err
    monkeypatch.setenv('ML_INTEGRATION_STORES', str(folder.parents[1]))
    assert main(['profile', str(folder), str(usual)]) == 1
    assert 'an installed version never changes' in capsys.readouterr().err
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before
