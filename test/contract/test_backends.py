"""What every backend has to do, for each file in `backends/`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import hidden_weights
import numpy as np
import onnx_models
import pytest

from ml_integration.core import plugins
from ml_integration.core.datatypes import ModelContent, ModelIdentity
from ml_integration.core.execution import ExecutionSettings
from ml_integration.errors import InferenceError, ModelLoadError

IDENTITY = ModelIdentity('detector', 3)
PICTURE = np.linspace(0, 1, 3 * 64 * 64, dtype=np.float32).reshape(1, 3, 64, 64)


@pytest.fixture(params=plugins.names('backends'))
def backend(request: pytest.FixtureRequest) -> Any:
    backend = plugins.load('backends', request.param)()
    if not backend.available():
        pytest.skip(f'{request.param} has no engine here')
    return backend


@pytest.fixture
def session(backend: Any) -> Any:
    content = ModelContent(IDENTITY, onnx_models.tiny_detector())
    session = backend.open(content, ExecutionSettings())
    yield session
    session.close()


def test_backend_names_what_can_be_asked_for(backend: Any) -> None:
    assert all(isinstance(name, str) and name for name in backend.available())


def test_backend_names_the_formats_that_it_opens(backend: Any) -> None:
    assert backend.formats
    assert all(isinstance(name, str) and name for name in backend.formats)


def test_session_tells_its_tensors_and_its_device(session: Any, backend: Any) -> None:
    assert [str(spec) for spec in session.inputs] == ['images: float32[1, 3, 64, 64]']
    assert [str(spec) for spec in session.outputs] == ['detections: float32[1, 16, 8]']
    assert session.device in backend.available()
    assert session.from_cache is False


def test_session_gives_the_outputs_it_promises(session: Any) -> None:
    outputs = session.run({'images': PICTURE})
    assert list(outputs) == ['detections']
    assert session.outputs[0].holds(outputs['detections'])


def test_the_same_input_gives_the_same_output(session: Any) -> None:
    first = session.run({'images': PICTURE})['detections'].copy()
    session.run({'images': 1 - PICTURE})
    np.testing.assert_array_equal(session.run({'images': PICTURE})['detections'], first)


def test_running_does_not_change_the_input(session: Any) -> None:
    picture = PICTURE.copy()
    session.run({'images': picture})
    np.testing.assert_array_equal(picture, PICTURE)


def test_input_that_is_not_contiguous_is_read_right(session: Any) -> None:
    view = PICTURE[:, :, :, ::-1]
    expected = session.run({'images': np.ascontiguousarray(view)})['detections']
    np.testing.assert_array_equal(session.run({'images': view})['detections'], expected)


def test_session_still_runs_after_a_frame_it_refused(session: Any) -> None:
    with pytest.raises(InferenceError):
        session.run({'images': PICTURE[:, :, :32]})
    assert session.run({'images': PICTURE})['detections'].shape == (1, 16, 8)


def test_two_sessions_of_one_model_do_not_disturb_each_other(backend: Any, session: Any) -> None:
    content = ModelContent(IDENTITY, onnx_models.tiny_detector())
    other = backend.open(content, ExecutionSettings())
    other.close()
    assert session.run({'images': PICTURE})['detections'].shape == (1, 16, 8)


def test_a_closed_session_refuses_to_run_and_may_be_closed_again(backend: Any) -> None:
    content = ModelContent(IDENTITY, onnx_models.tiny_detector())
    session = backend.open(content, ExecutionSettings())
    session.close()
    session.close()
    with pytest.raises(InferenceError, match='detector@3'):
        session.run({'images': PICTURE})


def test_sessions_of_one_loaded_model_end_one_by_one_and_keep_their_outputs(session: Any) -> None:
    other = session.share()
    assert (other.inputs, other.outputs, other.device, other.fallback) == (
        session.inputs, session.outputs, session.device, session.fallback
    )  # fmt: skip
    mine = session.run({'images': PICTURE})['detections']
    expected = mine.copy()
    for _ in range(3):
        other.run({'images': 1 - PICTURE})
    np.testing.assert_array_equal(mine, expected)
    other.close()
    with pytest.raises(InferenceError):
        other.share()
    np.testing.assert_array_equal(session.run({'images': PICTURE})['detections'], expected)


@pytest.mark.parametrize('place', ['initializer', 'constant', 'branch', 'function', 'sparse'])
def test_weights_in_files_that_nobody_verified_are_not_read(
    place: str, backend: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if 'onnx' not in backend.formats:
        pytest.skip('it opens no ONNX models')
    (tmp_path / 'weights.bin').write_bytes(hidden_weights.WEIGHTS.tobytes())
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelLoadError, match='detector@3'):
        backend.open(ModelContent(IDENTITY, hidden_weights.hidden(place)), ExecutionSettings())


def test_bytes_that_are_no_model_are_refused_by_the_name_of_the_model(backend: Any) -> None:
    with pytest.raises(ModelLoadError, match='detector@3'):
        backend.open(ModelContent(IDENTITY, b'this is no model'), ExecutionSettings())
