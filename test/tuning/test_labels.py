"""Changed models are scored by the ground truth of a bag."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from bags import detections, image, write_bag

from ml_integration.backends.onnx_runtime import OnnxRuntime
from ml_integration.cli.main import main
from ml_integration.demos.scene_maker import make_scene
from ml_integration.demos.scenes import KINDS, render, truth
from ml_integration.store.package.package import read_package
from ml_integration.tuning.agreement import Agreement, agreement
from ml_integration.tuning.candidates import Candidate
from ml_integration.tuning.crew import Task
from ml_integration.tuning.trial import Material
from ml_integration.tuning.variants import write_variant

SHAPES = Path(__file__).parents[2] / 'models' / 'shapes' / '2'
FRAMES = 8
TRUTHS = '/annotator/objects'


def labeled_bag(folder: Path, moved: float = 0.0, rename: str = '') -> Path:
    """Pictures of a drawn scene and what they show; the truth of every second one comes late."""
    scene, messages = make_scene(7), []
    for number in range(FRAMES):
        stamp_ns = (number + 1) * 100_000_000
        messages.append(('/image', image(render(scene, number / 10), stamp_ns, 'rgb8'), stamp_ns))
        if number % 2:
            shown = truth(scene, number / 10)
            names = [rename or KINDS[class_id] for class_id in shown.class_ids]
            boxes = shown.xyxy + np.float32(moved)
            known = detections(boxes, names, stamp_ns)
            messages.append((TRUTHS, known, stamp_ns + 1_000_000_000))
    return write_bag(folder, sorted(messages, key=lambda one: one[2]))


@pytest.fixture(scope='module')
def coarse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model with coarser pictures."""
    package = read_package(SHAPES)
    return write_variant(
        package, 'resize nearest', OnnxRuntime(), tmp_path_factory.mktemp('coarse'), 3
    )


@pytest.fixture
def compared(coarse: Path, tmp_path: Path) -> Callable[[float], Agreement]:
    def compare(moved: float) -> Agreement:
        bag = labeled_bag(tmp_path / 'bag', moved)
        material = Material(str(bag), {'/image': ('image',)}, 2, 30.0, {TRUTHS: ('detections',)})
        trial = Task(SHAPES, material).trial(Candidate())
        return agreement(trial, str(coarse), tmp_path / 'log')

    return compare


def test_both_models_are_scored_by_the_labels_of_all_frames(
    compared: Callable[[float], Agreement],
) -> None:
    found = compared(0.0)
    assert (found.frames, found.labeled, found.score_name) == (FRAMES, FRAMES // 2, 'mAP50-95')
    assert found.score_before is not None and found.score_before > 0.4
    assert found.score_after is not None and 0 < found.score_after < found.score_before


def test_labels_of_other_places_give_no_score(compared: Callable[[float], Agreement]) -> None:
    found = compared(200.0)
    assert found.score is not None and found.score > 0.4  # of one another, whatever is true
    assert found.score_before is not None and found.score_before < 0.1
    assert found.score_after is not None and found.score_after < 0.1


@pytest.mark.parametrize(
    ('options', 'said'),
    [
        (['--truth', TRUTHS], '--changing'),
        (['--truth', '/nothing', '--changing'], 'no such topic'),
        (['--truth', '/image', '--changing'], 'sensor_msgs/msg/Image'),
        (['--truth', f'masks:={TRUTHS}', '--changing'], 'detections:=RECORDED'),
        (['--truth', TRUTHS, '--changing'], 'unicorn'),
    ],
)
def test_labels_that_are_of_no_use_are_told_before_anything_is_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], said: str
) -> None:
    bag = labeled_bag(tmp_path / 'bag', rename='unicorn')
    assert main(['tune', str(SHAPES), '--data', str(bag), *options]) != 0
    assert said in capsys.readouterr().err
