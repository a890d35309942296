"""Boxes and points per cell of grids: read as the models' own code does, cell by cell."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import face_models
import numpy as np
import onnxruntime
import pytest

from ml_integration.core.datatypes import ModelDescription, ModelIdentity, TensorSpec
from ml_integration.errors import FrameError, ModelMismatchError
from ml_integration.ops import decoders
from ml_integration.ops.decoders import Candidates, DecoderOptions

WH = (64, 96)
Outputs = dict[str, np.ndarray]
Row = tuple[float, Any, Any]
"""Score, edges of the box and numbers of the points of a face."""


def decoder(
    style: str, outputs: Outputs, wh: tuple[int, int] = WH, free: bool = False, **options: Any
) -> Any:
    shapes = {
        name: (*array.shape[:-2], None, array.shape[-1]) if free else array.shape
        for name, array in outputs.items()
    }
    specs = tuple(TensorSpec(name, 'float32', shape) for name, shape in shapes.items())
    model = ModelDescription(ModelIdentity('faces', 1), ('face',), (), specs)
    return decoders.load(style)(model, wh, DecoderOptions(**options))


def check(found: Candidates, expected: list[Row]) -> None:
    assert len(found.scores) == len(expected) > 50
    np.testing.assert_allclose(found.scores, [row[0] for row in expected], rtol=1e-5)
    np.testing.assert_allclose(found.xyxy, [row[1] for row in expected], rtol=1e-4, atol=1e-3)
    assert found.points is not None
    numbers = found.points.reshape(len(expected), -1)
    np.testing.assert_allclose(numbers, [row[2] for row in expected], rtol=1e-4, atol=1e-3)


def cells(stride: int, each: int, wh: tuple[int, int] = WH) -> Iterator[tuple[int, int, int]]:
    """Numbers of a grid's rows, with column and row of their cell."""
    number = 0
    for y in range(math.ceil(wh[1] / stride)):
        for x in range(math.ceil(wh[0] / stride)):
            for _ in range(each):
                yield number, x, y
                number += 1


def drawn(seed: int, each: dict[int, int], wh: tuple[int, int] = WH, **widths: int) -> Outputs:
    """Random outputs for each grid: numbers by stride and name."""
    dice = np.random.default_rng(seed)
    return {
        f'{name}_{stride}': (
            dice.uniform(0, 1, (1, sum(1 for _ in cells(stride, count, wh)), width))
            if width == 1
            else dice.normal(0, 2, (1, sum(1 for _ in cells(stride, count, wh)), width))
        ).astype(np.float32)
        for name, width in widths.items()
        for stride, count in each.items()
    }


SHORT, FULL = {8: 2, 16: 6}, {4: 1}
PEOPLE = {8: 2, 16: 2, 32: 6}
BACK = {16: 2, 32: 6}


def mediapipe(each: dict[int, int], wh: tuple[int, int], points: int) -> tuple[Outputs, list[Row]]:
    outputs = drawn(1, each, wh, scores=1, numbers=4 + 2 * points)
    rows = []
    for stride, count in each.items():
        for number, x, y in cells(stride, count, wh):
            logit = float(outputs[f'scores_{stride}'][0, number, 0])
            values = outputs[f'numbers_{stride}'][0, number].tolist()
            middle = ((x + 0.5) * stride, (y + 0.5) * stride)
            cx, cy = values[0] + middle[0], values[1] + middle[1]
            w, h = values[2:4]
            edges = [cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2]
            places = [value + middle[place % 2] for place, value in enumerate(values[4:])]
            rows.append((1 / (1 + math.exp(-logit)), edges, places))
    return outputs, rows


@pytest.mark.parametrize('apart', [False, True])
@pytest.mark.parametrize(
    ('each', 'wh', 'rows', 'points'),
    [
        (SHORT, (128, 128), 896, 6),
        (BACK, (256, 256), 896, 6),
        (SHORT, (192, 192), 2016, 7),
        (PEOPLE, (224, 224), 2254, 4),
        (FULL, (192, 192), 2304, 6),
    ],
    ids=['faces', 'faces of a back camera', 'palms', 'people', 'faces far away'],
)
def test_anchors_of_mediapipe_are_those_of_so_many_rows(
    each: dict[int, int], wh: tuple[int, int], rows: int, points: int, apart: bool
) -> None:
    outputs, expected = mediapipe(each, wh, points)
    assert len(expected) == rows
    if not apart:
        outputs = {
            name: np.concatenate([a for n, a in outputs.items() if n.startswith(name)], axis=1)
            for name in ('numbers', 'scores')
        }
    check(decoder('ssd_anchors', outputs, wh)(outputs, 0.0), expected)


