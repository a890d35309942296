"""`boxes_and_scores` reads each family of detectors as plain loops over its definition do."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from ml_integration.core.datatypes import ModelDescription, ModelIdentity, TensorSpec
from ml_integration.core.declaration import build
from ml_integration.errors import ModelMismatchError
from ml_integration.ops import decoders
from ml_integration.ops.decoders import DecoderOptions

WH = (64, 32)
LABELS = ('person', 'car', 'dog')
THRESHOLD = 0.3
Row = tuple[float, ...]


def decode(
    options: dict[str, Any],
    outputs: dict[str, np.ndarray],
    labels: tuple[str, ...] = LABELS,
    threshold: float = THRESHOLD,
) -> list[Row]:
    """What the decoder reads: (score, class, left, top, right, bottom), best first."""
    specs = tuple(TensorSpec(n, a.dtype.name, a.shape) for n, a in outputs.items())
    model = ModelDescription(ModelIdentity('m', 1), labels, (), specs)
    style = decoders.load('boxes_and_scores')
    found = style(model, WH, build(DecoderOptions, options, 'test'))(outputs, threshold)
    assert [array.dtype.name for array in found[:3]] == ['float32', 'float32', 'int32']
    rows = zip(found.scores.tolist(), found.class_ids.tolist(), found.xyxy.tolist(), strict=True)
    return in_order([(score, number, *box) for score, number, box in rows])


def in_order(rows: list[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: (-round(row[0], 6), row[1:]))


def same(found: list[Row], expected: list[Row]) -> None:
    assert len(found) == len(expected) > 0
    np.testing.assert_allclose(found, in_order(expected), rtol=1e-4, atol=1e-3)


def dice() -> np.random.Generator:
    return np.random.default_rng(7)


def centered(count: int) -> np.ndarray:
    """Boxes (1, count, 4) as fractions: center and size."""
    values: np.ndarray = dice().uniform(0.1, 0.9, (1, count, 4)).astype(np.float32)
    return values


def corners(count: int) -> np.ndarray:
    """Boxes (1, count, 4) in pixels: left, top, right, bottom."""
    first = dice().uniform(0, 16, (1, count, 2))
    last = first + dice().uniform(2, 16, (1, count, 2))
    return np.concatenate((first, last), axis=2).astype(np.float32)


def from_center(box: Any, width: float = 64, height: float = 32) -> Row:
    cx, cy, w, h = (float(number) for number in box)
    return (
        (cx - w / 2) * width, (cy - h / 2) * height, (cx + w / 2) * width, (cy + h / 2) * height
    )  # fmt: skip


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def logits(rows: int, columns: int) -> np.ndarray:
    values: np.ndarray = (3 * dice().standard_normal((1, rows, columns))).astype(np.float32)
    return values


DETR = {
    'box_format': 'cxcywh',
    'normalized': True,
    'activation': 'softmax',
    'background': 'last',
}  # YOLOS is the same


def test_detr_drops_what_is_no_object_after_a_softmax() -> None:
    boxes, scores = centered(20), logits(20, 4)
    scores[0, ::2, 3] += 9
    expected = []
    for box, row in zip(boxes[0], scores[0].tolist(), strict=True):
        powers = [math.exp(x) for x in row]
        shares = [power / sum(powers) for power in powers][:-1]
        if max(shares) >= THRESHOLD:
            expected.append((max(shares), shares.index(max(shares)), *from_center(box)))
    found = decode(DETR, {'logits': scores, 'pred_boxes': boxes})
    same(found, expected)
    assert len(found) <= 10


def test_a_background_that_comes_first_shifts_the_classes() -> None:
    boxes, scores = centered(20), logits(20, 4)
    last = decode(DETR, {'logits': scores, 'pred_boxes': boxes})
    turned = np.concatenate((scores[..., 3:], scores[..., :3]), axis=2)
    first = decode({**DETR, 'background': 'first'}, {'logits': turned, 'pred_boxes': boxes})
    same(first, last)


@pytest.mark.parametrize('top_k', [4, 20])
def test_rt_detr_and_d_fine_give_one_query_several_classes(top_k: int) -> None:
    boxes, scores = centered(20), logits(20, 3)
    pairs = [
        (sigmoid(scores[0, query, number]), number, *from_center(boxes[0, query]))
        for query in range(20)
        for number in range(3)
    ]
    best = in_order(pairs)[:top_k]
    options = {'box_format': 'cxcywh', 'normalized': True, 'activation': 'sigmoid', 'top_k': top_k}
    found = decode(options, {'logits': scores, 'pred_boxes': boxes})
    same(found, [row for row in best if row[0] >= THRESHOLD])
    if top_k == 20:
        assert len(found) > len({row[2:] for row in found})


def test_rf_detr_has_logits_called_labels_and_a_class_that_is_never_meant() -> None:
    boxes, scores = centered(20), logits(20, 4)
    pairs = [
        (sigmoid(scores[0, query, number]), number, *from_center(boxes[0, query]))
        for query in range(20)
        for number in range(3)
    ]
    options = {**DETR, 'activation': 'sigmoid', 'top_k': 20}
    found = decode(options, {'dets': boxes, 'labels': scores})
    same(found, [row for row in in_order(pairs)[:20] if row[0] >= THRESHOLD])


@pytest.mark.parametrize('transposed', [False, True])
def test_yolo_nas_damo_and_pp_yoloe_give_corners_and_scores(transposed: bool) -> None:
    boxes, scores = corners(30), dice().uniform(0, 0.6, (1, 30, 3)).astype(np.float32)
    expected = [
        (max(row), row.index(max(row)), *box)
        for box, row in zip(boxes[0].tolist(), scores[0].tolist(), strict=True)
        if max(row) >= THRESHOLD
    ]
    given = scores.transpose(0, 2, 1) if transposed else scores
    same(decode({'nms': True}, {'boxes': boxes, 'scores': np.ascontiguousarray(given)}), expected)


def test_yolov4_has_an_axis_between_boxes_and_their_numbers() -> None:
    boxes, scores = corners(30), dice().uniform(0, 0.6, (1, 30, 3)).astype(np.float32)
    flat = decode({}, {'boxes': boxes, 'confs': scores})
    fractions = (boxes / np.array([64, 32, 64, 32], np.float32))[:, :, None]
    same(decode({'normalized': True}, {'boxes': fractions, 'confs': scores}), flat)


BOX = (10.0, 4.0, 30.0, 20.0)
ROWS = [(1.0, 0.8, *BOX), (2.0, 0.2, *BOX), (0.0, 0.6, *BOX)]
NUMBERED = [(0.8, 1, *BOX), (0.6, 0, *BOX)]


@pytest.mark.parametrize(
    ('columns', 'place'),
    [
        (['class', 'score', 'box'], [0, 1, 2, 3, 4, 5]),  # Paddle
        (['batch', 'class', 'score', 'box'], [6, 0, 1, 2, 3, 4, 5]),  # OpenVINO
        (['batch', 'box', 'score', 'class'], [6, 2, 3, 4, 5, 1, 0]),  # YOLO-NAS
        (['box', 'other', 'score', 'class'], [2, 3, 4, 5, 6, 1, 0]),
    ],
)
@pytest.mark.parametrize('shape', [(-1,), (1, -1), (1, 1, -1)])
def test_rows_are_read_in_the_order_of_their_columns(
    columns: list[str], place: list[int], shape: tuple[int, ...]
) -> None:
    rows = np.array([(*row, 0.0) for row in ROWS], np.float32)[:, place]
    same(decode({'columns': columns}, {'out': rows.reshape(*shape, len(place))}), NUMBERED)


def test_mmdeploy_gives_class_numbers_in_an_output_of_their_own() -> None:
    rows = np.array([[(*row[2:], row[1]) for row in ROWS]], np.float32)
    labels = np.array([[row[0] for row in ROWS]]).astype(np.int64)
    same(decode({'columns': ['box', 'score']}, {'dets': rows, 'labels': labels}), NUMBERED)


@pytest.mark.parametrize(
    'columns', [['box', 'scores'], ['scores', 'box'], ['batch', 'scores', 'box']]
)
def test_scores_of_all_classes_may_stand_before_or_after_the_box(columns: list[str]) -> None:
    boxes, scores = corners(30)[0], dice().uniform(0, 0.6, (30, 3)).astype(np.float32)
    parts = {'box': boxes, 'scores': scores, 'batch': np.zeros((30, 1), np.float32)}
    rows = np.concatenate([parts[part] for part in columns], axis=1)[None]
    apart = decode({}, {'boxes': boxes[None], 'scores': scores[None]})
    same(decode({'columns': columns}, {'out': rows}), apart)


@pytest.mark.parametrize(
    ('box_format', 'place'),
    [
        ('xyxy', lambda x, y, r, b: (x, y, r, b)),
        ('yxyx', lambda x, y, r, b: (y, x, b, r)),
        ('xywh', lambda x, y, r, b: (x, y, r - x, b - y)),
        ('cxcywh', lambda x, y, r, b: ((x + r) / 2, (y + b) / 2, r - x, b - y)),
    ],
)
@pytest.mark.parametrize('normalized', [False, True])
def test_boxes_are_read_in_each_format_and_unit(
    box_format: str, place: Any, normalized: bool
) -> None:
    left, top, right, bottom = BOX
    if normalized:
        left, top, right, bottom = left / 64, top / 32, right / 64, bottom / 32
    boxes = np.array([[place(left, top, right, bottom)]], np.float32)
    scores = np.array([[[0.1, 0.9, 0.2]]], np.float32)
    options = {'box_format': box_format, 'normalized': normalized}
    same(decode(options, {'boxes': boxes, 'scores': scores}), [(0.9, 1, *BOX)])


@pytest.mark.parametrize('threshold', [0.0, 0.05, 0.3, 0.9])
def test_looking_at_the_threshold_first_changes_nothing(threshold: float) -> None:
    outputs = {'logits': logits(200, 4), 'pred_boxes': centered(200)}
    everything = decode(DETR, outputs, threshold=0.0)
    found = decode(DETR, outputs, threshold=threshold)
    assert found == [row for row in everything if row[0] >= threshold]


@pytest.mark.parametrize('options', [DETR, {**DETR, 'activation': 'sigmoid', 'top_k': 5}])
def test_what_is_not_finite_is_never_taken_for_nothing(options: dict[str, Any]) -> None:
    scores = np.full((1, 20, 4), -9, np.float32)
    scores[0, 3] = np.nan
    with np.errstate(all='ignore'):
        found = decode(options, {'logits': scores, 'pred_boxes': centered(20)})
    assert found
    assert all(math.isnan(row[0]) for row in found)


@pytest.mark.parametrize(
    ('options', 'outputs', 'expected'),
    [
        ({}, {'boxes': (1, 9, 4), 'scores': (1, 9, 4)}, '[1, 9, 3]'),  # a background is not said
        ({'background': 'last'}, {'boxes': (1, 9, 4), 'scores': (1, 9, 3)}, '[1, 9, 4]'),
        ({'columns': ['class', 'score', 'box']}, {'out': (1, 9, 7)}, '[1, any, 6]'),
        ({'columns': ['box', 'scores']}, {'out': (1, 9, 84)}, '[1, any, 7]'),
    ],
)
def test_sizes_that_contradict_the_options_are_refused(
    options: dict[str, Any], outputs: dict[str, Any], expected: str
) -> None:
    zeros = {name: np.zeros(shape, np.float32) for name, shape in outputs.items()}
    with pytest.raises(ModelMismatchError) as caught:
        decode(options, zeros)
    assert expected in caught.value.expected


def test_efficient_nms_is_read_as_labeled_up_to_its_count() -> None:
    outputs = {
        'num_dets': np.array([[2]], np.int32),
        'det_boxes': np.array([[BOX, BOX, BOX]], np.float32),
        'det_scores': np.array([[0.9, 0.5, 0.8]], np.float32),
        'det_classes': np.array([[1, 2, 0]], np.int32),
    }
    specs = tuple(TensorSpec(n, a.dtype.name, a.shape) for n, a in outputs.items())
    model = ModelDescription(ModelIdentity('m', 1), LABELS, (), specs)
    found = decoders.load('labeled')(model, WH, DecoderOptions())(outputs, 0.25)
    assert found.class_ids.tolist() == [1, 2]
    assert found.xyxy.tolist() == [list(BOX), list(BOX)]


@pytest.mark.parametrize(
    ('style', 'before'),
    [('yolov8', ()), ('yolo', (0.9,)), ('end_to_end', None)],
)
def test_columns_that_are_no_classes_are_never_classes(style: str, before: Any) -> None:
    center = (20.0, 12.0, 20.0, 16.0)
    masks = (7.0, -9.0, 8.0)
    if before is None:
        rows = np.array([[(*BOX, 0.5, 1.0, *masks)]], np.float32)
    else:
        rows = np.array([[(*center, *before, 0.1, 0.5, 0.2, *masks)]], np.float32)
    rows = rows.transpose(0, 2, 1) if style == 'yolov8' else rows
    spec = TensorSpec('out', 'float32', rows.shape)
    model = ModelDescription(ModelIdentity('m', 1), LABELS, (), (spec,))
    options = DecoderOptions(other_columns=3)
    found = decoders.load(style)(model, WH, options)({'out': rows}, 0.25)
    assert found.class_ids.tolist() == [1]
    np.testing.assert_allclose(found.xyxy, [BOX])
    np.testing.assert_allclose(found.scores, [0.5 * (before[0] if before else 1)], rtol=1e-6)
