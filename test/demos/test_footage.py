"""What the demo shows where, and the demo of an installed package."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

from ml_integration.demos.demo import footage
from ml_integration.demos.demo.footage import DRAWN_MODEL, MODEL, VARIABLE, VIDEO, choose
from ml_integration.demos.scenes import KINDS
from ml_integration.errors import MlIntegrationError

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine that has nothing; returns the share folder of the package."""
    share = tmp_path / 'share'
    share.mkdir()
    monkeypatch.setenv('XDG_DATA_HOME', str(tmp_path / 'home'))
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setenv('ML_INTEGRATION_STORES', str(tmp_path / 'models'))
    monkeypatch.setattr(footage, 'share_folder', lambda: share)
    return share


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    return made(tmp_path / 'models' / MODEL / '1' / 'model.onnx')


def made(file: Path) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()
    return file


def test_drawn_scenes_are_shown_where_there_is_nothing_else(tmp_path: Path) -> None:
    shown = choose(None, '', tmp_path)
    assert shown.model == DRAWN_MODEL
    assert f'no {VIDEO} and no {MODEL} here' in shown.remark
    assert 'python -m dev.models.fetch' in shown.remark
    capture = cv2.VideoCapture(str(shown.video))
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == 360
    capture.release()


@pytest.mark.parametrize('place', ['variable', 'home/ml_integration/data', 'share/data',
                                   'share/dev/data'])  # fmt: skip
def test_the_real_video_is_found(
    place: str, tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = made(tmp_path / place / VIDEO)
    if place == 'variable':
        monkeypatch.setenv(VARIABLE, str(video.parent))
    assert choose(None, '', tmp_path) == footage.Footage(video, MODEL)


def test_a_video_without_its_model_is_not_shown(bare: Path, tmp_path: Path) -> None:
    made(bare / 'data' / VIDEO)
    shown = choose(None, '', tmp_path)
    assert shown.model == DRAWN_MODEL
    assert shown.remark.startswith(f'no {MODEL} here')


def test_what_was_asked_for_is_shown(bare: Path, tmp_path: Path, weights: Path) -> None:
    mine, real = made(tmp_path / 'mine.mp4'), made(bare / 'data' / VIDEO)
    assert choose(mine, '', tmp_path) == footage.Footage(mine, MODEL)
    assert choose(mine, 'my_model', tmp_path) == footage.Footage(mine, 'my_model')
    assert choose(None, 'my_model', tmp_path) == footage.Footage(real, 'my_model')
    assert choose(None, 'shapes@1', tmp_path).video.name == 'scenes.avi'


def test_a_model_without_a_video_is_told_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(MlIntegrationError, match='no video to show to my_model') as caught:
        choose(None, 'my_model', tmp_path)
    assert '--video' in str(caught.value)


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """Installs the package as colcon does, without what the set-up fetches; returns the prefix."""
    source, prefix = tmp_path / 'source', tmp_path / 'prefix'
    source.mkdir()
    for name in ('setup.py', 'setup.cfg', 'package.xml'):
        shutil.copy(ROOT / name, source)
    for name in ('ml_integration', 'launch', 'config', 'resource', 'models/shapes'):
        shutil.copytree(ROOT / name, source / name)
    command = [sys.executable, 'setup.py', '-q', 'install', '--prefix', str(prefix),
               '--single-version-externally-managed', '--record', 'files']  # fmt: skip
    done = subprocess.run(
        command, cwd=source, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    shutil.rmtree(source)
    return prefix


def test_an_installed_package_runs_its_demo_far_from_any_checkout(
    installed: Path, tmp_path: Path, ros_domain: int
) -> None:
    (package,) = installed.glob('**/ml_integration/__init__.py')
    environment = {key: value for key, value in os.environ.items() if 'STORES' not in key}
    paths = [str(package.parents[1]), *filter(None, [os.environ.get('PYTHONPATH')])]
    environment |= {'PYTHONPATH': os.pathsep.join(paths), 'DEMO_SECONDS': '3'}
    away = tmp_path / 'away'
    away.mkdir()
    done = subprocess.run(
        [sys.executable, str(installed / 'lib' / 'ml_integration' / 'demo')],
        cwd=away, env=environment, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert f'no {VIDEO} and no {MODEL} here' in done.stdout
    lines = (away / 'out' / 'detections.jsonl').read_text().splitlines()
    seen = {item['class'] for line in lines for item in json.loads(line)['detections']}
    assert seen
    assert seen <= set(KINDS)
