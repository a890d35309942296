from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx_models
import onnxruntime
import pytest
from onnx import TensorProto

from ml_integration.backends.onnx_runtime import OnnxRuntime
from ml_integration.backends.onnx_runtime.session import OnnxRuntimeSession
from ml_integration.core.cpus import process_cpus, usable_cpus
from ml_integration.core.datatypes import ModelContent, ModelIdentity
from ml_integration.core.execution import ExecutionSettings
from ml_integration.errors import ModelLoadError

CPU = 'CPUExecutionProvider'
ROWS = np.ones((2, 3), np.float32)


def opened(
    model: bytes, settings: ExecutionSettings | None = None, **external: bytes
) -> OnnxRuntimeSession:
    files = {name.replace('_', '.'): data for name, data in external.items()}
    content = ModelContent(ModelIdentity('m', 1), model, files)
    return OnnxRuntime().open(content, settings or ExecutionSettings())


def refusal(model: bytes, settings: ExecutionSettings | None = None, **external: bytes) -> str:
    with pytest.raises(ModelLoadError) as caught:
        opened(model, settings, **external)
    return str(caught.value)


@pytest.mark.parametrize(
    ('model', 'cause'),
    [
        (b'', 'not an ONNX model, or it is truncated'),  # an empty file
        (b'\x89PNG\r\n\x1a\n' + bytes(64), 'not an ONNX model'),  # another kind of file
        (onnx_models.tiny_detector()[:-100], 'truncated'),  # a download that broke off
        (onnx_models.identity(opset=999), 'newer ONNX than this'),  # opset of the future
        (onnx_models.identity(ir_version=99), 'newer ONNX than this'),  # IR of the future
        (onnx_models.one_node('Foo', domain='my.ops'), 'operator that .* does not have'),  # custom
        (onnx_models.one_node('Foo'), 'operator that .* does not have'),  # misspelled operator
        (onnx_models.one_node('Relu', output=TensorProto.DOUBLE), 'contradicts itself'),  # types
        (onnx_models.sequence_output(), r"output 'y' is a seq\(tensor\(float\)\)"),  # sequence
        (onnx_models.identity(TensorProto.STRING), r"input 'x' is a tensor\(string\)"),  # text
        (onnx_models.identity(TensorProto.BFLOAT16), r'tensor\(bfloat16\)'),  # no NumPy dtype
    ],
)
def test_model_that_cannot_be_served_is_refused_with_the_cause(model: bytes, cause: str) -> None:
    message = refusal(model)
    assert re.match(rf'm@1: .*{cause}', message), message
    assert '\n' not in message
    assert '[ONNXRuntimeError]' not in message
    assert len(message) < 500


def test_classifier_with_a_sequence_of_maps_as_output_is_refused_by_name() -> None:
    iris = Path(onnxruntime.__file__).parent / 'datasets' / 'logreg_iris.onnx'
    message = refusal(iris.read_bytes())
    assert "output 'probabilities' is a seq(map(int64,tensor(float)))" in message
    assert 'zipmap=False' in message


def test_missing_engine_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'onnxruntime', None)
    assert OnnxRuntime().available() == ()
    assert 'pip install onnxruntime' in refusal(onnx_models.identity())


@onnx_models.takes_external_weights
def test_external_weights_are_taken_from_memory(tmp_path: Path) -> None:
    model, weights = onnx_models.with_external_weights(tmp_path)
    session = opened(model, weights_bin=weights)
    del weights
    np.testing.assert_array_equal(session.run({'x': ROWS})['y'], [[12, 15, 18, 21]] * 2)


def test_missing_external_weights_are_named(tmp_path: Path) -> None:
    model, _ = onnx_models.with_external_weights(tmp_path)
    assert "the file 'weights.bin' with its external weights is missing" in refusal(model)


