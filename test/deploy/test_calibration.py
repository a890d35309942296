"""Threads and spinning are measured once, and only where nobody has set them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import onnx_models
import pytest
from model_folders import write_model_folder

from ml_integration.core.batching import BatchSettings
from ml_integration.core.contracts import Session
from ml_integration.core.cpus import process_cpus, usable_cpus
from ml_integration.core.execution import ExecutionSettings
from ml_integration.core.pipeline import Pipeline
from ml_integration.deploy import calibration, comparison
from ml_integration.deploy.calibration import Calibration
from ml_integration.deploy.comparison import Comparison, cheapest
from ml_integration.deploy.job import Job
from ml_integration.deploy.loading import Loader
from ml_integration.deploy.way import Load, Way, usual_way
from ml_integration.errors import SupersededError
from ml_integration.store.package.package import ModelPackage, read_package
from ml_integration.store.state.measurements import Measurements

SHAPES = Path(__file__).parents[2] / 'models/shapes/1'
ONE, TWO, WITHIN = Way(1), Way(2), Way(2, 'within_run')
several_cpus = pytest.mark.skipif(usable_cpus() < 2, reason='there is nothing to choose')


@pytest.mark.parametrize(
    ('spent_ms', 'expected'),
    [
        ({ONE: [1.5] * 4, TWO: [1.45] * 4}, ONE),  # about as fast
        ({ONE: [5.0] * 4, TWO: [4.0] * 4, WITHIN: [3.9] * 4}, TWO),
        ({ONE: [5.0] * 4, TWO: [4.0] * 4, WITHIN: [3.5] * 4}, WITHIN),
        ({ONE: [2.0, 2.0, 2.0, 90.0], TWO: [3.0] * 4}, ONE),  # one run that was disturbed
        ({ONE: [5.0] * 4, TWO: [4.0] * 2}, None),  # no time was left
    ],
)
def test_what_costs_least_is_taken_unless_another_way_is_clearly_faster(
    spent_ms: dict[Way, list[float]], expected: Way | None
) -> None:
    assert cheapest(spent_ms) == expected


@pytest.mark.parametrize(
    ('settings', 'is_open'),
    [
        (ExecutionSettings(), True),
        (ExecutionSettings(intra_op_threads=2), False),
        (ExecutionSettings(spinning='never'), False),
        (ExecutionSettings(inter_op_threads=2), False),
        (ExecutionSettings(thread_affinity='1'), False),
    ],
)
def test_only_what_nobody_has_set_is_chosen(settings: ExecutionSettings, is_open: bool) -> None:
    assert settings.leaves_threads_open is is_open


def loader(told: list[str], measurements: Measurements, **settings: object) -> Loader:
    execution = replace(ExecutionSettings(), **settings)  # type: ignore[arg-type]
    return Loader(execution, calibration=Calibration(measurements, told.append))


def way_of(pipeline: Pipeline) -> Way:
    return Way(pipeline.session.threads, pipeline.session.spinning)


@pytest.fixture
def shapes(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelPackage]:
    """A real model that is not so small that one thread is enough without a comparison."""
    monkeypatch.setattr(comparison, 'QUICK_MS', 0.0)
    yield read_package(SHAPES)


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing has been chosen, and this machine may be busy with something else."""
    monkeypatch.setattr(calibration, '_chosen', {})
    monkeypatch.setattr(comparison, 'SLOW_MS', 1e6)
    monkeypatch.setattr(comparison, 'SLOW_TO_OPEN_S', 60.0)
    monkeypatch.setattr(comparison, 'LIMIT_S', 10.0)
    monkeypatch.setattr(comparison, 'PERIOD_S', 0.01)


@several_cpus
def test_a_choice_is_told_used_and_remembered(shapes: ModelPackage) -> None:
    told: list[str] = []
    measurements = Measurements()
    first = loader(told, measurements)
    with closing(first.load(shapes)) as pipeline:
        assert way_of(pipeline) == usual_way()
        first.settle(shapes, pipeline)
        chosen = way_of(pipeline)
        (sentence,) = told
        assert sentence.startswith(f'shapes@1: {chosen}, as measured; 1 thread: ')
        shown = pipeline.session.run(pipeline.wiring.row(0))
        assert all(array.size for array in shown.values())
    with closing(first.load(shapes)) as pipeline:
        assert way_of(pipeline) == chosen
        session = pipeline.session
        first.settle(shapes, pipeline)
        assert pipeline.session is session
    other_node = loader(told, Measurements())
    with closing(other_node.load(shapes)) as pipeline:
        assert way_of(pipeline) == chosen
    assert len(told) == 1
    known = Calibration(measurements, told.append)
    assert known.known('other', '', ExecutionSettings(), Load()) is None


@several_cpus
@pytest.mark.usefixtures('shapes')
def test_a_model_of_several_cameras_is_measured_by_full_batches_and_never_spins(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames: set[int] = set()
    run_ms = Comparison._run_ms

    def watched(compared: Comparison, session: Session) -> float:
        frames.update(len(array) for array in compared._tensors.values())
        return run_ms(compared, session)

    monkeypatch.setattr(Comparison, '_run_ms', watched)
    told: list[str] = []
    model = onnx_models.tiny_detector(free_batch=True)
    package = read_package(write_model_folder(store, model=model))
    cameras = replace(loader(told, Measurements()), streams=4, batch=BatchSettings(max_size=3))
    with closing(cameras.load(package)) as pipeline:
        cameras.settle(package, pipeline)
        assert pipeline.batch_size == 3
        assert pipeline.session.spinning == 'never'
    assert frames == {3}
    assert 'spinning within_run' not in told[0]
    one_camera = loader(told, Measurements())
    with closing(one_camera.load(package)) as pipeline:
        one_camera.settle(package, pipeline)
    assert len(told) == 2  # what is chosen for several cameras says nothing of one


@several_cpus
def test_a_quick_model_gets_one_thread_without_a_comparison(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparison, 'QUICK_MS', 1e6)
    told: list[str] = []
    package = read_package(write_model_folder(store))
    quick = loader(told, Measurements())
    with closing(quick.load(package)) as pipeline:
        quick.settle(package, pipeline)
        assert way_of(pipeline) == ONE
    assert told == ['tiny_detector@1: 1 thread, as measured']


@pytest.mark.parametrize('settings', [{'spinning': 'never'}, {'intra_op_threads': 2}])
def test_what_is_set_stays(settings: dict[str, object], shapes: ModelPackage) -> None:
    told: list[str] = []
    fixed = loader(told, Measurements(), **settings)
    with closing(fixed.load(shapes)) as pipeline:
        session = pipeline.session
        fixed.settle(shapes, pipeline)
        assert pipeline.session is session
        assert session.spinning == 'never'
    assert told == []


@several_cpus
def test_what_serves_is_not_disturbed_and_a_superseded_load_ends(shapes: ModelPackage) -> None:
    job, pauses = Job('shapes@1', 60.0), []

    def pause() -> None:
        pauses.append(process_cpus())
        if len(pauses) == 6:
            job.end(SupersededError())

    beside = loader([], Measurements()).beside(pause, lambda close: close())
    with closing(beside.load(shapes)) as pipeline:
        session = pipeline.session
        before = len(pauses)
        with pytest.raises(SupersededError):
            beside.within(job).settle(shapes, pipeline)
        assert pipeline.session is session
        assert len(pauses) > before  # each run waits for a gap between frames
        assert pipeline.session.run(pipeline.wiring.row(0))
