"""`ml_model run --compare`: where two models disagree, the worst first."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from ml_integration.cli.main import main
from ml_integration.cli.running.differences import BoxDifference, ClassDifference, comparison_of
from ml_integration.demos.scene_maker import make_scene
from ml_integration.demos.scenes import render
from ml_integration.tasks.classification import Classification
from ml_integration.tasks.object_detection import ObjectDetection
from ml_integration.tasks.tensor import Tensor

ROOT = Path(__file__).parents[2]
Capture = pytest.CaptureFixture[str]
Box, Class = ObjectDetection.Row, Classification.Row


def box(label: str, score: float, left: float = 0.0, size: float = 10.0) -> ObjectDetection.Row:
    return Box(label, 0, score, left, 0.0, left + size, size)


def differ(task: type, first: list[object], second: list[object]) -> object:
    return comparison_of(object.__new__(task), 'm@1')(first, second)


def test_boxes_are_paired_by_place_and_compared_by_class_and_score() -> None:
    first = [box('car', 0.9), box('man', 0.8, left=50), box('cat', 0.5, left=90)]
    second = [box('car', 0.6, left=1), box('dog', 0.7, left=50), box('cow', 0.4, left=200)]
    difference = differ(ObjectDetection, first, second)
    assert isinstance(difference, BoxDifference)
    assert (difference.same, difference.other_class) == (1, 1)
    assert (difference.only_first, difference.only_second) == (1, 1)
    assert difference.score == pytest.approx(0.3)
    assert difference.disagreement == pytest.approx(0.3 + 0.8 + 0.5 + 0.4)


def test_of_two_boxes_at_one_place_that_of_the_same_class_is_the_same() -> None:
    both = [box('car', 0.9), box('truck', 0.8)]
    assert differ(ObjectDetection, both, both[::-1]) == BoxDifference(0.0, 2, 0, 0, 0, 0.0)
    assert differ(ObjectDetection, [], []) == BoxDifference(0, 0, 0, 0, 0, 0.0)


def test_classes_differ_by_the_best_one_and_by_scores() -> None:
    first = [Class('cat', 0, 0.75), Class('dog', 1, 0.25)]
    second = [Class('dog', 1, 0.5), Class('cow', 2, 0.25)]
    assert differ(Classification, first, second) == ClassDifference(1.25, 'cat', 'dog')
    assert differ(Classification, first, first) == ClassDifference(0.0, 'cat', 'cat')


def test_outputs_differ_by_their_values() -> None:
    one, other = Tensor.Row('y', (2,), (1.0, 2.0)), Tensor.Row('y', (2,), (1.0, 5.0))
    assert differ(Tensor, [one], [other]).disagreement == 3.0  # type: ignore[attr-defined]
    longer = Tensor.Row('y', (3,), (1.0, 2.0, 3.0))
    assert differ(Tensor, [one], [longer]).disagreement == float('inf')  # type: ignore[attr-defined]


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
