"""The optimized graph is kept for the next start, computes the same, and is never needed."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import hidden_weights
import numpy as np
import onnx_models
import pytest

from ml_integration.backends import onnx_runtime
from ml_integration.backends.onnx_runtime import OnnxRuntime, optimized
from ml_integration.core.datatypes import ModelContent, ModelIdentity
from ml_integration.core.execution import ExecutionSettings
from ml_integration.errors import ModelLoadError

PICTURE = np.linspace(0, 1, 3 * 64 * 64, dtype=np.float32).reshape(1, 3, 64, 64)
MODEL = onnx_models.tiny_detector()


class Memory:
    """A cache in memory that remembers what it was asked."""

    def __init__(self) -> None:
        self.entries: dict[str, bytes] = {}
        self.dropped: list[str] = []

    def get(self, key: str) -> bytes | None:
        return self.entries.get(key)

    def put(self, key: str, data: bytes) -> None:
        self.entries[key] = data

    def drop(self, key: str, reason: str) -> None:
        del self.entries[key]
        self.dropped.append(reason)

    def folder(self, key: str) -> Path | None:
        return None


@pytest.fixture
def cache() -> Memory:
    return Memory()


def result(
    cache: Memory | None, model: bytes = MODEL, settings: ExecutionSettings | None = None
) -> Any:
    content = ModelContent(ModelIdentity('m', 1), model)
    session = OnnxRuntime().open(content, settings or ExecutionSettings(), cache)
    detections = session.run({'images': PICTURE})['detections'].copy()
    options = session._engine.get_session_options()
    session.close()
    return detections, options.graph_optimization_level.name


def test_the_second_opening_takes_the_kept_graph_and_computes_exactly_the_same(
    cache: Memory,
) -> None:
    expected, _ = result(None)
    made, level = result(cache)
    assert level == 'ORT_ENABLE_ALL'
    kept, level = result(cache)
    assert level == 'ORT_DISABLE_ALL'  # there is nothing left to do
    np.testing.assert_array_equal(made, expected)
    np.testing.assert_array_equal(kept, expected)
    assert len(cache.entries) == 1


@pytest.mark.parametrize(
    ('attribute', 'value'),
    [
        ('onnxruntime.__version__', '1.0.0'),  # other optimizations
        ('ml_integration.backends.onnx_runtime.optimized.cpu_kind', lambda: 'z80'),  # other layout
    ],
)
def test_a_graph_for_another_engine_or_cpu_is_not_taken(
    attribute: str, value: Any, cache: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    result(cache)
    monkeypatch.setattr(attribute, value)
    assert result(cache)[1] == 'ORT_ENABLE_ALL'
    assert len(cache.entries) == 2


def test_another_model_or_another_level_has_an_entry_of_its_own(cache: Memory) -> None:
    result(cache)
    result(cache, onnx_models.tiny_detector(spoiled=True))
    result(cache, settings=ExecutionSettings(graph_optimization='basic'))
    result(cache, settings=ExecutionSettings(memory_arena=False))  # nothing of the graph's
    assert len(cache.entries) == 3


def test_a_session_says_whether_it_is_from_the_cache(cache: Memory) -> None:
    content = ModelContent(ModelIdentity('m', 1), MODEL)
    said = []
    for _ in range(2):
        with closing(OnnxRuntime().open(content, ExecutionSettings(), cache)) as session:
            said.append((session.from_cache, session.share().from_cache))
    assert said == [(False, False), (True, True)]


def test_a_graph_that_the_engine_refuses_is_dropped_and_made_anew(cache: Memory) -> None:
    expected, _ = result(cache)
    (key,) = cache.entries
    good, cache.entries[key] = cache.entries[key], b'rubbish'
    np.testing.assert_array_equal(result(cache)[0], expected)
    assert cache.entries[key] == good
    (reason,) = cache.dropped
    assert 'refuses it' in reason


def test_a_graph_that_takes_weights_from_a_file_is_dropped_and_made_anew(
    cache: Memory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected, _ = result(cache)
    (key,) = cache.entries
    (tmp_path / 'weights.bin').write_bytes(hidden_weights.WEIGHTS.tobytes())
    monkeypatch.chdir(tmp_path)
    cache.entries[key] = hidden_weights.hidden('branch')
    np.testing.assert_array_equal(result(cache)[0], expected)
    (reason,) = cache.dropped
    assert 'weights.bin' in reason


@pytest.mark.parametrize(
    'settings',
    [
        ExecutionSettings(cache_optimized=False),
        ExecutionSettings(graph_optimization='disabled'),  # nothing to keep
    ],
)
def test_nothing_is_kept_where_that_is_not_wanted(
    settings: ExecutionSettings, cache: Memory
) -> None:
    result(cache, settings=settings)
    assert not cache.entries


@onnx_models.takes_external_weights
def test_models_with_external_weights_are_not_kept(cache: Memory, tmp_path: Path) -> None:
    model, weights = onnx_models.with_external_weights(tmp_path)
    content = ModelContent(ModelIdentity('m', 1), model, {'weights.bin': weights})
    OnnxRuntime().open(content, ExecutionSettings(), cache)
    assert not cache.entries


def test_large_models_are_not_kept(cache: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_runtime, 'LARGEST_BYTES', len(MODEL) - 1)
    result(cache)
    assert not cache.entries


def test_a_model_opens_where_no_graph_can_be_written(
    cache: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(prefix: str) -> Any:
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(optimized, 'TemporaryDirectory', fail)
    expected, _ = result(None)
    np.testing.assert_array_equal(result(cache)[0], expected)
    assert not cache.entries


def test_a_model_that_is_none_is_refused_as_without_a_cache(cache: Memory) -> None:
    with pytest.raises(ModelLoadError, match='m@1: the file is not an ONNX model'):
        result(cache, b'rubbish')
    assert not cache.entries
