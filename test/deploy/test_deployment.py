"""Swaps with real models: nothing fallible touches the one that serves."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from time import monotonic_ns

import numpy as np
import onnx_models
import pytest

from ml_integration.core.execution import ExecutionSettings
from ml_integration.core.pipeline import Pipeline
from ml_integration.deploy import admission
from ml_integration.deploy.admission import Admission
from ml_integration.deploy.deployment import Deployment
from ml_integration.deploy.history import History
from ml_integration.deploy.loading import Loader
from ml_integration.deploy.probation import ProbationSettings
from ml_integration.errors import GoldenError, IntegrityError, SupersededError, SwapError
from ml_integration.store.package.package import ModelPackage
from ml_integration.store.state.model_store import ModelStore
from ml_integration.store.state.node_state import NodeState
from ml_integration.store.state.state_dir import StateDir
from ml_integration.store.trust.policy import DIGEST

WAIT_S = 30.0
SLOW_S = 0.4
QUICK = ProbationSettings(good_frames=2, seconds=0.0, attempts=2)


class Robot:
    """A deployment that can be stopped, or killed, and started again."""

    def __init__(self, store: Path, state: Path) -> None:
        self._store, self._state = store, state
        self.deployment = self.boot()

    def boot(self, loader: type[Loader] = Loader) -> Deployment:
        state_dir = StateDir(self._state)
        history = History(state_dir, '/detector')
        store = ModelStore([self._store], state_dir)
        self.deployment = Deployment(
            Admission(store, DIGEST, history.of_model),
            loader(ExecutionSettings(intra_op_threads=1)),
            history,
            lambda: QUICK,
            monotonic_ns,
        )
        return self.deployment

    def serve(self, frames: int = 2) -> None:
        for _ in range(frames):
            with self.deployment.lease() as lease:
                lease.record(True)

    def serving(self) -> str:
        return str(self.deployment.serving.identity)

    def audit(self) -> list[tuple[str, str, str]]:
        entries = StateDir(self._state).audit.entries()
        return [(entry.action, entry.model, entry.result) for entry in entries]


@pytest.fixture
def robot(store: Path, model_folder: Callable[..., Path], tmp_path: Path) -> Iterator[Robot]:
    for version in (1, 2, 3):
        model_folder('m', version)
    robot = Robot(store, tmp_path / 'state')
    yield robot
    robot.deployment.close()


def swap(robot: Robot, reference: str) -> str:
    deployment = robot.deployment
    return deployment.swap(deployment.admit(reference)).result(WAIT_S)


def test_a_swap_changes_what_serves_and_says_so(robot: Robot) -> None:
    robot.deployment.start('m@1')
    assert swap(robot, 'm@2') == 'm@2 serves, after m@1'
    with robot.deployment.lease() as lease:
        assert str(lease.pipeline.model.identity) == 'm@2'
    assert ('swap', 'm@2', 'ok') in robot.audit()


def test_the_version_that_serves_is_really_opened_again(robot: Robot) -> None:
    robot.deployment.start('m@1')
    engines = []
    for _ in range(2):
        with robot.deployment.lease() as lease:
            engines.append(lease.pipeline.session.share()._engine)
        assert swap(robot, 'm@1') == 'm@1 serves, after m@1'
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
        swap(robot, 'm@4')
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
    swap(robot, 'm@2')
    assert robot.deployment.rollback().result(WAIT_S) == 'm@1 serves again, m@2 was taken back'
    assert robot.serving() == 'm@1'
    with pytest.raises(SwapError, match='no previous good model'):
        robot.deployment.rollback().result(WAIT_S)


def test_rollback_works_when_the_previous_files_are_gone(robot: Robot, store: Path) -> None:
    robot.deployment.start('m@1')
    robot.serve()
    swap(robot, 'm@2')
    shutil.rmtree(store / 'm/1')
    robot.deployment.rollback().result(WAIT_S)
    assert robot.serving() == 'm@1'


def test_a_model_that_never_proved_itself_is_no_place_to_go_back_to(robot: Robot) -> None:
    robot.deployment.start('m@1')
    robot.serve()
    swap(robot, 'm@2')
    swap(robot, 'm@3')
    robot.deployment.rollback().result(WAIT_S)
    assert robot.serving() == 'm@1'


def test_a_crash_loop_during_probation_ends_in_the_previous_model(robot: Robot) -> None:
    robot.deployment.start('m@1')
    robot.serve()
    swap(robot, 'm@2')
    served = []
    for _ in range(3):  # each boot without a close stands for a process that was killed
        robot.boot().start('m@2')
        served.append(robot.serving())
    assert served == ['m@2', 'm@1', 'm@1']
    assert 'm@2 is not used, m@1 is' in robot.deployment.complaints[0]


def test_a_clean_stop_is_no_failed_attempt(robot: Robot) -> None:
    robot.deployment.start('m@1')
    robot.serve()
    swap(robot, 'm@2')
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


def test_tampering_on_disk_is_found_and_quarantined_while_the_model_serves_on(
    robot: Robot, store: Path
) -> None:
    robot.deployment.start('m@1')
    assert robot.deployment.look_for_tampering() == ''
    with (store / 'm/1/model.onnx').open('ab') as file:
        file.write(b'x')
    assert 'model.onnx' in robot.deployment.look_for_tampering()
    assert robot.serving() == 'm@1'
    assert robot.deployment.quarantined('m', 1)
    assert ('quarantine', 'm@1', 'ok') in robot.audit()


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
        swap(robot, f'm@{version}')
    robot.deployment.close()
    assert len(opened) == 5
    assert {id(p) for p in opened} == {id(p) for p in closed}


def test_a_frame_that_was_leased_before_a_swap_does_not_count_for_the_new_model(
    robot: Robot,
) -> None:
    robot.deployment.start('m@1')
    robot.serve(1)
    with robot.deployment.lease() as lease:
        swap(robot, 'm@2')
        robot.serve(1)
        lease.record(True)
    assert not robot.deployment.state.committed
    robot.serve(1)
    assert robot.deployment.state.committed


class Crowd:
    """An audience that writes down what it is told, and what serves at that moment."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self.told: list[str] = []
        self.fault: Exception | None = None
        self.during_preparation: Callable[[], object] = lambda: None

    def prepare(self, pipeline: Pipeline) -> None:
        serving = self._deployment.serving.identity
        self.told.append(f'prepare {pipeline.model.identity} while {serving} serves')
        self.during_preparation()
        if self.fault is not None:
            raise self.fault

    def forget(self, pipeline: Pipeline) -> None:
        assert pipeline.session._leave is not None, 'it is closed already'
        self.told.append(f'forget {pipeline.model.identity}')


