import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ml_integration.backends.onnx_runtime import OnnxRuntime
from ml_integration.errors import ModelLoadError
from ml_integration.store.package.package import read_package
from ml_integration.tuning.agreement import agreement
from ml_integration.tuning.candidates import Candidate
from ml_integration.tuning.crew import Task
from ml_integration.tuning.trial import Material
from ml_integration.tuning.variants import variants_of, write_variant

SHAPES = Path(__file__).parents[2] / 'models' / 'shapes' / '2'


def test_a_changed_resize_is_a_package_of_the_next_version(tmp_path: Path) -> None:
    package = read_package(SHAPES)
    assert 'resize nearest' in variants_of(package, OnnxRuntime())
    place = write_variant(package, 'resize nearest', OnnxRuntime(), tmp_path, 3)
    written = read_package(place)  # whose pins hold
    assert written.manifest.version == 3
    assert written.golden is None
    (source,) = written.manifest.sensor_inputs
    (before,) = package.manifest.sensor_inputs
    assert source.encode == {**before.encode, 'interpolation': 'nearest'}


def test_a_model_is_converted_and_compared(tmp_path: Path) -> None:
    pytest.importorskip('onnx')
    package = read_package(SHAPES)
    place = write_variant(package, 'fp16', OnnxRuntime(), tmp_path, 3)
    assert len(read_package(place).content.model) < 0.7 * len(package.content.model)
    pictures = tmp_path / 'frames.npy'
    np.save(pictures, np.random.default_rng(0).integers(0, 255, (2, 96, 128, 3), np.uint8))
    task = Task(SHAPES, Material(str(pictures), {'': ('image',)}, 2, 30.0))
    found = agreement(task.trial(Candidate()), str(place), tmp_path / 'log')
    assert found.frames == 2
    assert found.golden is not None
    assert 0 < found.golden < 1


def test_what_cannot_be_converted_is_told(
    model_folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    package = read_package(model_folder('tiny', 1, golden=False))
    monkeypatch.setitem(sys.modules, 'onnx', None)
    with pytest.raises(ModelLoadError, match='pip install onnx'):
        OnnxRuntime().convert(package.content, 'int8')