def test_external_weights_lying_in_the_current_directory_are_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, _ = onnx_models.with_external_weights(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert "'weights.bin'" in refusal(model)


@onnx_models.takes_external_weights
def test_missing_one_of_two_external_files_is_named(tmp_path: Path) -> None:
    model, _ = onnx_models.with_external_weights(tmp_path)
    assert "'weights.bin'" in refusal(model, other_bin=b'abcd')


def test_engine_too_old_for_external_weights_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, weights = onnx_models.with_external_weights(tmp_path)
    options = onnxruntime.SessionOptions
    if hasattr(options, 'add_external_initializers_from_files_in_memory'):
        monkeypatch.delattr(options, 'add_external_initializers_from_files_in_memory')
    assert 'needs onnxruntime 1.24' in refusal(model, weights_bin=weights)
    assert opened(onnx_models.identity(), weights_bin=b'of no use').run({'x': ROWS})


@onnx_models.takes_external_weights
def test_external_weights_that_are_too_short_are_refused(tmp_path: Path) -> None:
    model, weights = onnx_models.with_external_weights(tmp_path)
    assert 'external weights is too short' in refusal(model, weights_bin=weights[:-4])


def test_free_dimensions_are_free() -> None:
    session = opened(onnx_models.tiny_detector(free_batch=True))
    assert session.inputs[0].shape == (None, 3, 64, 64)
    outputs = session.run({'images': np.zeros((2, 3, 64, 64), np.float32)})
    assert outputs['detections'].shape == (2, 16, 8)


@pytest.mark.parametrize(
    'settings',
    [
        ExecutionSettings(graph_optimization='disabled'),
        ExecutionSettings(graph_optimization='basic', memory_arena=False),
        ExecutionSettings(graph_optimization='extended', spinning='always'),
        ExecutionSettings(intra_op_threads=2, thread_affinity='1'),
        ExecutionSettings(intra_op_threads=1, inter_op_threads=2),
    ],
)
def test_settings_do_not_change_the_result(settings: ExecutionSettings) -> None:
    picture = np.linspace(0, 1, 3 * 64 * 64, dtype=np.float32).reshape(1, 3, 64, 64)
    expected = opened(onnx_models.tiny_detector()).run({'images': picture})['detections']
    got = opened(onnx_models.tiny_detector(), settings).run({'images': picture})['detections']
    np.testing.assert_allclose(got, expected, rtol=1e-5)


@pytest.mark.parametrize(
    ('settings', 'option', 'value'),
    [
        (ExecutionSettings(intra_op_threads=3), 'intra_op_num_threads', 3),
        (ExecutionSettings(), 'intra_op_num_threads', usable_cpus()),  # 0: all usable ones
        (ExecutionSettings(inter_op_threads=2), 'inter_op_num_threads', 2),
        (ExecutionSettings(inter_op_threads=2), 'execution_mode',
         onnxruntime.ExecutionMode.ORT_PARALLEL),
        (ExecutionSettings(memory_arena=False), 'enable_cpu_mem_arena', False),
        (ExecutionSettings(graph_optimization='disabled'), 'graph_optimization_level',
         onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL),
    ],
)  # fmt: skip
def test_settings_reach_the_engine(settings: ExecutionSettings, option: str, value: Any) -> None:
    session = opened(onnx_models.identity(), settings)
    assert getattr(session._engine.get_session_options(), option) == value


def affinities(session: OnnxRuntimeSession) -> str:
    options = session._engine.get_session_options()
    try:
        return str(options.get_session_config_entry('session.intra_op_thread_affinities'))
    except RuntimeError:  # there is none
        return ''


@pytest.mark.skipif(len(process_cpus()) < 2, reason='there is nothing to divide on one CPU')
def test_threads_of_the_engine_keep_off_the_callers_cpus() -> None:
    session = opened(onnx_models.identity(), ExecutionSettings(intra_op_threads=2))
    helpers = {int(cpu) - 1 for cpu in affinities(session).split(',')}
    assert session.cpus
    assert session.cpus < process_cpus()
    assert helpers <= process_cpus() - session.cpus
    assert session.share().cpus == session.cpus


@pytest.mark.parametrize(
    ('settings', 'told'),
    [
        (ExecutionSettings(intra_op_threads=2, pin_threads=False), ''),
        (ExecutionSettings(intra_op_threads=2, thread_affinity='1'), '1'),
        (ExecutionSettings(intra_op_threads=2, inter_op_threads=2), ''),
        (ExecutionSettings(intra_op_threads=1), ''),
        (ExecutionSettings(intra_op_threads=255), ''),
    ],
)
def test_the_system_decides_where_nothing_can_be_divided(
    settings: ExecutionSettings, told: str
) -> None:
    session = opened(onnx_models.identity(), settings)
    assert (affinities(session), session.cpus) == (told, frozenset())


@pytest.mark.parametrize(
    ('spinning', 'allowed', 'stops'),
    [
        ('auto', '0', False),
        ('never', '0', False),
        ('within_run', '1', True),
        ('always', '1', False),
    ],
)
def test_spinning_reaches_both_thread_pools(spinning: str, allowed: str, stops: bool) -> None:
    settings = ExecutionSettings(spinning=spinning, intra_op_threads=2)
    session = opened(onnx_models.identity(), settings)
    options = session._engine.get_session_options()
    for pool in ('intra_op', 'inter_op'):
        entry = options.get_session_config_entry(f'session.{pool}.allow_spinning')
        assert entry == allowed
    if stops:
        assert options.get_session_config_entry('session.force_spinning_stop') == '1'
    said = 'never' if spinning == 'auto' else spinning
    assert (session.threads, session.spinning) == (2, said)
    assert (session.share().threads, session.share().spinning) == (2, said)


@pytest.mark.parametrize(
    ('threads', 'affinity', 'cause'),
    [
        (2, '1;2', 'is for 2 threads, but there are 1 besides'),  # the calling thread counted
        (1, '1', 'but there are 0 besides'),  # no extra thread at all
        (2, 'a', "is not like '1;2;3'"),
        (2, '1;', "is not like '1;2;3'"),
        (2, '0', 'names a CPU outside 1 to'),  # counted from 1
        (2, '4096', 'names a CPU outside 1 to'),
    ],
)
def test_wrong_thread_affinity_is_refused(threads: int, affinity: str, cause: str) -> None:
    settings = ExecutionSettings(intra_op_threads=threads, thread_affinity=affinity)
    assert cause in refusal(onnx_models.identity(), settings)
