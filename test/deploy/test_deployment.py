"""Swaps with real models: nothing fallible touches the one that serves."""

from __future__ import annotations

import shlex
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx_models
import pytest
from deployed_robots import WAIT_S, Robot

from ml_integration.cli.main import main
from ml_integration.core.pipeline import Pipeline
from ml_integration.deploy import admission
from ml_integration.deploy.loading import Loader
from ml_integration.errors import GoldenError, IntegrityError, SupersededError, SwapError
from ml_integration.store.package.package import ModelPackage


def test_a_swap_changes_what_serves_and_says_so(robot: Robot) -> None:
    robot.deployment.start('m@1')
    assert robot.swap('m@2') == 'm@2 serves, after m@1'
    with robot.deployment.router.lease() as lease:
        assert str(lease.pipeline.model.identity) == 'm@2'
    assert ('swap', 'm@2', 'ok') in robot.audit()


def test_the_version_that_serves_is_really_opened_again(robot: Robot) -> None:
    robot.deployment.start('m@1')
    engines = []
    for _ in range(2):
        with robot.deployment.router.lease() as lease:
            engines.append(lease.pipeline.session.share()._engine)
        assert robot.swap('m@1') == 'm@1 serves, after m@1'
    assert engines[0] is not engines[1]


def test_a_swap_that_fails_leaves_the_serving_model_and_says_why(
    robot: Robot, model_folder: Callable[..., Path]
) -> None:
    folder = model_folder('m', 4, model=onnx_models.tiny_detector(spoiled=True), golden=False)
    good = folder.parent / '1'
    shutil.copy(good / 'golden.npz', folder / 'golden.npz')
    from model_folders import pin_files, read_manifest_document, write_manifest

    write_manifest(folder, {**read_manifest_document(folder), 'golden': 'golden.npz'})
    pin_files(folder)
    robot.deployment.start('m@1')
    with pytest.raises(GoldenError, match='m@4'):
        robot.swap('m@4')
    assert robot.serving() == 'm@1'
    assert ('swap', 'm@4', 'failed') in robot.audit()


def test_a_tampered_model_is_refused_before_anything_is_loaded(robot: Robot, store: Path) -> None:
    robot.deployment.start('m@1')
    file = store / 'm/2/model.onnx'
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    with pytest.raises(IntegrityError, match=r'model\.onnx'):
        robot.deployment.admit('m@2')
    assert robot.serving() == 'm@1'


def test_a_model_of_another_task_is_refused_with_the_node_that_would_fit(
    robot: Robot, model_folder: Callable[..., Path]
) -> None:
    model_folder(
        'c', 1, model=onnx_models.classifier(), task='classification', settings={}, golden=False
    )
    robot.deployment.start('m@1')
    with pytest.raises(SwapError, match=r'Start another inference_node with -p model:=c@1'):
        robot.deployment.admit('c@1')


@pytest.mark.parametrize(
    ('model', 'task', 'settings', 'others'),
    [
        (
            onnx_models.depth_map(),
            'depth_estimation',
            ({'kind': 'metric'}, {'kind': 'inverse_depth'}),
            ('depth', 'inverse_depth'),
        ),
        (
            onnx_models.detector_with_more_outputs(),
            'tensor',
            ({'outputs': ['detections']}, {'outputs': ['total']}),
            ('tensor/detections', 'tensor/total'),
        ),
    ],
    ids=('depth', 'tensor'),
)
def test_a_model_with_other_topics_of_results_is_refused(
    robot: Robot,
    model_folder: Callable[..., Path],
    model: bytes,
    task: str,
    settings: tuple[dict[str, Any], dict[str, Any]],
    others: tuple[str, str],
) -> None:
    """The publishers are made for the first model; what comes on them keeps its meaning."""
    for version, values in enumerate(settings, 1):
        model_folder('d', version, model=model, task=task, settings=values, labels=())
    robot.deployment.start('d@1')
    with pytest.raises(SwapError, match='d@2 cannot take the place of d@1') as caught:
        robot.swap('d@2')
    assert all(name in str(caught.value) for name in others)
    assert '-p model:=d@2' in str(caught.value)
    assert robot.serving() == 'd@1'


@pytest.fixture
def everything_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, 'AT_ONCE_BYTES', 0)


def test_a_large_model_is_admitted_without_reading_it(
    robot: Robot, everything_is_large: None
) -> None:
    robot.deployment.start('m@1')
    candidate = robot.deployment.admit('m@2')
    assert candidate.package is None
    assert robot.deployment.swap(candidate).result(WAIT_S) == 'm@2 serves, after m@1'


def test_a_large_model_that_was_tampered_with_is_refused_before_it_is_loaded(
    robot: Robot, store: Path, everything_is_large: None
) -> None:
    robot.deployment.start('m@1')
    file = store / 'm/2/model.onnx'
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    candidate = robot.deployment.admit('m@2')  # its size is right
    with pytest.raises(IntegrityError, match=r'differing: model\.onnx \(sha256'):
        robot.deployment.swap(candidate).result(WAIT_S)
    assert robot.serving() == 'm@1'
    file.write_bytes(content[:-1])
    with pytest.raises(IntegrityError, match=r'differing: model\.onnx \(\d+ bytes instead of'):
        robot.deployment.admit('m@2')


