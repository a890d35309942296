"""What is proposed for inputs and outputs makes a package that gives the right boxes."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx_models
import pytest

from ml_integration.backends.onnx_runtime import OnnxRuntime
from ml_integration.core.arrivals import of_one
from ml_integration.core.datatypes import ModelContent, ModelIdentity, Tensors
from ml_integration.core.execution import ExecutionSettings
from ml_integration.core.inputs import ConstantInput
from ml_integration.deploy.loading import Loader
from ml_integration.exports.claims import Claims
from ml_integration.exports.guessing.guessed_inputs import guess_inputs
from ml_integration.exports.guessing.outputs import read_outputs
from ml_integration.store.package.package import read_package
from ml_integration.store.package.proposal import Proposal, manifest_text

NOTHING_KNOWN = Claims()


def proposed(folder: Path, model: bytes) -> Path:
    """Writes a package as it is proposed after a run on a gray picture."""
    session = OnnxRuntime().open(ModelContent(ModelIdentity('m', 1), model), ExecutionSettings())
    inputs = guess_inputs(session.inputs, session.outputs)
    tensors: Tensors = {
        spec.name: np.full([size or 1 for size in spec.shape], 0.5).astype(spec.dtype)
        for spec in session.inputs
    }
    for item in inputs:
        if isinstance(item, ConstantInput):
            tensors[item.tensor][...] = item.value
    runs = [{name: array.copy() for name, array in session.run(tensors).items()}]
    readings = read_outputs(session.inputs, session.outputs, NOTHING_KNOWN, runs)
    session.close()
    best = readings.fits[0]
    proposal = Proposal(
        'm', 1, {'model.onnx': model}, 'model.onnx', inputs, best.outputs, best.task,
        best.settings, (),
    )  # fmt: skip
    folder.mkdir(parents=True)
    (folder / 'model.onnx').write_bytes(model)
    (folder / 'manifest.yaml').write_text(manifest_text(proposal))
    return folder


def picture(width: int, height: int) -> Any:
    stamp = SimpleNamespace(sec=1, nanosec=2)
    return SimpleNamespace(
        header=SimpleNamespace(stamp=stamp, frame_id='camera'), height=height, width=width,
        encoding='bgr8', is_bigendian=0, step=3 * width,
        data=np.full(3 * width * height, 128, np.uint8),
    )  # fmt: skip


@pytest.mark.parametrize(
    ('height', 'width', 'constant'),
    [(64, 64, 64.0), (32, 64, 1.0)],  # one number cannot tell two sides: boxes are fractions
)
@pytest.mark.parametrize('free_batch', [False, True])
def test_boxes_of_a_model_that_is_told_a_size_come_onto_the_picture(
    tmp_path: Path, height: int, width: int, constant: float, free_batch: bool
) -> None:
    model = onnx_models.detector_told_the_size(height, width, free_batch=free_batch)
    package = read_package(proposed(tmp_path / 'm' / '1', model))
    assert package.manifest.inputs[1] == ConstantInput('orig_target_sizes', constant)
    assert package.manifest.settings['decoder'] == 'labeled'
    pipeline = Loader().load(package)
    try:
        work = pipeline.prepare(of_one('images', picture(10 * width, 10 * height)), 0)
        pipeline.infer([work])
        found = pipeline.finish(work)
    finally:
        pipeline.close()
    assert found.verdict.ok
    size = np.array([10 * width, 10 * height] * 2)
    expected = np.array([[0.25, 0.25, 0.5, 0.75], [0.5, 0.5, 1, 1]]) * size
    np.testing.assert_allclose(found.result.xyxy, expected, atol=0.01)
