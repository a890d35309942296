"""`ml_model run --compare`: where two models disagree, the worst first."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path

import cv2
import numpy as np
import pytest

from ml_integration.cli.main import main
from ml_integration.core import plugins
from ml_integration.demos.scene_maker import make_scene
from ml_integration.demos.scenes import render

ROOT = Path(__file__).parents[2]
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def scenes(tmp_path: Path) -> Path:
    folder = tmp_path / 'scenes'
    folder.mkdir()
    for seed in range(4):
        picture = np.ascontiguousarray(render(make_scene(seed), 0.0)[..., ::-1])
        cv2.imwrite(str(folder / f'{seed}.png'), picture)
    return folder


MODELS = ('--store', str(ROOT / 'models'))


def test_two_versions_are_compared_and_the_worst_pictures_come_first(
    scenes: Path, tmp_path: Path, capsys: Capture
) -> None:
    out = tmp_path / 'out'
    arguments = ['run', '--compare', 'shapes@1', 'shapes@2', str(scenes), '--out', str(out)]
    assert main([*arguments, *MODELS, '--json']) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told['models'], told['messages']) == (['shapes@1', 'shapes@2'], 4)
    worst = [one['disagreement'] for one in told['worst_first']]
    assert worst == sorted(worst, reverse=True) and worst[0] > 0
    # shapes@1 does not know hexagons.
    assert sum(one['only_second'] + one['other_class'] for one in told['worst_first']) > 0
    pictures = sorted(out.glob('*.jpg'))
    first = told['worst_first'][0]['source'].removesuffix('.png')
    assert pictures[0].name == f'01-{first}.jpg'
    height, width = render(make_scene(0), 0.0).shape[:2]
    assert cv2.imread(str(pictures[0])).shape == (height, 2 * width, 3)
    lines = (out / 'differences.jsonl').read_text().splitlines()
    assert [json.loads(line) for line in lines] == told['worst_first']


def test_people_read_a_table_with_the_models_names(scenes: Path, capsys: Capture) -> None:
    arguments = ['run', '--compare', 'shapes@1', 'shapes@2', str(scenes), '--limit', '2']
    assert main([*arguments, *MODELS]) == 0
    head, *rows = capsys.readouterr().out.splitlines()
    assert 'only shapes@1' in head and 'only shapes@2' in head
    assert rows[-1] == '2 of 2 differ'
    assert main(['run', '--compare', 'shapes@1', 'shapes@1', str(scenes), *MODELS]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == '0 of 4 differ'


def test_models_of_different_tasks_are_not_compared(
    scenes: Path, model_folder: Callable[..., Path], store: Path, capsys: Capture
) -> None:
    model_folder('raw', 1, golden=False, task='tensor', settings={}, labels=())
    stores = [*MODELS, '--store', str(store)]
    assert main(['run', '--compare', 'shapes@1', 'raw', str(scenes), *stores]) == 1
    assert 'only models of one task and input are compared' in capsys.readouterr().err


@pytest.fixture
def foreign(
    model_folder: Callable[..., Path], store: Path, monkeypatch: pytest.MonkeyPatch
) -> list[str]:
    """Models whose tasks are those of another package; the arguments that find them."""
    points = [
        EntryPoint(name.lower(), f'foreign_tasks:{name}', 'ml_integration.tasks')
        for name in ('Summing', 'Wordless')
    ]
    monkeypatch.setattr(
        plugins, 'entry_points', lambda group: [p for p in points if p.group == group]
    )
    for point in points:
        model_folder(point.name, 1, golden=False, task=point.name, settings={}, labels=())
    return ['--store', str(store)]


def test_a_task_of_another_package_compares_in_its_own_way(
    scenes: Path, foreign: list[str], capsys: Capture
) -> None:
    assert main(['run', '--compare', 'summing', 'summing', str(scenes), '--json', *foreign]) == 0
    (worst, *_) = json.loads(capsys.readouterr().out)['worst_first']
    assert set(worst) == {'source', 'disagreement', 'first_sum', 'remark'}


def test_a_task_that_compares_nothing_is_refused(
    scenes: Path, foreign: list[str], capsys: Capture
) -> None:
    assert main(['run', '--compare', 'wordless', 'wordless', str(scenes), *foreign]) == 1
    assert 'results of its task cannot be compared' in capsys.readouterr().err
