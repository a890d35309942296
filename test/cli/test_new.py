"""`ml_model new`: an empty package that is filled in and pinned."""

from __future__ import annotations

from pathlib import Path

import onnx_models
import pytest

from ml_integration.cli.main import main
from ml_integration.core import plugins
from ml_integration.core.declaration import settings_of
from ml_integration.store.package.package import read_package
from ml_integration.store.package.plain_yaml import load_yaml

Capture = pytest.CaptureFixture[str]
TASKS = plugins.names('tasks')
NAMELESS = ('depth_estimation', 'tensor')
"""Tasks without classes."""


@pytest.mark.parametrize('task', TASKS)
def test_a_new_package_names_every_setting_of_its_task(
    task: str, tmp_path: Path, capsys: Capture
) -> None:
    assert main(['new', task, 'mine', '--into', str(tmp_path)]) == 0
    file = tmp_path / 'mine' / '1' / 'manifest.yaml'
    document = load_yaml(file.read_bytes(), file)
    assert (document['task'], document['name'], document['version']) == (task, 'mine', 1)
    text = file.read_text()
    for setting in settings_of(plugins.load('tasks', task).Settings):
        assert f' {setting.name}: ' in text
    assert ('labels.txt' in text) == (task not in NAMELESS)
    assert 'one of ,' not in text
    assert 'ml_model pin' in capsys.readouterr().out


def test_a_new_package_is_filled_in_and_pinned(tmp_path: Path) -> None:
    main(['new', 'object_detection', 'mine', '--into', str(tmp_path)])
    folder = tmp_path / 'mine' / '1'
    (folder / 'model.onnx').write_bytes(onnx_models.tiny_detector())
    (folder / 'labels.txt').write_text('red\ngreen\nblue\n')
    text = (folder / 'manifest.yaml').read_text()
    for before, after in (
        ('NAME_OF_THE_INPUT', 'images'),
        ('[1, 3, HEIGHT, WIDTH]', '[1, 3, 64, 64]'),
        ('NAME_OF_THE_OUTPUT', 'detections'),
        ('[1, SIZE]', '[1, 16, 8]'),
        ('decoder: DECODER', 'decoder: yolo'),
    ):
        assert before in text
        text = text.replace(before, after)
    (folder / 'manifest.yaml').write_text(text)
    assert main(['pin', str(folder)]) == 0
    assert read_package(folder).labels == ('red', 'green', 'blue')
    assert '# 1. Put' in (folder / 'manifest.yaml').read_text()
    assert main(['check', str(folder)]) == 0


def test_what_is_there_is_not_written_over(tmp_path: Path, capsys: Capture) -> None:
    main(['new', 'tensor', 'mine', '--into', str(tmp_path)])
    file = tmp_path / 'mine' / '1' / 'manifest.yaml'
    file.write_text('mine')
    assert main(['new', 'tensor', 'mine', '--into', str(tmp_path)]) == 1
    assert 'there is something already' in capsys.readouterr().err
    assert file.read_text() == 'mine'


@pytest.mark.parametrize(('task', 'name'), [('depth', 'mine'), ('tensor', '../mine')])
def test_an_unknown_task_or_name_makes_nothing(
    task: str, name: str, tmp_path: Path, capsys: Capture
) -> None:
    assert main(['new', task, name, '--into', str(tmp_path / 'packages')]) == 1
    assert capsys.readouterr().err.count('\n') == 1
    assert not (tmp_path / 'packages').exists()