def test_anchors_of_other_grids_are_stated() -> None:
    outputs, expected = mediapipe({4: 3, 32: 1}, WH, 2)
    found = decoder('ssd_anchors', outputs, strides=(4, 32), anchors=(3, 1))(outputs, 0.0)
    check(found, expected)
    with pytest.raises(ModelMismatchError) as caught:
        decoder('ssd_anchors', outputs)
    assert 'N for 64 x 96 px: 84 or 276 or 336 or 384' in caught.value.expected


def insightface(each: dict[int, int], **widths: int) -> tuple[Outputs, list[Row]]:
    outputs = drawn(2, each, WH, **widths)
    rows = []
    for stride, count in each.items():
        for number, x, y in cells(stride, count):
            left, top, right, bottom = (outputs[f'bbox_{stride}'][0, number] * stride).tolist()
            corner = (x * stride, y * stride)
            edges = [corner[0] - left, corner[1] - top, corner[0] + right, corner[1] + bottom]
            points = outputs.get(f'kps_{stride}', np.zeros((1, number + 1, 0)))[0, number]
            places = [v * stride + corner[i % 2] for i, v in enumerate(points.tolist())]
            rows.append((float(outputs[f'score_{stride}'][0, number, 0]), edges, places))
    return outputs, rows


@pytest.mark.parametrize('free', [False, True])
@pytest.mark.parametrize('batch', [False, True])
@pytest.mark.parametrize(
    'each', [{8: 2, 16: 2, 32: 2}, {8: 1, 16: 1, 32: 1, 64: 1, 128: 1}], ids=['three', 'five']
)
def test_distances_of_scrfd_count_from_the_corners_of_cells(
    each: dict[int, int], batch: bool, free: bool
) -> None:
    outputs, expected = insightface(each, kps=10, score=1, bbox=4)
    if not batch:
        outputs = {name: array[0] for name, array in outputs.items()}
    found = decoder('scrfd', outputs, free=free)(outputs, 0.0)
    check(found, expected)


def test_outputs_of_scrfd_are_in_the_order_of_their_numbers_or_of_the_file() -> None:
    outputs, expected = insightface({8: 2, 16: 2, 32: 2}, score=1, bbox=4, kps=10)
    numbered = {str(500 + n): array for n, array in enumerate(outputs.values())}
    backwards = dict(reversed(numbered.items()))
    check(decoder('scrfd', backwards, free=True)(backwards, 0.0), expected)
    nameless = {f'{n}_out': array for n, array in enumerate(outputs.values())}
    check(decoder('scrfd', nameless, free=True)(nameless, 0.0), expected)


def test_scrfd_without_points_gives_boxes_alone() -> None:
    outputs, expected = insightface({8: 2, 16: 2, 32: 2}, score=1, bbox=4)
    found = decoder('scrfd', outputs)(outputs, 0.0)
    assert found.points is None
    np.testing.assert_allclose(found.xyxy, [row[1] for row in expected], rtol=1e-4, atol=1e-3)


def test_logits_of_scrfd_are_activated() -> None:
    outputs, expected = insightface({8: 2, 16: 2, 32: 2}, score=1, bbox=4)
    found = decoder('scrfd', outputs, activation='sigmoid')(outputs, 0.0)
    shares = [1 / (1 + math.exp(-row[0])) for row in expected]
    np.testing.assert_allclose(found.scores, shares, rtol=1e-5)


PRIORS = {
    'retinaface': {8: (16, 32), 16: (64, 128), 32: (256, 512)},
    'slim': {8: (10, 16, 24), 16: (32, 48), 32: (64, 96), 64: (128, 192, 256)},
}


@pytest.mark.parametrize('logits', [False, True])
@pytest.mark.parametrize('kind', PRIORS)
def test_boxes_of_retinaface_count_from_priors(kind: str, logits: bool) -> None:
    priors = [
        ((x + 0.5) * stride, (y + 0.5) * stride, side)
        for stride, sides in PRIORS[kind].items()
        for number, x, y in cells(stride, len(sides))
        for side in [sides[number % len(sides)]]
    ]
    dice = np.random.default_rng(5)
    numbers = dice.normal(0, 1, (1, len(priors), 16)).astype(np.float32)
    outputs = {'bbox': numbers[..., :4], 'conf': numbers[..., 4:6], 'landms': numbers[..., 6:]}
    expected = []
    for (cx, cy, side), row in zip(priors, numbers[0].tolist(), strict=True):
        x, y = cx + row[0] * 0.1 * side, cy + row[1] * 0.1 * side
        w, h = side * math.exp(row[2] * 0.2), side * math.exp(row[3] * 0.2)
        score = math.exp(row[5]) / (math.exp(row[4]) + math.exp(row[5])) if logits else row[5]
        places = [v * 0.1 * side + (cx, cy)[i % 2] for i, v in enumerate(row[6:])]
        expected.append((score, [x - w / 2, y - h / 2, x + w / 2, y + h / 2], places))
    options = {'activation': 'softmax'} if logits else {}
    check(decoder('retinaface', outputs, **options)(outputs, -1e9), expected)


