"""What a loaded model takes, gives, shares and gives back."""

from __future__ import annotations

import threading
from time import monotonic_ns
from typing import Any

import numpy as np
import onnx_models
import pytest

from ml_integration.backends.onnx_runtime import OnnxRuntime, session
from ml_integration.backends.onnx_runtime.session import MAX_SHAPES, OnnxRuntimeSession
from ml_integration.core.datatypes import Array, ModelContent, ModelIdentity
from ml_integration.core.execution import ExecutionSettings
from ml_integration.core.process_memory import resident_mb, return_freed_memory
from ml_integration.errors import DeadlineError, InferenceError

ROWS = np.ones((2, 3), np.float32)
USUAL = ExecutionSettings()
PICTURE = np.linspace(0, 1, 3 * 64 * 64, dtype=np.float32).reshape(1, 3, 64, 64)


def opened(model: bytes, settings: ExecutionSettings = USUAL) -> OnnxRuntimeSession:
    return OnnxRuntime().open(ModelContent(ModelIdentity('m', 1), model), settings)


@pytest.mark.parametrize(
    ('tensors', 'cause'),
    [
        ({}, r"got the inputs \[\], expected \['x'\]"),  # nothing
        ({'x': ROWS, 'z': ROWS}, r"\['x', 'z'\], expected \['x'\]"),  # one too many
        ({'x': ROWS.astype(np.float64)}, r'got the input x: float64\[2, 3\], expected x: float32'),
        ({'x': ROWS.astype('>f4')}, r'got the input x: >f4\[2, 3\]'),  # big-endian
        ({'x': ROWS[None]}, r'float32\[1, 2, 3\], expected x: float32\[\?, 3\]'),  # rank
        ({'x': ROWS[:, :2]}, r'float32\[2, 2\], expected'),  # size
    ],
)
def test_tensor_that_does_not_fit_is_refused(tensors: Any, cause: str) -> None:
    session = opened(onnx_models.identity())
    with pytest.raises(InferenceError, match=cause):
        session.run(tensors)
    np.testing.assert_array_equal(session.run({'x': ROWS})['y'], ROWS)


def test_failure_inside_the_engine_is_an_inference_error_and_the_session_goes_on() -> None:
    session = opened(onnx_models.pairs_of_rows())
    with pytest.raises(InferenceError, match=r'm@1: inference failed: .*Reshape') as caught:
        session.run({'x': np.ones((3, 3), np.float32)})
    assert '\n' not in str(caught.value)
    assert session.run({'x': ROWS})['y'].shape == (1, 6)


def rows(count: int, value: float = 1.0) -> dict[str, Array]:
    return {'x': np.full((count, 3), value, np.float32)}


def test_outputs_are_written_into_the_same_memory_again_and_again() -> None:
    session = opened(onnx_models.tiny_detector())
    expected = session.run({'images': PICTURE})['detections'].copy()
    second = session.run({'images': PICTURE})['detections']
    np.testing.assert_array_equal(second, expected)
    third = session.run({'images': 1 - PICTURE})['detections']
    assert np.shares_memory(second, third)
    assert not np.array_equal(third, expected)


def test_a_run_ends_at_its_deadline_and_the_session_can_be_used_again() -> None:
    session = opened(onnx_models.endless_where_positive())
    fine, endless = {'x': -np.ones(1, np.float32)}, {'x': np.ones(1, np.float32)}
    assert session.run(fine, monotonic_ns() + 10**10)['y'].tolist() == [-1]
    with pytest.raises(DeadlineError, match='ended after'):
        session.run(endless, monotonic_ns() + 10**8)
    with pytest.raises(DeadlineError):
        session.run(fine, monotonic_ns() - 1)
    assert session.run(fine)['y'].tolist() == [-1]


def test_a_session_says_what_the_file_says_about_itself() -> None:
    assert opened(onnx_models.identity()).metadata['producer'] == 'test'


def test_each_shape_of_the_inputs_has_outputs_of_its_own_and_few_are_kept() -> None:
    session = opened(onnx_models.identity())
    for _ in range(3):
        for count in range(2 * MAX_SHAPES):
            got = session.run(rows(count, count))['y']
            np.testing.assert_array_equal(got, rows(count, count)['x'])
    assert session._bound is not None
    assert len(session._bound._bindings) == MAX_SHAPES