@pytest.fixture
def crowd(robot: Robot) -> Crowd:
    """Watches a robot that serves m@1, which has proven itself."""
    robot.deployment.start('m@1')
    robot.serve()
    crowd = Crowd(robot.deployment)
    robot.deployment.audience = crowd
    return crowd


def test_an_audience_prepares_before_a_swap_and_forgets_what_is_closed_for_good(
    robot: Robot, crowd: Crowd
) -> None:
    for version in (2, 3):
        swap(robot, f'm@{version}')
    assert [str(p.model.identity) for p in robot.deployment.open_pipelines] == ['m@3', 'm@1']
    robot.deployment.rollback().result(WAIT_S)  # m@1 is still in memory
    robot.deployment.close()
    assert [line for line in crowd.told if line.startswith('prepare')] == [
        'prepare m@2 while m@1 serves',
        'prepare m@3 while m@2 serves',
        'prepare m@1 while m@3 serves',
    ]
    assert [line for line in crowd.told if line.startswith('forget')] == [
        f'forget m@{version}' for version in (2, 3, 1)
    ]


def test_an_audience_prepares_before_a_rollback_to_a_model_on_disk(
    robot: Robot, crowd: Crowd
) -> None:
    swap(robot, 'm@2')
    robot.deployment.close()
    robot.boot().start('m@2')
    crowd = robot.deployment.audience = Crowd(robot.deployment)
    robot.deployment.rollback().result(WAIT_S)
    assert crowd.told[0] == 'prepare m@1 while m@2 serves'


