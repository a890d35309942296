"""Where pictures give the input its size, each one is decoded with its own."""

from __future__ import annotations

import numpy as np
import pytest

from ml_integration.core.datatypes import ModelDescription, ModelIdentity, TensorSpec
from ml_integration.core.declaration import build
from ml_integration.errors import FrameError
from ml_integration.ops.letterbox import place
from ml_integration.tasks.object_detection import ObjectDetection


def task(rows: int) -> ObjectDetection:
    """A YOLOX of 3 classes, loaded with a typical picture of 64 x 64 px."""
    spec = TensorSpec('images', 'float32', (1, 3, None, None))
    outputs = (TensorSpec('output', 'float32', (1, rows, 8)),)
    model = ModelDescription(
        ModelIdentity('m', 1), ('a', 'b', 'c'), (spec,), outputs, {'images': (64, 64)}
    )
    return ObjectDetection(build(ObjectDetection.Settings, {'decoder': 'yolox'}, 'test'), model)


def first_cell_of_last_grid(width: int, height: int) -> np.ndarray:
    """Output for an input of a size: one object of 8 x 8 px at the cell (1, 0) of stride 32."""
    cells = [(width // stride) * (height // stride) for stride in (8, 16, 32)]
    output = np.zeros((1, sum(cells), 8), np.float32)
    output[0, cells[0] + cells[1] + 1] = (0, 0, np.log(8 / 32), np.log(8 / 32), 1, 0, 1, 0)
    return output


def test_a_size_that_the_outputs_do_not_have_costs_one_frame() -> None:
    detector = task(84)
    with pytest.raises(FrameError, match='96 x 64 px in its input; expected 64 x 64 px'):
        detector.postprocess({}, {'images': place('none', (96, 64), (96, 64))})
    outputs = {'output': first_cell_of_last_grid(64, 64)}
    assert len(detector.postprocess(outputs, {'images': place('none', (64, 64), (64, 64))})) == 1