def test_outputs_whose_size_no_input_has_are_new_each_time() -> None:
    session = opened(onnx_models.pairs_of_rows())
    for count in (2, 4, 2, 4):
        assert session.run(rows(count))['y'].shape == (count // 2, 6)
    first, second = (session.run(rows(2))['y'] for _ in range(2))
    assert not np.shares_memory(first, second)


def test_outputs_of_another_size_than_the_model_states_are_given_all_the_same() -> None:
    session = opened(onnx_models.lying_about_its_output())
    for _ in range(2):
        for value in (1.0, 0.0, 1.0):
            x = np.array([[value, 1, 1]], np.float32)
            assert session.run({'x': x})['y'].shape[1] == int(value) + 2


def test_a_failure_of_one_frame_leaves_the_outputs_where_they_are() -> None:
    session = opened(onnx_models.lookup())
    table = np.array([[1]], np.int64)
    first = [session.run({'x': table})['y'] for _ in range(2)][-1]
    with pytest.raises(InferenceError, match='Gather'):
        session.run({'x': table + 99})
    np.testing.assert_array_equal(session.run({'x': table})['y'], [[11.0]])
    assert np.shares_memory(session.run({'x': table})['y'], first)


@pytest.mark.parametrize(
    ('model', 'tolerance'),
    [
        (onnx_models.half_precision_classifier(), 2e-3),  # float16 inside and outside
        (onnx_models.quantized_classifier(), 5e-2),  # int8 with QuantizeLinear, DequantizeLinear
    ],
)
def test_models_of_smaller_numbers_compute_nearly_the_same(model: bytes, tolerance: float) -> None:
    picture = np.random.default_rng(1).random((1, 3, 32, 32), np.float32)
    expected = opened(onnx_models.classifier()).run({'images': picture})['scores']
    session = opened(model)
    small = picture.astype(session.inputs[0].dtype)
    for _ in range(2):  # the second one into memory that is used again
        got = session.run({'images': small})['scores']
        np.testing.assert_allclose(got, expected, rtol=tolerance)
    assert got.dtype == session.outputs[0].dtype


def test_sessions_that_share_a_model_run_at_the_same_time_without_disturbing_each_other() -> None:
    root = opened(onnx_models.tiny_detector())
    pictures = [PICTURE * factor for factor in (1.0, 0.5, 0.1)]
    expected = [root.run({'images': picture})['detections'].copy() for picture in pictures]
    wrong: list[int] = []

    def work(number: int) -> None:
        mine = root.share()
        for _ in range(200):
            got = mine.run({'images': pictures[number]})['detections']
            if not np.array_equal(got, expected[number]):
                wrong.append(number)
        mine.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_memory_is_given_back_when_the_last_one_that_shares_a_model_is_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given_back: list[bool] = []
    monkeypatch.setattr(session, 'return_freed_memory', lambda: given_back.append(True))
    root = opened(onnx_models.tiny_detector())
    other = root.share()
    for item in (root, other):
        for _ in range(2):  # the second one binds outputs
            item.run({'images': PICTURE})
    root.close()
    assert not given_back
    other.run({'images': PICTURE})
    other.close()
    other.close()
    assert given_back == [True]


@pytest.mark.parametrize(('shrinks', 'most_mb'), [(False, 1000.0), (True, 30.0)])
def test_the_memory_of_the_largest_run_is_given_back_where_that_is_wanted(
    shrinks: bool, most_mb: float
) -> None:
    settings = ExecutionSettings(intra_op_threads=1, shrink_arena=shrinks)
    session = opened(onnx_models.chain(), settings)
    session.run({'x': np.ones(10, np.float32)})
    large = np.ones(12_000_000, np.float32)  # 48 MB
    return_freed_memory()
    before_mb = resident_mb()
    assert session.run({'x': large})['y'] == 1.0
    return_freed_memory()
    assert (resident_mb() - before_mb > 40.0) is not shrinks
    assert resident_mb() - before_mb < most_mb
    session.close()
