"""The engine sees no model that takes something from files which nobody has verified."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx_models
import onnxruntime
import pytest
from hidden_weights import WEIGHTS, external, hidden

from ml_integration.backends.onnx_runtime import OnnxRuntime
from ml_integration.backends.onnx_runtime.options import takes_weights_from_memory
from ml_integration.backends.onnx_runtime.weights import check_weights
from ml_integration.core.datatypes import ModelContent, ModelIdentity
from ml_integration.core.execution import ExecutionSettings
from ml_integration.errors import ModelLoadError

PLACES = ('initializer', 'constant', 'branch', 'function', 'sparse')
ONES = {'x': np.ones(3, np.float32)}
FILE = WEIGHTS.tobytes()


@pytest.fixture(autouse=True)
def lying_in_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The weights are where an engine could find them."""
    for name in ('here/weights.bin', 'here/Weights.bin', 'here/sub/weights.bin', 'weights.bin'):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(FILE)
    monkeypatch.chdir(tmp_path / 'here')


def refusal(model: bytes, files: Mapping[str, bytes] | None = None) -> str:
    with pytest.raises(ModelLoadError) as caught:
        OnnxRuntime().open(
            ModelContent(ModelIdentity('m', 1), model, files or {}), ExecutionSettings()
        )
    sentence = str(caught.value)
    assert sentence.startswith('m@1: ')
    assert sentence.isascii()
    assert sentence.isprintable()
    assert len(sentence) < 400
    return sentence


def test_the_engine_itself_takes_what_it_finds() -> None:
    session = onnxruntime.InferenceSession(hidden('branch'), providers=['CPUExecutionProvider'])
    np.testing.assert_array_equal(session.run(None, ONES)[0], WEIGHTS + 1)


@pytest.mark.parametrize('place', PLACES)
def test_weights_of_a_file_that_is_not_the_models_are_refused_wherever_they_are(
    place: str,
) -> None:
    assert "the file 'weights.bin' with its external weights is missing" in refusal(hidden(place))
    assert "'weights.bin'" in refusal(hidden(place), {'other.bin': FILE})


@pytest.mark.parametrize('place', PLACES)
@pytest.mark.parametrize(
    'location',
    [
        '././weights.bin', './/weights.bin',
        'sub/../weights.bin', 'sub/./weights.bin', 'sub//weights.bin',
        '../weights.bin', '/dev/zero', 'weights.bin/', 'weights.bin\0', 'weights.bin\0/other',
        'Weights.bin', ' weights.bin', 'weights.bin ', 'weights.bin\n', 'sub\\weights.bin',
        '*/_ORT_MEM_ADDR_/*', 'file:weights.bin', 'weights.bin' * 1000, 'gewichte-ä.bin',
        '', '.', '\x1b[31m', 'weights*',
    ],
)  # fmt: skip
def test_a_location_that_is_not_exactly_a_file_of_the_model_is_refused(
    location: str, place: str
) -> None:
    refusal(hidden(place, external(location)), {'weights.bin': FILE, 'sub/weights.bin': FILE})


def test_an_absolute_path_is_refused(tmp_path: Path) -> None:
    path = str(tmp_path / 'weights.bin')
    message = refusal(hidden('initializer', external(path)), {path: FILE})
    assert 'which is no file of a package' in message


@pytest.mark.parametrize('place', ['branch', 'function', 'sparse'])
def test_weights_that_the_engine_would_look_for_on_disk_are_refused(place: str) -> None:
    assert 'from verified bytes' in refusal(hidden(place), {'weights.bin': FILE})


@pytest.mark.parametrize('location', ['weights.bin', './weights.bin'])
@pytest.mark.parametrize('place', ['initializer', 'constant'])
def test_weights_of_the_main_graph_are_taken_from_memory_where_the_engine_can(
    place: str, location: str
) -> None:
    files = {'weights.bin': FILE[::-1] + FILE}
    model = hidden(place, external(location, offset='12', length='12'))
    if not takes_weights_from_memory(onnxruntime):
        assert 'needs onnxruntime 1.24' in refusal(model, files)
        return
    content = ModelContent(ModelIdentity('m', 1), model, files)
    outputs = OnnxRuntime().open(content, ExecutionSettings()).run(ONES)
    np.testing.assert_array_equal(outputs['y'], WEIGHTS + 1)


@pytest.mark.parametrize(
    'entries',
    [
        {'offset': '4', 'length': '12'},
        {'length': '13'},
        {'offset': '13'},
        {'offset': '9' * 18, 'length': '12'},
    ],
)
def test_weights_beyond_the_end_of_their_file_are_refused(entries: Mapping[str, str]) -> None:
    model = hidden('initializer', external(**entries))
    assert 'too short: 12 bytes of' in refusal(model, {'weights.bin': FILE})


def test_an_engine_that_cannot_take_weights_from_memory_gets_none() -> None:
    content = ModelContent(ModelIdentity('m', 1), hidden('initializer'), {'weights.bin': FILE})
    with pytest.raises(ModelLoadError, match=r'cannot take the external .* 1\.24'):
        check_weights(content, from_memory=False)
    check_weights(content, from_memory=True)


def test_an_odd_description_is_refused() -> None:
    model = hidden('initializer', external(prepacked='x'))
    assert 'in an odd way' in refusal(model, {'weights.bin': FILE})


def test_another_format_that_the_engine_knows_is_refused(tmp_path: Path) -> None:
    options: Any = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / 'model.ort')
    onnxruntime.InferenceSession(
        onnx_models.identity(), options, providers=['CPUExecutionProvider']
    )
    own = (tmp_path / 'model.ort').read_bytes()
    onnxruntime.InferenceSession(own, providers=['CPUExecutionProvider'])
    assert "ONNX Runtime's own format" in refusal(own)