def test_a_second_request_supersedes_the_first(robot: Robot) -> None:
    both_asked = threading.Event()

    class Patient(Loader):
        def load(self, package: ModelPackage, fresh: bool = False) -> Pipeline:
            assert package.manifest.version == 1 or both_asked.wait(WAIT_S)
            return super().load(package, fresh)

    deployment = robot.boot(Patient)
    deployment.start('m@1')
    candidates = [deployment.admit(f'm@{version}') for version in (2, 3)]
    first, second = [deployment.swap(candidate) for candidate in candidates]
    both_asked.set()
    assert second.result(WAIT_S) == 'm@3 serves, after m@1'
    with pytest.raises(SupersededError):
        first.result(WAIT_S)
    assert robot.serving() == 'm@3'


def test_rollback_returns_to_the_last_good_model(robot: Robot) -> None:
    robot.deployment.start('m@1')
    robot.serve()
    robot.swap('m@2')
    assert robot.deployment.rollback().result(WAIT_S) == 'm@1 serves again, m@2 was taken back'
    assert robot.serving() == 'm@1'
    with pytest.raises(SwapError, match='no previous good model'):
        robot.deployment.rollback().result(WAIT_S)


def test_rollback_works_when_the_previous_files_are_gone(robot: Robot, store: Path) -> None:
    robot.deployment.start('m@1')
    robot.serve()
    robot.swap('m@2')
    shutil.rmtree(store / 'm/1')
    robot.deployment.rollback().result(WAIT_S)
    assert robot.serving() == 'm@1'


def test_a_model_that_never_proved_itself_is_no_place_to_go_back_to(robot: Robot) -> None:
    robot.deployment.start('m@1')
    robot.serve()
    robot.swap('m@2')
    robot.swap('m@3')
    robot.deployment.rollback().result(WAIT_S)
    assert robot.serving() == 'm@1'


def test_a_crash_loop_during_probation_ends_in_the_previous_model(robot: Robot) -> None:
    robot.deployment.start('m@1')
    robot.serve()
    robot.swap('m@2')
    served = []
    for _ in range(3):  # each boot without a close stands for a process that was killed
        robot.boot().start('m@2')
        served.append(robot.serving())
    assert served == ['m@2', 'm@1', 'm@1']
    assert 'm@2 is not used, m@1 is' in robot.deployment.complaints[0]


def test_a_crash_loop_is_forgotten_with_the_command_that_is_told(robot: Robot) -> None:
    robot.deployment.start('m@1')
    robot.serve()
    robot.deployment.close()
    for _ in range(3):
        robot.boot().start('m@2')
    assert robot.serving() == 'm@1'
    told = robot.deployment.complaints[0]
    command = told.partition('ml_model ')[2].partition(', or start')[0]
    assert main(shlex.split(command)) == 0
    robot.boot().start('m@2')
    assert robot.serving() == 'm@2'


def test_a_clean_stop_is_no_failed_attempt(robot: Robot) -> None:
    robot.deployment.start('m@1')
    robot.serve()
    robot.swap('m@2')
    for _ in range(4):
        robot.deployment.close()
        robot.boot().start('m@2')
    assert robot.serving() == 'm@2'


def test_a_model_that_is_refused_at_start_gives_way_to_the_last_good_one(
    robot: Robot, store: Path
) -> None:
    robot.deployment.start('m@1')
    robot.serve()
    robot.deployment.close()
    (store / 'm/2/model.onnx').write_bytes(b'torn')
    robot.boot().start('m@2')
    assert robot.serving() == 'm@1'
    assert 'm@2 is not used' in robot.deployment.complaints[0]


def test_nothing_of_a_failed_load_is_left_open(robot: Robot) -> None:
    opened, closed = [], []

    class Watched(Loader):
        def load(self, package: ModelPackage, fresh: bool = False) -> Pipeline:
            pipeline = super().load(package, fresh)
            opened.append(pipeline)
            close = pipeline.close
            pipeline.close = lambda: (closed.append(pipeline), close())
            return pipeline

    robot.boot(Watched).start('m@1')
    robot.serve()
    for version in (2, 3, 2, 3):
        robot.swap(f'm@{version}')
    robot.deployment.close()
    assert len(opened) == 5
    assert {id(p) for p in opened} == {id(p) for p in closed}


def test_a_frame_that_was_leased_before_a_swap_does_not_count_for_the_new_model(
    robot: Robot,
) -> None:
    robot.deployment.start('m@1')
    robot.serve(1)
    with robot.deployment.router.lease() as lease:
        robot.swap('m@2')
        robot.serve(1)
        lease.record(True)
    assert not robot.deployment.state.committed
    robot.serve(1)
    assert robot.deployment.state.committed


def test_a_frame_under_way_at_the_close_is_finished_and_then_the_session_closed(
    robot: Robot,
) -> None:
    robot.deployment.start('m@1')
    with robot.deployment.router.lease() as lease:
        robot.deployment.close()
        session = lease.pipeline.session
        session.run({'images': np.zeros((1, 3, 64, 64), np.float32)})
        lease.record(True)
    assert session._leave is None
