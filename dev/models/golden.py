"""Make `golden.npz` of a fetched model: `python -m dev.models.golden NAME ...`.

A golden sample proves on any machine that a model file loads and computes what it did when it was
released. Those of the detector have these keys:

- `input.images`: (1, 3, 416, 416) uint8, RGB, letterboxed; `input_divisor` makes it 0..1.
- `output_indices.detections`: (K,) int64, places in the flattened output, ascending.
- `output.detections`: (K,) float32, the values expected there: the best rows whole and a sample
  of all others, because the whole output would be four times as long.
- `rtol`, `atol`: tolerances, wide enough for another CPU or a GPU and far too narrow for another
  model.

`mediapipe_golden.py` has the others. The picture is NASA's portrait of Eileen Collins (public
domain), from the scikit-image wheel.
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from dev.models import mediapipe_golden
from dev.models.errors import FetchError
from dev.models.fetch import MODEL_FOLDER, STORE
from dev.models.mediapipe_golden import SAMPLES
from dev.models.packages import ASTRONAUT, PICTURES
from dev.models.placing import MODEL_FILE
from dev.models.registry import members_of
from dev.models.whole_files import write_whole

INPUT_WH = 416
PAD_VALUE = 128
# Head and shoulders: the whole portrait is too close for the detector to call it a person, and a
# picture that is not square has bars to be padded.
CROP_ROWS = 320
WHOLE_ROWS = 20
VALUES = 2000
RTOL = 1e-2
ATOL = 5e-3


def golden_tensors(picture_bgr: NDArray[np.uint8], model: Path) -> dict[str, NDArray[Any]]:
    """Run the model on the picture and choose what to keep.

    Args:
        picture_bgr: (H, W, 3) uint8.
        model: The detector's ONNX file.

    Returns:
        The arrays of the golden sample by key.
    """
    images = letterboxed(picture_bgr)
    session = onnxruntime.InferenceSession(str(model), providers=['CPUExecutionProvider'])
    (detections,) = session.run(['detections'], {'images': images.astype(np.float32) / 255})
    indices = kept_indices(detections[0])
    return {
        'input.images': images,
        'input_divisor': np.float32(255),
        'output.detections': detections.ravel()[indices],
        'output_indices.detections': indices,
        'rtol': np.float32(RTOL),
        'atol': np.float32(ATOL),
    }


def letterboxed(picture_bgr: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Picture (H, W, 3) BGR as (1, 3, 416, 416) RGB, centered on gray bars."""
    height, width = picture_bgr.shape[:2]
    scale = INPUT_WH / max(height, width)
    size_wh = (round(width * scale), round(height * scale))
    left, top = (INPUT_WH - size_wh[0]) // 2, (INPUT_WH - size_wh[1]) // 2
    canvas = np.full((INPUT_WH, INPUT_WH, 3), PAD_VALUE, np.uint8)
    canvas[top : top + size_wh[1], left : left + size_wh[0]] = cv2.resize(picture_bgr, size_wh)
    return np.ascontiguousarray(canvas[:, :, ::-1].transpose(2, 0, 1)[None])


def kept_indices(detections: NDArray[np.float32]) -> NDArray[np.int64]:
    """Flat indices of the best rows and of an even sample of all values, ascending.

    Args:
        detections: (N, 5 + C) float32.
    """
    best = np.argsort(-(detections[:, 4] * detections[:, 5:].max(axis=1)), kind='stable')
    columns = detections.shape[1]
    whole = (best[:WHOLE_ROWS, None] * columns + np.arange(columns)).ravel()
    sample = np.linspace(0, detections.size - 1, VALUES - whole.size).astype(np.int64)
    return np.union1d(whole, sample).astype(np.int64)


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog='python -m dev.models.golden', description=__doc__)
    names = (MODEL_FOLDER.parent.name, *SAMPLES)
    parser.add_argument('names', nargs='+', choices=names, help='folders in models/')
    try:
        path = members_of(PICTURES, print)[ASTRONAUT]
        picture = cv2.imread(str(path))
        if picture is None:
            raise FetchError(f'{path}: cannot be decoded as a picture')
        for name in parser.parse_args(arguments).names:
            _write(STORE / name / '1', np.asarray(picture, np.uint8))
    except FetchError as error:
        print(f'golden: {error}', file=sys.stderr)
        return 1
    return 0


def _write(folder: Path, portrait_bgr: NDArray[np.uint8]) -> None:
    sample, model = SAMPLES.get(folder.parent.name), folder / MODEL_FILE
    if sample is None:
        tensors = golden_tensors(portrait_bgr[:CROP_ROWS], model)
    else:
        tensors = mediapipe_golden.golden_tensors(sample, portrait_bgr, model)
    stream = io.BytesIO()
    np.savez_compressed(stream, allow_pickle=False, **tensors)
    target = folder / 'golden.npz'
    write_whole(target, stream.getvalue())
    print(f'golden: wrote {target} ({len(stream.getvalue())} bytes); now update manifest.yaml')


if __name__ == '__main__':
    sys.exit(main())
