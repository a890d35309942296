"""A model that several pipelines of a process use is loaded once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx_models
import pytest

from ml_integration.backends.onnx_runtime import OnnxRuntime
from ml_integration.core.cpus import process_cpus
from ml_integration.core.datatypes import ModelContent, ModelIdentity
from ml_integration.core.execution import ExecutionSettings
from ml_integration.deploy.loading import Loader
from ml_integration.deploy.shared_sessions import SharedSessions, model_key, sharers
from ml_integration.errors import GoldenError, InferenceError, ModelLoadError
from ml_integration.store.package.package import read_package
from ml_integration.store.state.artifacts import StoredArtifacts
from ml_integration.store.trust.encrypting import encrypt_package
from ml_integration.store.trust.policy import Trust

WAIT_S = 30.0
CONTENT = ModelContent(ModelIdentity('m', 1), onnx_models.tiny_detector())
SETTINGS = ExecutionSettings()
KEY = model_key('onnx_runtime', CONTENT, SETTINGS)
PICTURE = np.full((1, 3, 64, 64), 0.5, np.float32)


class Engine:
    """The real one; counts what is loaded and what is closed."""

    def __init__(self) -> None:
        self.loaded = 0
        self.closed = 0
        self.go = threading.Event()
        self.go.set()

    def load(self) -> Any:
        assert self.go.wait(WAIT_S)
        self.loaded += 1
        session = OnnxRuntime().open(CONTENT, SETTINGS)
        close = session.close

        def counted() -> None:
            self.closed += 1
            close()

        session.close = counted
        return session


@pytest.fixture
def engine() -> Engine:
    return Engine()


@pytest.fixture
def sessions() -> SharedSessions:
    return SharedSessions()


def test_who_comes_second_shares_and_the_last_one_closes(
    sessions: SharedSessions, engine: Engine
) -> None:
    first, second = (sessions.open(KEY, engine.load) for _ in range(2))
    assert (engine.loaded, sharers(first), sharers(second)) == (1, 2, 2)
    first.close()
    first.close()  # counts once
    assert (engine.closed, sharers(second)) == (0, 1)
    with pytest.raises(InferenceError):
        first.run({'images': PICTURE})
    second.run({'images': PICTURE})
    second.close()
    assert engine.closed == 1
    sessions.open(KEY, engine.load).close()
    assert (engine.loaded, engine.closed) == (2, 2)


@pytest.mark.skipif(len(process_cpus()) < 2, reason='there is nothing to divide on one CPU')
def test_who_comes_second_does_not_keep_to_the_cpus_of_the_first(
    sessions: SharedSessions, engine: Engine
) -> None:
    first, second = (sessions.open(KEY, engine.load) for _ in range(2))
    assert first.cpus and not second.cpus
    first.close()
    second.close()


def test_two_that_come_at_once_load_it_once(sessions: SharedSessions, engine: Engine) -> None:
    engine.go.clear()
    with ThreadPoolExecutor(4) as threads:
        asked = [threads.submit(sessions.open, KEY, engine.load) for _ in range(4)]
        while sessions._models.get(KEY) is None or sessions._models[KEY].sharers < 4:
            assert not any(future.done() for future in asked)
        engine.go.set()
        opened = [future.result(WAIT_S) for future in asked]
    assert (engine.loaded, sharers(opened[0])) == (1, 4)
    for session in opened:
        session.close()
    assert engine.closed == 1
    assert not sessions._models


def test_a_failure_leaves_nothing_behind_and_who_waited_tries_itself(
    sessions: SharedSessions, engine: Engine
) -> None:
    begun, go = threading.Event(), threading.Event()

    def fail() -> Any:
        begun.set()
        assert go.wait(WAIT_S)
        raise ModelLoadError('m@1', 'no memory')

    with ThreadPoolExecutor(2) as threads:
        failing = threads.submit(sessions.open, KEY, fail)
        assert begun.wait(WAIT_S)
        waiting = threads.submit(sessions.open, KEY, engine.load)
        go.set()
        with pytest.raises(ModelLoadError, match='no memory'):
            failing.result(WAIT_S)
        session = waiting.result(WAIT_S)
    assert sharers(session) == 1
    session.close()
    assert (engine.loaded, engine.closed) == (1, 1)
    with pytest.raises(ModelLoadError):
        sessions.open(KEY, fail)
    assert not sessions._models


def test_a_fresh_one_is_loaded_anew_and_shared_from_then_on(
    sessions: SharedSessions, engine: Engine
) -> None:
    old = sessions.open(KEY, engine.load)
    fresh = sessions.open(KEY, engine.load, fresh=True)
    later = sessions.open(KEY, engine.load)
    assert (engine.loaded, sharers(old), sharers(fresh)) == (2, 1, 2)
    old.close()  # does not take the fresh one with it
    assert engine.closed == 1
    sessions.open(KEY, engine.load).close()
    assert engine.loaded == 2
    fresh.close()
    later.close()
    assert engine.closed == 2
    assert not sessions._models


@pytest.mark.parametrize(
    ('backend', 'content', 'execution'),
    [
        ('other', CONTENT, SETTINGS),
        ('onnx_runtime', CONTENT, ExecutionSettings(intra_op_threads=2)),
        ('onnx_runtime', ModelContent(CONTENT.identity, b'other'), SETTINGS),
        ('onnx_runtime', ModelContent(CONTENT.identity, CONTENT.model, {'w': b''}), SETTINGS),
        ('onnx_runtime', replace(CONTENT, identity=ModelIdentity('n', 1)), SETTINGS),  # named
    ],
)
def test_what_differs_is_not_shared(
    backend: str, content: ModelContent, execution: ExecutionSettings
) -> None:
    assert model_key(backend, content, execution) != KEY


def test_pipelines_of_a_process_share_a_model_where_their_settings_are_the_same(
    model_folder: Callable[..., Path],
) -> None:
    package, other = read_package(model_folder()), ExecutionSettings(memory_arena=False)
    pipelines = [Loader(execution).load(package) for execution in (SETTINGS, SETTINGS, other)]
    assert [sharers(pipeline.session) for pipeline in pipelines] == [2, 2, 1]
    assert pipelines[0].task is not pipelines[1].task
    pipelines.append(Loader(SETTINGS).load(package, fresh=True))
    assert [sharers(pipeline.session) for pipeline in pipelines] == [2, 2, 1, 1]
    for pipeline in pipelines:
        pipeline.close()


def test_each_sharer_proves_itself_and_one_that_fails_disturbs_no_other(
    model_folder: Callable[..., Path],
) -> None:
    package = read_package(model_folder())
    good = Loader(SETTINGS).load(package)
    assert package.golden is not None
    spoiled = replace(package, golden=replace(package.golden, rtol=0.0, atol=-1.0))
    with pytest.raises(GoldenError):
        Loader(SETTINGS).load(spoiled)
    assert sharers(good.session) == 1
    good.session.run({'images': PICTURE})
    good.close()


def test_of_an_encrypted_model_nothing_is_kept_on_disk(
    model_folder: Callable[..., Path], tmp_path: Path
) -> None:
    cache = StoredArtifacts(tmp_path / 'cache', print)
    plain, key = model_folder(), bytes(range(32))
    encrypt_package(plain, tmp_path / 'sealed', key)
    sealed = read_package(tmp_path / 'sealed', Trust(model_key=key))
    Loader(SETTINGS, artifacts=cache).load(sealed).close()
    cache.write()
    assert not (tmp_path / 'cache').exists()
    Loader(SETTINGS, artifacts=cache).load(read_package(plain)).close()
    cache.write()
    assert len([*(tmp_path / 'cache').iterdir()]) == 1
