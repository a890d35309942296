"""Every style of detector output: what is read and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ml_integration.core import plugins
from ml_integration.core.datatypes import ModelDescription, ModelIdentity, TensorSpec
from ml_integration.errors import ModelMismatchError
from ml_integration.ops import decoders
from ml_integration.ops.decoders import DecoderOptions

WH = (64, 32)
LABELS = ('person', 'car', 'dog')
BOX = [10.0, 4.0, 30.0, 20.0]  # xyxy; as center and size: 20, 12, 20, 16
CENTERED = [20.0, 12.0, 20.0, 16.0]
PIXELS = np.array([64, 32, 64, 32], np.float32)


def model_of(*outputs: tuple[str, str, Any], labels: tuple[str, ...] = LABELS) -> ModelDescription:
    specs = tuple(TensorSpec(*output) for output in outputs)
    return ModelDescription(ModelIdentity('m', 1), labels, (), specs)


def f32(values: Any) -> np.ndarray:
    return np.array(values, np.float32)


def logit(probability: float) -> float:
    return float(np.log(probability / (1 - probability)))


def yolo() -> tuple[dict[str, np.ndarray], DecoderOptions]:
    rows = np.zeros((1, 50, 8))
    rows[0, 7] = [*CENTERED, 0.9, 0.1, 0.8, 0.2]
    rows[0, 8] = [*CENTERED, 0.1, 0.1, 0.9, 0.2]  # likely a car, unlikely an object
    return {'out': f32(rows)}, DecoderOptions()


def yolov8() -> tuple[dict[str, np.ndarray], DecoderOptions]:
    columns = np.zeros((1, 7, 50))
    columns[0, :, 7] = [*CENTERED, 0.1, 0.72, 0.2]
    return {'out': f32(columns)}, DecoderOptions()


def yolox() -> tuple[dict[str, np.ndarray], DecoderOptions]:
    # 64 x 32 has 8 x 4 cells of 8 px, then 4 x 2 of 16: row 32 + 1 is the cell (1, 0).
    rows = np.zeros((1, 40, 8))
    rows[0, 33] = [0.25, 0.75, np.log(20 / 16), 0.0, 0.9, 0.1, 0.8, 0.2]
    return {'out': f32(rows)}, DecoderOptions(strides=(8, 16))


def end_to_end() -> tuple[dict[str, np.ndarray], DecoderOptions]:
    return {
        'out': f32([[[*BOX, 0.72, 1], [*BOX, 0.1, 2], [0, 0, 0, 0, -1, -1]]])
    }, DecoderOptions()


def end_to_end_flat() -> tuple[dict[str, np.ndarray], DecoderOptions]:
    return {'out': f32([[*BOX, 0.72, 2]])}, DecoderOptions(class_offset=1)


def end_to_end_of_seven() -> tuple[dict[str, np.ndarray], DecoderOptions]:
    return {'out': f32([[0, *BOX, 1, 0.72], [0, *BOX, 2, 0.1]])}, DecoderOptions()


def queries() -> tuple[dict[str, np.ndarray], DecoderOptions]:
    logits = f32([[[-5, -6, -7], [logit(0.1), logit(0.72), logit(0.2)]]])
    boxes = f32([[[0, 0, 1, 1], CENTERED / PIXELS]])
    return {'logits': logits, 'pred_boxes': boxes}, DecoderOptions(
        box_format='cxcywh', normalized=True, activation='sigmoid'
    )


def queries_joined() -> tuple[dict[str, np.ndarray], DecoderOptions]:
    return {'out': f32([[[*(CENTERED / PIXELS), 0.1, 0.72, 0.2], [0] * 7]])}, DecoderOptions(
        columns=('box', 'scores'), box_format='cxcywh', normalized=True
    )


def labeled() -> tuple[dict[str, np.ndarray], DecoderOptions]:
    outputs = {
        'labels': np.array([[0, 1]]),
        'boxes': f32([[BOX, BOX]]),
        'scores': f32([[0.1, 0.72]]),
    }
    return outputs, DecoderOptions()


def labeled_flat() -> tuple[dict[str, np.ndarray], DecoderOptions]:
    outputs = {'boxes': f32([BOX]), 'labels': np.array([2]), 'scores': f32([0.72])}
    return outputs, DecoderOptions(class_offset=1)


def tf_detection() -> tuple[dict[str, np.ndarray], DecoderOptions]:
    yxyx = (BOX / PIXELS)[[1, 0, 3, 2]]
    outputs = {
        'detection_anchor_indices': f32([[5, 6, 7]]),
        'detection_boxes': f32([[yxyx, yxyx, yxyx]]),
        'detection_classes': f32([[2, 3, 3]]),
        'detection_scores': f32([[0.72, 0.1, 0.9]]),
        'num_detections': f32([2]),
        'raw_detection_boxes': f32(np.zeros((1, 9, 4))),
        'raw_detection_scores': f32(np.zeros((1, 9, 4))),
    }
    return outputs, DecoderOptions(class_offset=1)


def tf_detection_named() -> tuple[dict[str, np.ndarray], DecoderOptions]:
    yxyx = (BOX / PIXELS)[[1, 0, 3, 2]]
    outputs = {'a': f32([[yxyx]]), 'b': f32([[1]]), 'c': f32([[0.72]]), 'd': f32([1])}
    return outputs, DecoderOptions(boxes_output='a', classes_output='b', scores_output='c')


def yolo_obb() -> tuple[dict[str, np.ndarray], DecoderOptions]:
    columns = np.zeros((1, 8, 50))
    columns[0, :, 7] = [*CENTERED, 0.1, 0.72, 0.2, 0.9]
    return {'out': f32(columns)}, DecoderOptions()


def yolo_obb_rows() -> tuple[dict[str, np.ndarray], DecoderOptions]:
    return {
        'out': f32([[[*CENTERED, 0.72, 1, -0.5], [*CENTERED, 0.1, 2, 0.3], [0] * 7]])
    }, DecoderOptions()


def ssd_anchors() -> tuple[dict[str, np.ndarray], DecoderOptions]:
    # 64 rows of the cells of 8 px; then the cell (1, 0) of 16 px, in the middle of which is 24, 8.
    numbers, scores = np.zeros((1, 112, 8)), np.full((1, 112, 1), -9.0)
    numbers[0, 73] = [20 - 24, 12 - 8, 20, 16, 0, 0, 0, 0]
    scores[0, 73] = logit(0.72)
    options = DecoderOptions(strides=(8, 16), anchors=(2, 6))
    return {'regressors': f32(numbers), 'classificators': f32(scores)}, options


def by_grid(rows: int, **widths: int) -> dict[str, np.ndarray]:
    """Zeros for the cells of 8, 16 and 32 px, with so many rows for each."""
    counts = {8: 32, 16: 8, 32: 2}
    return {
        f'{name}_{stride}': np.zeros((1, rows * counts[stride], width), np.float32)
        for name, width in widths.items()
        for stride in counts
    }


def scrfd() -> tuple[dict[str, np.ndarray], DecoderOptions]:
    outputs = by_grid(2, score=1, bbox=4, kps=10)  # the cell (1, 0) begins at 16, 0
    outputs['bbox_16'][0, 3] = [(16 - 10) / 16, (0 - 4) / 16, (30 - 16) / 16, 20 / 16]
    outputs['score_16'][0, 3] = 0.72
    return outputs, DecoderOptions()


def scrfd_flat() -> tuple[dict[str, np.ndarray], DecoderOptions]:
    outputs, options = scrfd()
    names = [name for name in outputs if 'kps' not in name]
    return {name: outputs[name][0] for name in names}, options


def yunet() -> tuple[dict[str, np.ndarray], DecoderOptions]:
    outputs = by_grid(1, cls=1, obj=1, bbox=4, kps=10)
    outputs['bbox_16'][0, 1] = [(20 - 16) / 16, 12 / 16, np.log(20 / 16), 0]
    outputs['cls_16'][0, 1], outputs['obj_16'][0, 1] = 0.9, 0.576
    return outputs, DecoderOptions()


def retinaface() -> tuple[dict[str, np.ndarray], DecoderOptions]:
    loc, conf = np.zeros((1, 84, 4)), np.tile([1.0, 0.0], (1, 84, 1))
    loc[0, 66] = [-4 / 6.4, 4 / 6.4, np.log(20 / 64) / 0.2, np.log(16 / 64) / 0.2]
    conf[0, 66] = [0.28, 0.72]
    return {'loc': f32(loc), 'conf': f32(conf), 'landms': f32(np.zeros((1, 84, 10)))}, (
        DecoderOptions()
    )


SAMPLES = [
    ('yolo', yolo),
    ('yolov8', yolov8),
    ('yolo_obb', yolo_obb),
    ('yolo_obb', yolo_obb_rows),
    ('yolox', yolox),
    ('end_to_end', end_to_end),
    ('end_to_end', end_to_end_flat),
    ('end_to_end', end_to_end_of_seven),
    ('boxes_and_scores', queries),
    ('boxes_and_scores', queries_joined),
    ('labeled', labeled),
    ('labeled', labeled_flat),
    ('tf_detection', tf_detection),
    ('tf_detection', tf_detection_named),
    ('ssd_anchors', ssd_anchors),
    ('scrfd', scrfd),
    ('scrfd', scrfd_flat),
    ('yunet', yunet),
    ('retinaface', retinaface),
]
FLAT = (end_to_end_flat, end_to_end_of_seven, labeled_flat, scrfd_flat)
ONE_CLASS = ('ssd_anchors', 'scrfd', 'yunet', 'retinaface')


def labels_of(style: str) -> tuple[str, ...]:
    return LABELS[1:2] if style in ONE_CLASS else LABELS


def make(style: str, outputs: dict[str, np.ndarray], options: DecoderOptions) -> Any:
    specs = [(name, array.dtype.name, array.shape) for name, array in outputs.items()]
    return decoders.load(style)(model_of(*specs, labels=labels_of(style)), WH, options)


@pytest.mark.parametrize(('style', 'sample'), SAMPLES)
def test_the_one_object_is_read(style: str, sample: Any) -> None:
    outputs, options = sample()
    xyxy, scores, class_ids, *_ = make(style, outputs, options)(outputs, 0.25)
    np.testing.assert_allclose(xyxy, [BOX], rtol=1e-5)
    np.testing.assert_allclose(scores, [0.72], rtol=1e-5)
    assert [labels_of(style)[number] for number in class_ids] == ['car']
    assert (xyxy.dtype, scores.dtype, class_ids.dtype) == (np.float32, np.float32, np.int32)


@pytest.mark.parametrize(('style', 'sample'), SAMPLES)
def test_an_object_says_which_row_of_the_model_it_is(style: str, sample: Any) -> None:
    outputs, options = sample()
    every = make(style, outputs, options)(outputs, 0.0)
    best = make(style, outputs, options)(outputs, 0.5)
    assert best.rows is not None and every.rows is not None
    first = int(every.scores.argmax())
    assert best.rows.tolist() == [every.rows[first]]
    np.testing.assert_array_equal(best.xyxy[0], every.xyxy[first])


@pytest.mark.parametrize('style', ['yolo', 'yolov8', 'end_to_end'])
def test_numbers_beside_box_and_classes_go_with_the_objects(style: str) -> None:
    scores = {'yolo': [0.9, 1, 0, 0], 'yolov8': [0.9, 0, 0], 'end_to_end': [0.9, 1]}[style]
    row = [16, 16, 30, 30, *scores]
    table = f32([[[0] * (len(row) + 2), [*row, 7, -8]]])
    outputs = {
        'out': np.ascontiguousarray(table.transpose(0, 2, 1)) if style == 'yolov8' else table
    }
    found = make(style, outputs, DecoderOptions(other_columns=2))(outputs, 0.5)
    assert found.others is not None and found.others.tolist() == [[7, -8]]
    assert found.take(np.array([0])).others.tolist() == [[7, -8]]


@pytest.mark.parametrize(('style', 'sample'), SAMPLES)
def test_half_precision_is_read_too(style: str, sample: Any) -> None:
    outputs, options = sample()
    half = {n: a.astype(np.float16) if a.dtype.kind == 'f' else a for n, a in outputs.items()}
    xyxy, scores, class_ids, *_ = make(style, half, options)(half, 0.25)
    np.testing.assert_allclose(xyxy, [BOX], rtol=1e-2)
    np.testing.assert_allclose(scores, [0.72], rtol=1e-2)
    assert [labels_of(style)[number] for number in class_ids] == ['car']
    assert (xyxy.dtype, scores.dtype, class_ids.dtype) == (np.float32, np.float32, np.int32)


@pytest.mark.parametrize(('style', 'sample'), SAMPLES)
def test_a_picture_of_a_batch_is_read_from_its_rows(style: str, sample: Any) -> None:
    outputs, options = sample()
    specs = [(name, a.dtype.name, (None, *a.shape[1:])) for name, a in outputs.items()]
    decoder = decoders.load(style)(model_of(*specs, labels=labels_of(style)), WH, options)
    assert decoder.batched is (sample not in FLAT)
    if decoder.batched:
        two = {name: np.concatenate([np.zeros_like(a), a]) for name, a in outputs.items()}
        xyxy, _, class_ids, *_ = decoder({name: a[1:] for name, a in two.items()}, 0.25)
        np.testing.assert_allclose(xyxy, [BOX], rtol=1e-5)
        assert [labels_of(style)[number] for number in class_ids] == ['car']


@pytest.mark.parametrize(('style', 'sample'), SAMPLES)
def test_nothing_above_the_threshold_gives_empty_arrays(style: str, sample: Any) -> None:
    outputs, options = sample()
    xyxy, scores, class_ids, *_ = make(style, outputs, options)(outputs, 0.99)
    assert (xyxy.shape, scores.shape, class_ids.shape) == ((0, 4), (0,), (0,))


@pytest.mark.parametrize('bad', [np.nan, np.inf])
@pytest.mark.parametrize(('style', 'sample'), SAMPLES)
@np.errstate(invalid='ignore', over='ignore')
def test_outputs_that_are_not_finite_are_never_taken_for_nothing(
    style: str, sample: Any, bad: float
) -> None:
    outputs, options = sample()
    broken = {n: np.full_like(a, bad) if a.dtype.kind == 'f' else a for n, a in outputs.items()}
    xyxy, scores, *_ = make(style, broken, options)(broken, 0.25)
    assert len(scores) > 0
    assert not (np.isfinite(xyxy).all(axis=1) & np.isfinite(scores)).any()


@pytest.mark.parametrize('style', ['yolo', 'yolov8', 'end_to_end', 'labeled'])
def test_fractions_become_pixels_where_the_export_gives_fractions(style: str) -> None:
    outputs, _ = dict(SAMPLES[::-1])[style]()
    first = {'labeled': 'boxes'}.get(style, 'out')
    if style == 'yolov8':
        outputs[first][0, :4] /= PIXELS[:, None]
    else:
        outputs[first][..., :4] /= PIXELS
    xyxy, _, _, *_ = make(style, outputs, DecoderOptions(normalized=True))(outputs, 0.25)
    np.testing.assert_allclose(xyxy[0], BOX, rtol=1e-5)


@pytest.mark.parametrize('number', [np.nan, np.inf, -1.0, 1e12])
def test_a_class_that_is_no_number_becomes_one_that_no_label_has(number: float) -> None:
    outputs = {'out': f32([[*BOX, 0.9, number]])}
    _, _, class_ids, *_ = make('end_to_end', outputs, DecoderOptions())(outputs, 0.25)
    assert class_ids.tolist() == [-1]


NUMBERED = [pair for pair in SAMPLES if pair[0] in ('end_to_end', 'labeled', 'tf_detection')]


@pytest.mark.parametrize(('style', 'sample'), NUMBERED)
def test_a_class_number_just_below_a_whole_one_is_not_cut(style: str, sample: Any) -> None:
    outputs, options = sample()
    named = (n for n in outputs if 'class' in n or 'label' in n)
    name = options.classes_output or next(named, 'out')
    numbers = outputs[name].astype(np.float32)
    column = numbers if name != 'out' else numbers[..., 5]
    column -= np.float32(1e-4)
    short = {**outputs, name: numbers}
    _, _, class_ids, *_ = make(style, short, options)(short, 0.25)
    assert class_ids.tolist() == [1]


def test_the_count_output_limits_the_rows_and_a_broken_one_does_not() -> None:
    outputs, options = tf_detection()
    decode = make('tf_detection', outputs, options)
    for count, rows in ((0, 0), (1, 1), (3, 2), (np.nan, 2), (-4, 2), (99, 2), (0.999, 1)):
        outputs['num_detections'][:] = count
        assert len(decode(outputs, 0.25).scores) == rows


@pytest.mark.parametrize(('sample', 'angle'), [(yolo_obb, 0.9), (yolo_obb_rows, -0.5)])
def test_the_angle_of_a_rotated_box_is_read(sample: Any, angle: float) -> None:
    outputs, options = sample()
    found = make('yolo_obb', outputs, options)(outputs, 0.25)
    np.testing.assert_allclose(found.angles, f32([angle]))


def test_every_decoder_file_has_a_sample_here() -> None:
    assert {style for style, _ in SAMPLES} == set(plugins.names(decoders.PLUGINS))


@pytest.mark.parametrize(
    ('style', 'outputs', 'expected'),
    [
        ('yolo', [('o', 'float32', (1, 9, 85))], '[1, any, 8]'),  # 80 classes, 3 labels
        ('yolo', [('o', 'float32', (1, 8, 9))], '[1, any, 8]'),  # transposed
        ('yolo', [('o', 'float32', (1, 9, None))], '[1, any, 8]'),  # free number of classes
        ('yolo', [('o', 'float32', (2, 9, 8))], '[1, any, 8]'),  # a batch
        ('yolo', [('o', 'float32', ())], '[1, any, 8]'),  # a number
        ('yolo', [('o', 'bool', (1, 9, 8))], '[1, any, 8]'),  # no numbers
        ('yolo', [('o', 'float32', (1, 9, 8)), ('p', 'float32', (1, 3))], 'one output'),
        ('yolov8', [('o', 'float32', (1, 84, 9))], '[1, 7, any]'),  # 80 classes, 3 labels
        ('yolov8', [('o', 'float32', (1, 9, 7))], '[1, 7, any]'),  # transposed
        ('yolo_obb', [('o', 'float32', (1, 7, 9))], '[1, 8, any]'),  # no angle
        ('yolox', [('o', 'float32', (1, 43, 8))], '[1, 42, 8]'),  # other grids
        ('end_to_end', [('o', 'float32', (1, 9, 5))], '[1, any, 6]'),  # no class
        ('end_to_end', [('o', 'float32', (6,))], '[any, 6]'),  # a single row
        (
            'boxes_and_scores',
            [('logits', 'float32', (1, 9, 3)), ('boxes', 'float32', (1, 9, 5))],
            '[1, any, 4]',
        ),  # five numbers per box
        (
            'boxes_and_scores',
            [('logits', 'float32', (1, 9, 4)), ('boxes', 'float32', (1, 9, 4))],
            '[1, 9, 3]',
        ),  # one class too many
        (
            'boxes_and_scores',
            [('x', 'float32', (1, 9, 3)), ('y', 'float32', (1, 9, 4))],
            'boxes or box or dets in its name',
        ),  # names that say nothing
        (
            'labeled',
            [
                ('labels', 'int64', (9,)),
                ('boxes', 'float32', (9, 4)),
                ('scores', 'float32', (9, 3)),
            ],
            '[1, any]',
        ),  # scores per class
        (
            'tf_detection',
            [('boxes', 'float32', (1, 9, 4)), ('scores', 'float32', (1, 9))],
            'class or label in its name',
        ),  # no classes
    ],
)
def test_outputs_of_another_style_are_refused_in_words(
    style: str, outputs: list[Any], expected: str
) -> None:
    with pytest.raises(ModelMismatchError) as caught:
        decoders.load(style)(model_of(*outputs), WH, DecoderOptions())
    assert expected in caught.value.expected
    assert outputs[0][0] in caught.value.got or outputs[-1][0] in caught.value.got


def test_an_output_that_is_not_there_cannot_be_chosen() -> None:
    outputs, _ = labeled()
    with pytest.raises(ModelMismatchError, match=r'decoder_options\.boxes_output'):
        make('labeled', outputs, DecoderOptions(boxes_output='box'))


def test_without_labels_any_number_of_classes_will_do() -> None:
    model = model_of(('o', 'float32', (1, 9, 25)), labels=())
    decode = decoders.load('yolo')(model, WH, DecoderOptions())
    rows = np.zeros((1, 9, 25), np.float32)
    rows[0, 3] = [*CENTERED, 1.0, *[0.0] * 19, 0.5]
    assert decode({'o': rows}, 0.25).class_ids.tolist() == [19]