AS_OPENCV = tuple(map(int, cv2.__version__.split('.')[:2])) >= (4, 8)


@pytest.mark.skipif(not AS_OPENCV, reason='OpenCV before 4.8 reads other models of YuNet')
def test_yunet_is_read_as_opencv_does_it(tmp_path: Path) -> None:
    width, height = 96, 64
    path = tmp_path / 'yunet.onnx'
    path.write_bytes(face_models.like_yunet(width, height))
    noise = np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)
    picture = cv2.GaussianBlur(noise, (0, 0), 3)
    theirs = cv2.FaceDetectorYN.create(str(path), '', (width, height), 0.5, 1.0, 5000)
    faces = theirs.detect(picture)[1]
    session = onnxruntime.InferenceSession(str(path), providers=['CPUExecutionProvider'])
    names = [output.name for output in session.get_outputs()]
    pixels = picture.astype(np.float32).transpose(2, 0, 1)[None]
    outputs = dict(zip(names, session.run(names, {'input': pixels}), strict=True))
    found = decoder('yunet', outputs, (width, height))(outputs, 0.5)
    order = np.argsort(-found.scores, kind='stable')
    best = found.take(order)
    expected = faces[np.argsort(-faces[:, 14], kind='stable')].astype(np.float64)
    edges = np.concatenate((expected[:, :2], expected[:, :2] + expected[:, 2:4]), axis=1)
    check(best, list(zip(expected[:, 14], edges, expected[:, 4:14], strict=True)))


@pytest.mark.parametrize(
    ('style', 'outputs', 'words'),
    [
        ('ssd_anchors', {'a': (1, 896, 16), 'b': (1, 896, 1)}, 'N for 64 x 96 px'),
        ('ssd_anchors', {'a': (1, 336, 15), 'b': (1, 336, 1)}, '4 + 2 points'),
        ('ssd_anchors', {'a': (1, 336, 16)}, '[1, N, 1]'),
        ('scrfd', {'a': (1, 896, 4), 'b': (1, 896, 1)}, '[N, 1], [N, 4]'),
        ('yunet', {'cls_8': (1, 96, 1), 'bbox_8': (1, 96, 4)}, 'cls and obj [1, N, 1]'),
        ('retinaface', {'a': (1, 252, 4), 'b': (1, 252, 2)}, '252 or 3'),
        ('retinaface', {'a': (1, 9, 4), 'b': (1, 9, 2), 'c': (1, 9, 10)}, '252 or 3'),
    ],
)
def test_other_outputs_are_refused_with_what_is_read(
    style: str, outputs: dict[str, tuple[int, ...]], words: str
) -> None:
    zeros = {name: np.zeros(shape, np.float32) for name, shape in outputs.items()}
    with pytest.raises(ModelMismatchError) as caught:
        decoder(style, zeros)
    assert words in caught.value.expected


@pytest.mark.parametrize('style', ['ssd_anchors', 'scrfd', 'yunet', 'retinaface'])
def test_faces_are_of_one_class(style: str) -> None:
    each = {8: 2, 16: 2, 32: 2}
    widths = {'retinaface': {'conf': 2, 'loc': 4, 'points': 10}}.get(style, {'score': 1, 'box': 4})
    specs = tuple(TensorSpec(n, 'float32', a.shape) for n, a in drawn(1, each, **widths).items())
    model = ModelDescription(ModelIdentity('faces', 1), ('face', 'mask'), (), specs)
    with pytest.raises(ModelMismatchError) as caught:
        decoders.load(style)(model, WH, DecoderOptions())
    assert 'one class' in caught.value.expected


def test_rows_that_a_free_size_hid_are_an_error_of_the_frame() -> None:
    outputs, _ = insightface({8: 2, 16: 2, 32: 2}, score=1, bbox=4)
    decode = decoder('scrfd', outputs, wh=(128, 128), free=True)
    with pytest.raises(FrameError, match='do not have the rows of their grids'):
        decode(outputs, 0.5)