def test_an_audience_that_cannot_prepare_prevents_the_swap(robot: Robot, crowd: Crowd) -> None:
    crowd.fault = SwapError('the window of m@2 does not fit')
    before = robot.deployment.state
    with pytest.raises(SwapError, match='does not fit'):
        swap(robot, 'm@2')
    assert crowd.told == ['prepare m@2 while m@1 serves', 'forget m@2']
    assert (robot.serving(), robot.deployment.state) == ('m@1', before)


def test_a_model_that_is_superseded_while_it_is_prepared_is_forgotten(
    robot: Robot, crowd: Crowd
) -> None:
    crowd.during_preparation = robot.deployment.stay
    with pytest.raises(SupersededError):
        swap(robot, 'm@2')
    assert crowd.told == ['prepare m@2 while m@1 serves', 'forget m@2']
    assert robot.serving() == 'm@1'


def slow_disk(robot: Robot, monkeypatch: pytest.MonkeyPatch, state: NodeState) -> None:
    """Makes the write of one state take its time."""
    directory = robot.deployment._history._state_dir
    save = directory.save_node_state

    def slow(node: str, new: NodeState) -> None:
        if new == state:
            time.sleep(SLOW_S)
        save(node, new)

    monkeypatch.setattr(directory, 'save_node_state', slow)


def test_a_rollback_while_a_proof_is_being_written_is_what_ends_on_disk(
    robot: Robot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    robot.deployment.start('m@1')
    robot.serve()
    swap(robot, 'm@2')
    proof = replace(robot.deployment.state, committed=True, attempts=0)
    slow_disk(robot, monkeypatch, proof)
    robot.serve()
    assert robot.deployment.state == proof
    robot.deployment.rollback().result(WAIT_S)
    rejected = NodeState(serving='m@1', committed=True, rejected=('m@2',))
    assert robot.deployment.state == rejected
    assert StateDir(tmp_path / 'state').node_state('/detector') == rejected
    robot.deployment.close()
    assert StateDir(tmp_path / 'state').node_state('/detector') == rejected
    robot.boot().start('m@2')
    assert robot.serving() == 'm@1'


def test_a_clean_close_has_written_the_last_state(
    robot: Robot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    robot.deployment.start('m@1')
    proof = replace(robot.deployment.state, committed=True, attempts=0)
    slow_disk(robot, monkeypatch, proof)
    robot.serve()
    robot.deployment.close()
    assert StateDir(tmp_path / 'state').node_state('/detector') == proof
    assert ('commit', 'm@1', 'ok') in robot.audit()


def test_frames_do_not_wait_while_the_state_of_a_swap_is_being_written(
    robot: Robot, monkeypatch: pytest.MonkeyPatch
) -> None:
    robot.deployment.start('m@1')
    directory = robot.deployment._history._state_dir
    writing, written = threading.Event(), threading.Event()
    save = directory.save_node_state

    def waits(node: str, state: NodeState) -> None:
        writing.set()
        assert written.wait(WAIT_S)
        save(node, state)

    monkeypatch.setattr(directory, 'save_node_state', waits)
    swapped = robot.deployment.swap(robot.deployment.admit('m@2'))
    assert writing.wait(WAIT_S)
    robot.serve()  # enough to prove m@1, which is about to go
    assert not swapped.done()
    assert robot.serving() == 'm@1'
    written.set()
    swapped.result(WAIT_S)
    assert robot.deployment.state == NodeState(serving='m@2', attempts=1)


def test_a_frame_under_way_at_the_close_is_finished_and_then_the_session_closed(
    robot: Robot,
) -> None:
    robot.deployment.start('m@1')
    with robot.deployment.lease() as lease:
        robot.deployment.close()
        session = lease.pipeline.session
        session.run({'images': np.zeros((1, 3, 64, 64), np.float32)})
        lease.record(True)
    assert session._leave is None
