"""The exports, which are made once for all tests, and a place to add them to."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import cv2
import pytest
from real_exports import PYTHON, Exports

from ml_integration.exports.trying.sample_pictures import own_pictures

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope='session')
def exports(tmp_path_factory: pytest.TempPathFactory) -> Exports:
    """Exports made by the exporters' libraries, with what these see in pictures."""
    pictures, folder = tmp_path_factory.mktemp('pictures'), tmp_path_factory.mktemp('exports')
    for picture in own_pictures():
        assert cv2.imwrite(str(pictures / f'{Path(picture.name).stem}.png'), picture.pixels)
    command = [PYTHON, '-m', 'dev.exporters', folder, '--pictures', pictures]
    # Paths of the ROS wheels are none of this other Python's.
    environment = {
        k: v for k, v in os.environ.items() if k not in ('LD_LIBRARY_PATH', 'PYTHONPATH')
    }
    made = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=280
    )
    assert made.returncode == 0, made.stdout + made.stderr
    return Exports(pictures, folder)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty store, where models are added and looked for."""
    monkeypatch.setenv('ML_INTEGRATION_STATE_DIR', str(tmp_path / 'state'))
    monkeypatch.setenv('ML_INTEGRATION_STORES', str(tmp_path / 'store'))
    return tmp_path
