"""Golden samples of the MediaPipe models: what each gives for a part of the portrait."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray

VALUES = 2000
RTOL = 1e-2


@dataclass(frozen=True)
class Sample:
    """What is stored of a model.

    Attributes:
        left_top: Corner of the square part of the portrait that the model sees [px].
        side: Its side [px].
        outputs: Names of the outputs that are compared.
        atol: Tolerance in the outputs' own unit.
    """

    left_top: tuple[int, int]
    side: int
    outputs: tuple[str, ...]
    atol: float


# Coordinates are pixels and scores are logits: half a one is far less than another model differs.
SAMPLES: Mapping[str, Sample] = {
    'mediapipe_face_mesh': Sample((145, 30), 180, ('conv2d_21', 'conv2d_31'), 0.5),
    'mediapipe_pose': Sample((0, 0), 512, ('Identity', 'Identity_1'), 0.5),
    'mediapipe_selfie': Sample((0, 0), 512, ('activation_10',), 5e-3),
}


def golden_tensors(
    sample: Sample, portrait_bgr: NDArray[np.uint8], model: Path
) -> dict[str, NDArray[Any]]:
    """Run a model on its part of the portrait and choose what to keep.

    Args:
        sample: What to store.
        portrait_bgr: (H, W, 3) uint8.
        model: The ONNX file; its only input takes (1, H, W, 3) RGB 0..1.

    Returns:
        The arrays of the golden sample by key.
    """
    session = onnxruntime.InferenceSession(str(model), providers=['CPUExecutionProvider'])
    (wanted,) = session.get_inputs()
    pixels = seen_pixels(sample, portrait_bgr, (wanted.shape[2], wanted.shape[1]))
    outputs = session.run(list(sample.outputs), {wanted.name: pixels.astype(np.float32) / 255})
    tensors: dict[str, NDArray[Any]] = {
        f'input.{wanted.name}': pixels,
        'input_divisor': np.array(255, np.float32),
        'rtol': np.array(RTOL, np.float32),
        'atol': np.array(sample.atol, np.float32),
    }
    for name, values in zip(sample.outputs, outputs, strict=True):
        count = min(values.size, VALUES)
        indices = np.linspace(0, values.size - 1, count).astype(np.int64)
        tensors[f'output.{name}'] = values.ravel()[indices]
        tensors[f'output_indices.{name}'] = indices
    return tensors


def seen_pixels(
    sample: Sample, portrait_bgr: NDArray[np.uint8], size_wh: tuple[int, int]
) -> NDArray[np.uint8]:
    """Return the part of the portrait as (1, H, W, 3) uint8 RGB of this size."""
    left, top = sample.left_top
    part = portrait_bgr[top : top + sample.side, left : left + sample.side]
    resized = cv2.resize(part, size_wh, interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(resized[None, :, :, ::-1])
