"""Each version that is made to be bad is bad in the way that its name says."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic_ns
from typing import Any

import numpy as np
import pytest

from benchmarks import rollout_tasks
from benchmarks.accuracy import result_of, true_objects
from benchmarks.rollout_models import SHAPES, Kind, make_store, make_version, white_picture
from ml_integration.core.arrivals import of_one
from ml_integration.core.datatypes import Prediction
from ml_integration.core.execution import ExecutionSettings
from ml_integration.core.pipeline import Pipeline
from ml_integration.core.rollout.settings import RolloutSettings
from ml_integration.demos.scene_maker import make_scene
from ml_integration.demos.scenes import render
from ml_integration.deploy.loading import Loader
from ml_integration.errors import DeadlineError, InferenceError
from ml_integration.recordings.pictures import picture_message
from ml_integration.store.package.package import read_package

LOADER = Loader(ExecutionSettings(intra_op_threads=1))
SCENES = range(2000, 2048)
Scenes = list[tuple[np.ndarray, Any]]


@pytest.fixture(scope='module')
def scenes() -> Scenes:
    made = [make_scene(seed) for seed in SCENES]
    return [(render(scene, 5.0), true_objects(scene, 5.0)) for scene in made]


@pytest.fixture(scope='module')
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_store(tmp_path_factory.mktemp('rollout') / 'store')


@pytest.fixture(scope='module')
def plug_ins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    places = list(rollout_tasks.register(tmp_path_factory.mktemp('plug_ins')))
    sys.path.extend(places)
    yield places
    for place in places:
        sys.path.remove(place)


def load(store: Path, version: int) -> Pipeline:
    return LOADER.load(read_package(store / f'shapes/{version}'))


def predicted(pipeline: Pipeline, picture: np.ndarray) -> Prediction:
    return pipeline.run(of_one('images', picture_message(picture, 0, 'rgb8')))


def accuracy(store: Path, version: int, scenes: Scenes) -> float:
    """mAP50-95 on scenes."""
    pipeline = load(store, version)
    task: Any = pipeline.task
    scorer = task.scorer()
    for picture, truth in scenes:
        scorer.add(result_of(pipeline, picture, 0), truth)
    pipeline.close()
    return float(scorer.scores()[0].value)


@pytest.fixture(scope='module')
def good(store: Path, scenes: Scenes) -> float:
    return accuracy(store, 2, scenes)


def apart(store: Path, version: int, scenes: Scenes) -> list[float]:
    """Disagreement with shapes@2 on each of some scenes."""
    stable, other = load(store, 2), load(store, version)
    task: Any = stable.task
    found = [
        task.compare(result_of(stable, one, 0), result_of(other, one, 0), other.model).disagreement
        for one, _ in scenes
    ]
    stable.close(), other.close()
    return found


@pytest.mark.parametrize(
    ('version', 'low', 'high'),
    [
        (Kind.SLIGHTLY_WORSE.value, 0.04, 0.12),
        (Kind.WRONG_COLORS.value, 0.05, 0.13),
        (Kind.HALF_MISSING.value, 0.2, 0.45),
        (1, 0.3, 0.6),
        (Kind.SHUFFLED_LABELS.value, 0.95, 1.0),
        (Kind.RANDOM_WEIGHTS.value, 0.95, 1.0),
    ],
)
def test_the_limit_of_disagreement_is_between_what_is_harmless_and_what_is_not(
    store: Path, scenes: Scenes, version: int, low: float, high: float
) -> None:
    assert not low < RolloutSettings().disagreement < high
    assert low < np.mean(apart(store, version, scenes[:40])) <= high


def test_the_identical_one_says_the_same(store: Path, scenes: Scenes) -> None:
    assert apart(store, Kind.IDENTICAL.value, scenes[:20]) == [0.0] * 20


def test_the_slow_one_does_the_same_work_twice(store: Path, scenes: Scenes) -> None:
    engine: Any = __import__('onnxruntime')
    counts = []
    for version in (2, Kind.TWICE_SLOWER.value):
        options = engine.SessionOptions()
        options.enable_profiling = True
        options.profile_file_prefix = str(store / 'profile')
        session = engine.InferenceSession(store / f'shapes/{version}/model.onnx', options)
        session.run(None, {'images': np.zeros((1, 3, 208, 256), np.float32)})
        events = json.loads(Path(session.end_profiling()).read_text())
        counts.append(sum('Conv' in one.get('args', {}).get('op_name', '') for one in events))
    assert counts[1] >= 2 * counts[0] > 0
    assert apart(store, Kind.TWICE_SLOWER.value, scenes[:10]) == [0.0] * 10


def test_not_a_number_is_found_in_half_of_the_scenes(store: Path, scenes: Scenes) -> None:
    pipeline = load(store, Kind.NAN.value)
    kinds = [
        {reason.kind for reason in predicted(pipeline, one).verdict.reasons} for one, _ in scenes
    ]
    pipeline.close()
    assert kinds.count({'not_finite'}) + kinds.count(set()) == len(scenes)
    assert 0.25 < kinds.count({'not_finite'}) / len(scenes) < 0.75


def test_those_that_see_wrongly_score_much_worse(store: Path, scenes: Scenes, good: float) -> None:
    assert accuracy(store, Kind.RANDOM_WEIGHTS.value, scenes) < 0.1
    assert accuracy(store, Kind.WRONG_SCALE.value, scenes) < 0.1
    assert 0.3 < accuracy(store, Kind.HALF_MISSING.value, scenes) / good < 0.7


def test_half_of_the_objects_are_missing(store: Path, scenes: Scenes) -> None:
    counts = []
    for version in (2, Kind.HALF_MISSING.value):
        pipeline = load(store, version)
        counts.append(sum(len(result_of(pipeline, one, 0)) for one, _ in scenes))
        pipeline.close()
    assert 0.4 < counts[1] / counts[0] < 0.6


def test_shuffled_labels_give_every_object_another_name(store: Path, scenes: Scenes) -> None:
    stable, other = load(store, 2), load(store, Kind.SHUFFLED_LABELS.value)
    task: Any = stable.task
    for picture, _ in scenes[:20]:
        first, second = result_of(stable, picture, 0), result_of(other, picture, 0)
        difference = task.compare(first, second, other.model)
        assert (difference.same, difference.other_class) == (0, len(first))


def test_the_slightly_worse_one_loses_three_points(
    store: Path, scenes: Scenes, good: float
) -> None:
    lost = good - accuracy(store, Kind.SLIGHTLY_WORSE.value, scenes)
    assert 0.015 < lost < 0.045


def test_a_network_that_never_minded_colors_stays_good_and_says_other_things(
    store: Path, scenes: Scenes, good: float
) -> None:
    assert accuracy(store, Kind.WRONG_COLORS.value, scenes) > good - 0.03
    assert np.mean(apart(store, Kind.WRONG_COLORS.value, scenes[:40])) > 0.05


def test_version_two_is_better_than_version_one(store: Path, scenes: Scenes, good: float) -> None:
    assert accuracy(store, 1, scenes) < good - 0.1


def test_the_leaking_one_keeps_a_megabyte_of_each_frame(
    store: Path, plug_ins: list[str], scenes: Scenes
) -> None:
    pipeline = load(store, Kind.LEAKING.value)
    before = sum(array.nbytes for array in rollout_tasks._lost)
    for picture, _ in scenes[:10]:
        assert predicted(pipeline, picture).verdict.ok
    assert sum(array.nbytes for array in rollout_tasks._lost) - before == 10 * 2**20
    rollout_tasks._lost.clear()
    pipeline.close()


def test_the_engine_fails_on_the_white_picture_alone(store: Path, scenes: Scenes) -> None:
    pipeline = load(store, Kind.RAISING.value)
    assert predicted(pipeline, scenes[0][0]).verdict.ok
    with pytest.raises(InferenceError):
        predicted(pipeline, white_picture())
    assert predicted(pipeline, scenes[0][0]).verdict.ok
    pipeline.close()


def test_the_freezing_one_comes_back_from_the_white_picture_only_when_it_is_ended(
    store: Path, scenes: Scenes
) -> None:
    pipeline = load(store, Kind.FREEZING.value)
    assert predicted(pipeline, scenes[0][0]).verdict.ok
    work = pipeline.prepare(of_one('images', picture_message(white_picture(), 0, 'rgb8')))
    with pytest.raises(DeadlineError):
        pipeline.infer([work], monotonic_ns() + int(1e9))
    pipeline.close()


CRASH = """
import sys
from pathlib import Path
from benchmarks.rollout_models import white_picture
from ml_integration.core.arrivals import of_one
from ml_integration.deploy.loading import Loader
from ml_integration.recordings.pictures import picture_message
from ml_integration.store.package.package import read_package
pipeline = Loader().load(read_package(Path(sys.argv[1])))
dark = white_picture() // 4
print(pipeline.run(of_one('images', picture_message(dark))).verdict.ok, flush=True)
pipeline.run(of_one('images', picture_message(white_picture())))
print('it is alive', flush=True)
"""


def test_the_crashing_one_kills_its_process(store: Path, plug_ins: list[str]) -> None:
    folder = store / f'shapes/{Kind.CRASHING.value}'
    done = subprocess.run(
        [sys.executable, '-c', CRASH, str(folder)],
        env={**os.environ, 'PYTHONPATH': os.pathsep.join(plug_ins)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (-signal.SIGABRT, 'True\n')


def test_making_a_version_touches_no_released_one(tmp_path: Path) -> None:
    before = (SHAPES / '2/manifest.yaml').read_bytes()
    assert read_package(make_version(tmp_path, Kind.NAN)).content.identity.version == 5
    assert (SHAPES / '2/manifest.yaml').read_bytes() == before
