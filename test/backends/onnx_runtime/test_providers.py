"""Which provider executes a model, and what is said when it is not the one asked for.

No GPU is needed, so none is tested: that CUDA and TensorRT really execute a model, that TensorRT
takes its engines from the folder again, and what the way to the GPU costs, is not seen here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx_models
import onnxruntime
import pytest

from ml_integration.backends import onnx_runtime
from ml_integration.backends.onnx_runtime import OnnxRuntime
from ml_integration.backends.onnx_runtime.options import CPU, CUDA, TENSORRT, provider_options
from ml_integration.backends.onnx_runtime.session import OnnxRuntimeSession
from ml_integration.core.datatypes import ModelContent, ModelIdentity
from ml_integration.core.execution import ExecutionSettings
from ml_integration.errors import ModelLoadError

ROWS = np.ones((2, 3), np.float32)
AZURE = 'AzureExecutionProvider'


def opened(
    *providers: str, required: bool = False, cache: Any = None, model: bytes | None = None
) -> OnnxRuntimeSession:
    content = ModelContent(ModelIdentity('m', 1), model or onnx_models.identity())
    settings = ExecutionSettings(providers=providers, require_provider=required)
    return OnnxRuntime().open(content, settings, cache)


@pytest.mark.parametrize(
    'providers',
    [
        ('NoSuchExecutionProvider', CPU),
        ('NoSuchExecutionProvider',),  # the CPU takes over unasked
    ],
)
def test_provider_that_is_not_here_is_skipped_and_the_real_one_reported(
    providers: tuple[str, ...],
    capfd: pytest.CaptureFixture[str],
    recwarn: pytest.WarningsRecorder,
) -> None:
    session = opened(*providers)
    assert session.device == CPU
    assert session.fallback.startswith(
        f"provider 'NoSuchExecutionProvider' cannot be used, '{CPU}' is: here are: "
    )
    assert capfd.readouterr() == ('', '')
    assert not recwarn.list


@pytest.mark.parametrize('providers', [(CPU,), (CPU, 'NoSuchExecutionProvider'), ()])
def test_there_is_nothing_to_say_when_the_first_provider_is_used(
    providers: tuple[str, ...],
) -> None:
    assert (opened(*providers).device, opened(*providers).fallback) == (CPU, '')


def test_required_provider_that_is_not_here_is_refused() -> None:
    with pytest.raises(ModelLoadError) as caught:
        opened('NoSuchExecutionProvider', CPU, required=True)
    assert "provider 'NoSuchExecutionProvider' cannot be used" in str(caught.value)
    assert CPU in str(caught.value)


@pytest.fixture
def broken_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that was built for CUDA, on a machine without its libraries."""
    real = onnxruntime.InferenceSession

    def start(*arguments: Any, providers: list[str], **options: Any) -> Any:
        if CUDA in providers:
            raise RuntimeError('libcudnn.so.9: cannot open shared object file')
        return real(*arguments, providers=providers, **options)

    monkeypatch.setattr(OnnxRuntime, 'available', lambda self: (CUDA, CPU))
    monkeypatch.setattr(onnxruntime, 'InferenceSession', start)


@pytest.mark.usefixtures('broken_gpu')
def test_provider_that_does_not_start_gives_way_to_the_cpu_with_the_reason() -> None:
    session = opened(CUDA)
    assert (session.device, 'libcudnn.so.9: cannot open' in session.fallback) == (CPU, True)
    np.testing.assert_array_equal(session.run({'x': ROWS})['y'], ROWS)
    with pytest.raises(ModelLoadError, match='libcudnn'):
        opened(CUDA, required=True)


@pytest.mark.usefixtures('broken_gpu')
def test_model_that_is_none_is_refused_by_the_cpu_in_the_end() -> None:
    with pytest.raises(ModelLoadError, match='not an ONNX model'):
        opened(CUDA, model=b'rubbish')


@pytest.mark.filterwarnings('ignore:Specified provider')
def test_provider_that_the_engine_leaves_out_by_itself_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if CUDA in onnxruntime.get_available_providers():
        pytest.skip('CUDA is here')
    monkeypatch.setattr(OnnxRuntime, 'available', lambda self: (CUDA, CPU))
    session = opened(CUDA)
    assert (session.device, 'could not be started' in session.fallback) == (CPU, True)


@pytest.mark.skipif(
    AZURE not in onnxruntime.get_available_providers(), reason='only the CPU is here'
)
def test_another_provider_is_used_beside_the_cpu_and_keeps_no_graph() -> None:
    class Untouched:
        pass  # whatever is asked of it fails

    session = opened(AZURE, required=True, cache=Untouched())
    assert (session.device, session.fallback) == (AZURE, '')
    for _ in range(2):
        np.testing.assert_array_equal(session.run({'x': ROWS})['y'], ROWS)


def test_tensorrt_keeps_its_engines_where_there_is_a_cache(tmp_path: Path) -> None:
    options, _, cpu = provider_options((TENSORRT, CUDA, CPU), ExecutionSettings(), tmp_path)
    assert options['trt_engine_cache_enable'] == '1'
    assert options['trt_engine_cache_path'] == str(tmp_path)
    assert cpu == {}
    assert provider_options((TENSORRT,), ExecutionSettings(), None) == [{}]


def test_the_memory_of_a_gpu_can_be_limited() -> None:
    (cuda,) = provider_options((CUDA,), ExecutionSettings(gpu_memory_mb=500), None)
    assert cuda['gpu_mem_limit'] == '500000000'


def test_the_folder_for_tensorrt_comes_from_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Cache:
        def folder(self, key: str) -> Path:
            return tmp_path / key

    seen: list[Path | None] = []

    def options(
        providers: list[str], settings: ExecutionSettings, folder: Path | None
    ) -> list[dict[str, str]]:
        seen.append(folder)
        return [{} for _ in providers]

    monkeypatch.setattr(OnnxRuntime, 'available', lambda self: (TENSORRT, CPU))
    monkeypatch.setattr(onnx_runtime, 'provider_options', options)
    with pytest.warns(UserWarning, match='Specified provider'):
        opened(TENSORRT, cache=Cache())
    (folder,) = seen
    assert folder is not None
    assert folder.parent == tmp_path
