"""What is proposed for the outputs of other people's exports, or why nothing reads them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from export_outputs import (
    Made,
    Outputs,
    cells,
    centered,
    corners,
    f32,
    fractions,
    logits,
    numbers,
    probabilities,
    ranked,
    two_runs,
    with_no_object,
)

from ml_integration.core.datatypes import ModelDescription, ModelIdentity, TensorSpec
from ml_integration.core.declaration import build
from ml_integration.exports.claims import Claim, Claims, Origin
from ml_integration.exports.guessing.outputs import Readings, read_outputs
from ml_integration.ops.letterbox import Letterbox
from ml_integration.tasks.object_detection import ObjectDetection

WH = (160, 128)
Dice = np.random.Generator


def yolo(
    dice: Dice,
    classes: int = 3,
    each: int = 3,
    wh: tuple[int, int] = WH,
    strides: tuple[int, ...] = (8, 16, 32),
) -> Outputs:
    count = each * cells(wh, strides)
    rows = [centered(corners(dice, count, wh)), probabilities(dice, count, 1)]
    rows.append(dice.uniform(0.9, 1, (count, classes)))
    return {'output0': f32([np.concatenate(rows, axis=1)])}


def yolov8(dice: Dice, classes: int = 3, more: int = 0, wh: tuple[int, int] = WH) -> Outputs:
    count = cells(wh)
    parts = [centered(corners(dice, count, wh)), probabilities(dice, count, classes)]
    parts.append(dice.normal(0, 9, (count, more)))
    return {'output0': f32([np.concatenate(parts, axis=1).T])}


def upright(dice: Dice, classes: int = 3) -> Outputs:
    return {'output0': np.ascontiguousarray(yolov8(dice, classes)['output0'].transpose(0, 2, 1))}


def oriented(dice: Dice) -> Outputs:
    found = yolov8(dice, 3)['output0'][0]
    angles = dice.uniform(-0.8, 2.3, (1, cells(WH)))
    return {'output0': f32([np.concatenate((found, angles))])}


def oriented_rows(dice: Dice) -> Outputs:
    found = rows(dice, ('box', 'score', 'class', 'angle'), 'output0', (1, -1))['output0']
    found[..., :4] = centered(found[0, :, :4])
    return {'output0': found}


def segments(dice: Dice) -> Outputs:
    return {**yolov8(dice, more=32), 'output1': f32(dice.normal(0, 1, (1, 32, 32, 40)))}


def heads(dice: Dice) -> Outputs:
    shapes = {'350': (1, 3, 16, 20, 8), '416': (1, 3, 8, 10, 8), '482': (1, 3, 4, 5, 8)}
    return {**yolo(dice), **{name: f32(np.zeros(shape)) for name, shape in shapes.items()}}


def yolox(dice: Dice, classes: int = 3) -> Outputs:
    count = cells(WH)
    parts = [dice.uniform(-1, 1, (count, 2)), dice.uniform(0.3, 1.5, (count, 2))]
    parts += [probabilities(dice, count, 1), dice.uniform(0.9, 1, (count, classes))]
    return {'output': f32([np.concatenate(parts, axis=1)])}


def end_to_end(dice: Dice, count: int = 300, share: bool = False) -> Outputs:
    boxes = corners(dice, count, WH)
    boxes = fractions(boxes, WH) if share else boxes
    parts = [boxes, ranked(dice, count)[:, None], numbers(dice, count, 3)[:, None]]
    return {'output0': f32([np.concatenate(parts, axis=1)])}


def rows(dice: Dice, order: tuple[str, ...], name: str, shape: tuple[int, ...] = (-1,)) -> Outputs:
    count = 40
    parts = {
        'box': corners(dice, count, WH),
        'score': ranked(dice, count)[:, None],
        'class': numbers(dice, count, 3)[:, None],
        'batch': np.zeros((count, 1)),
        'angle': dice.uniform(-0.8, 2.3, (count, 1)),
    }
    table = np.concatenate([parts[part] for part in order], axis=1)
    return {name: f32(table).reshape(*shape, table.shape[1])}


def paddle(dice: Dice) -> Outputs:
    table = rows(dice, ('class', 'score', 'box'), 'multiclass_nms3_0.tmp_0')
    return {**table, 'multiclass_nms3_0.tmp_2': np.array([40], np.int32)}


def detr(dice: Dice, classes: int = 3) -> Outputs:
    boxes = fractions(centered(corners(dice, 100, WH)), WH)
    return {'logits': f32([with_no_object(dice, 100, classes)]), 'pred_boxes': f32([boxes])}


def queries(dice: Dice, names: tuple[str, str], classes: int = 3) -> Outputs:
    boxes = fractions(centered(corners(dice, 300, WH)), WH)
    return {names[0]: f32([logits(dice, 300, classes)]), names[1]: f32([boxes])}


def untrained(dice: Dice) -> Outputs:
    found = {'logits': dice.uniform(0, 0.9, (1, 50, 4)), 'pred_boxes': np.full((1, 50, 4), 0.5)}
    return {name: f32(array + 0.01) for name, array in found.items()}


def joined(dice: Dice, classes: int = 5) -> Outputs:
    boxes = fractions(centered(corners(dice, 300, WH)), WH)
    table = np.concatenate((boxes, probabilities(dice, 300, classes)), axis=1)
    return {'output0': f32([table])}


def pair(dice: Dice, names: tuple[str, str], turned: bool = False) -> Outputs:
    count = cells(WH)
    scores = probabilities(dice, count, 3)
    return {
        names[0]: f32([corners(dice, count, WH)]),
        names[1]: f32([scores.T if turned else scores]),
    }


def ssd(dice: Dice) -> Outputs:
    boxes = fractions(corners(dice, 3000, WH), WH)
    scores = np.exp(with_no_object(dice, 3000, 3)[:, ::-1])
    return {'scores': f32([scores / scores.sum(axis=1, keepdims=True)]), 'boxes': f32([boxes])}


def ssd_logits(dice: Dice) -> Outputs:
    boxes = fractions(corners(dice, 3000, WH), WH)
    return {'scores': f32([with_no_object(dice, 3000, 3)[:, ::-1]]), 'boxes': f32([boxes])}


def openvino(dice: Dice) -> Outputs:
    found = rows(dice, ('batch', 'class', 'score', 'box'), 'detection_out', (1, 1, -1))
    found['detection_out'][..., 3:] = fractions(found['detection_out'][0, 0, :, 3:], WH)
    found['detection_out'][..., 1] += 1
    return found


def from_the_top(dice: Dice) -> Outputs:
    found = three(
        dice,
        ('StatefulPartitionedCall:0', 'StatefulPartitionedCall:1', 'x:class'),
        dtype='float32',
    )
    boxes = found['StatefulPartitionedCall:0']
    return {**found, 'StatefulPartitionedCall:0': np.ascontiguousarray(boxes[..., [1, 0, 3, 2]])}


def yolov4(dice: Dice) -> Outputs:
    boxes = fractions(corners(dice, 3 * cells(WH), WH), WH)
    return {'boxes': f32(boxes[None, :, None]), 'confs': f32([probabilities(dice, len(boxes), 3)])}


def mask_rcnn(dice: Dice) -> Outputs:
    found = three(dice, ('6568', '6572', '6570'), 1, 1)
    return {**found, '6887': f32(dice.uniform(0, 1, (50, 1, 28, 28)))}


def one_face(dice: Dice) -> Outputs:
    """Faces with a background that comes first, as Ultra-Light-Fast gives them."""
    boxes = fractions(corners(dice, 4420, WH), WH)
    face = probabilities(dice, 4420, 1)
    return {'scores': f32([np.concatenate((1 - face, face), axis=1)]), 'boxes': f32([boxes])}


def mmdeploy(dice: Dice, masks: bool = False) -> Outputs:
    table = np.concatenate((corners(dice, 50, WH), ranked(dice, 50)[:, None]), axis=1)
    labels = numbers(dice, 50, 3)[None].astype(np.int64)
    more = {'masks': f32(np.zeros((1, 50, 128, 160)))} if masks else {}
    return {'dets': f32([table]), 'labels': labels, **more}


def three(
    dice: Dice, names: tuple[str, str, str], axes: int = 2, first: int = 0, dtype: str = 'int64'
) -> Outputs:
    found = {
        names[0]: f32(corners(dice, 50, WH)),
        names[1]: f32(ranked(dice, 50)),
        names[2]: np.concatenate(([first], numbers(dice, 49, 3, first), [first + 2]))[:50],
    }
    found[names[2]][0], found[names[2]][1] = first, first + 2
    found[names[2]] = found[names[2]].astype(dtype)
    return {name: array[None] if axes == 2 else array for name, array in found.items()}


def efficient_nms(dice: Dice) -> Outputs:
    found = three(dice, ('det_boxes', 'det_scores', 'det_classes'), dtype='int32')
    return {'num_dets': np.array([[50]], np.int32), **found}


def yolo_nas_with_nms(dice: Dice) -> Outputs:
    found = three(dice, ('graph2_pred_boxes', 'graph2_pred_scores', 'graph2_pred_classes'))
    return {'graph2_num_predictions': np.array([[50]], np.int64), **found}


def tensorflow(dice: Dice) -> Outputs:
    found = three(
        dice,
        ('detection_boxes', 'detection_scores', 'detection_classes'),
        first=1,
        dtype='float32',
    )
    boxes = fractions(found['detection_boxes'][0], WH)[:, [1, 0, 3, 2]]
    more = {'raw_detection_boxes': f32([boxes[:9]]), 'raw_detection_scores': f32([boxes[:9]])}
    anchors = f32(np.zeros((1, 50)))
    return {
        'detection_anchor_indices': anchors,
        **found,
        'detection_boxes': f32([boxes]),
        'detection_multiclass_scores': f32(dice.uniform(0, 1, (1, 50, 4))),
        'num_detections': f32([50]),
        **more,
    }


def tflite(dice: Dice) -> Outputs:
    found = three(dice, ('boxes', 'scores', 'classes'), dtype='float32')
    boxes = fractions(found['boxes'][0], WH)[:, [1, 0, 3, 2]]
    name = 'TFLite_Detection_PostProcess'
    return {
        name: f32([boxes]),
        f'{name}:1': found['classes'],
        f'{name}:2': found['scores'],
        f'{name}:3': f32([50]),
    }


QUERIES = {'box_format': 'cxcywh', 'normalized': True}
SIGMOID = {**QUERIES, 'activation': 'sigmoid', 'top_k': 300}
SOFTMAX = {**QUERIES, 'activation': 'softmax', 'background': 'last'}
B = 'boxes_and_scores'
UPRIGHT = {'columns': ('box', 'scores'), 'box_format': 'cxcywh', 'nms': True}

READ: dict[str, tuple[Any, int, str, dict[str, Any]]] = {
    # outputs, labels that are known, decoder, options
    'yolov5': (yolo, 3, 'yolo', {}),
    'yolov5 without labels': (yolo, 0, 'yolo', {}),
    'yolov5 of one class, few rows': (lambda d: yolo(d, 1, wh=(96, 96)), 0, 'yolo', {}),
    'yolov5 with its heads': (heads, 0, 'yolo', {}),
    'yolov6': (lambda d: yolo(d, 3, 1), 3, 'yolo', {}),
    'yolov8': (yolov8, 3, 'yolov8', {}),
    'yolov8 of one class': (lambda d: yolov8(d, 1), 1, 'yolov8', {}),
    'yolov8 of 365 classes on a small picture': (lambda d: yolov8(d, 365), 0, 'yolov8', {}),
    'yolov8 with rows and columns swapped': (upright, 3, B, UPRIGHT),
    'yolov8 with rows and columns swapped, without labels': (upright, 0, B, UPRIGHT),
    'yolov8 of one class with rows and columns swapped': (lambda d: upright(d, 1), 1, B, UPRIGHT),
    'boxes and scores of one class': (
        lambda d: rows(d, ('box', 'score'), 'output', (1, -1)), 1, B, {'columns': ('box', 'score')}
    ),
    'yolov8 with masks': (segments, 3, 'yolov8', {'other_columns': 32}),
    'yolo of a single grid': (lambda d: yolo(d, 3, 1, strides=(16,)), 3, 'yolo', {}),
    'yolo with rotated boxes': (oriented, 3, 'yolo_obb', {}),
    'yolo with rotated boxes, without labels': (oriented, 0, 'yolo_obb', {}),
    'yolo with rotated boxes and nms': (oriented_rows, 3, 'yolo_obb', {}),
    'yolox': (yolox, 3, 'yolox', {}),
    'yolox without labels': (yolox, 0, 'yolox', {}),
    'yolov10': (end_to_end, 3, 'end_to_end', {}),
    'yolov10 as fractions': (
        lambda d: end_to_end(d, share=True), 0, 'end_to_end', {'normalized': True}
    ),
    'yolov7 with nms': (
        lambda d: rows(d, ('batch', 'box', 'class', 'score'), 'output'), 0, 'end_to_end', {}
    ),
    'yolo-nas with nms, flat': (
        lambda d: rows(d, ('batch', 'box', 'score', 'class'), 'graph2_flat_predictions'), 0, B,
        {'columns': ('batch', 'box', 'score', 'class')},
    ),
    'class and score before the box': (
        lambda d: rows(d, ('batch', 'class', 'score', 'box'), 'batchno_classid_score_x1y1x2y2'),
        0, B, {'columns': ('batch', 'class', 'score', 'box')},
    ),
    'paddle': (paddle, 3, B, {'columns': ('class', 'score', 'box')}),
    'detr': (detr, 3, B, SOFTMAX),
    'detr without labels': (detr, 0, B, SOFTMAX),
    'detr that nobody trained': (untrained, 3, B, SOFTMAX),
    'rt-detr, d-fine, deformable detr': (
        lambda d: queries(d, ('logits', 'pred_boxes')), 3, B, SIGMOID
    ),
    'rt-detr without labels': (lambda d: queries(d, ('logits', 'pred_boxes')), 0, B, SIGMOID),
    'rf-detr': (lambda d: queries(d, ('labels', 'dets')), 3, B, SIGMOID),
    'rf-detr with a class more': (
        lambda d: queries(d, ('labels', 'dets'), 4), 3, B, {**SIGMOID, 'background': 'last'}
    ),
    'rf-detr of four classes': (lambda d: queries(d, ('labels', 'dets'), 4), 0, B, SIGMOID),
    'rt-detr in one output': (joined, 5, B, {'columns': ('box', 'scores'), **QUERIES}),
    'rt-detr of two classes in one output': (
        lambda d: joined(d, 2), 2, B, {'columns': ('box', 'scores'), **QUERIES}
    ),
    'rt-detr of three classes in one output, without labels': (
        lambda d: joined(d, 3), 0, B, {'columns': ('box', 'scores'), **QUERIES}
    ),
    'yolo-nas': (
        lambda d: pair(d, ('904', '913')), 3, B,
        {'nms': True, 'boxes_output': '904', 'scores_output': '913'},
    ),
    'damo': (lambda d: pair(d, ('boxes', 'scores')), 0, B, {'nms': True}),
    'pp-yoloe': (lambda d: pair(d, ('boxes', 'scores'), True), 3, B, {'nms': True}),
    'ssd with a softmax': (
        ssd, 3, B, {'nms': True, 'normalized': True, 'background': 'first'}
    ),
    'ssd before its softmax': (
        ssd_logits, 3, B,
        {'nms': True, 'normalized': True, 'activation': 'softmax', 'background': 'first'},
    ),
    'ssd before its softmax, without labels': (
        ssd_logits, 0, B,
        {'nms': True, 'normalized': True, 'activation': 'softmax', 'background': 'first'},
    ),
    'openvino': (
        openvino, 3, B,
        {'columns': ('batch', 'class', 'score', 'box'), 'normalized': True, 'class_offset': 1},
    ),
    'pixels from the top': (
        from_the_top, 3, 'labeled',
        {'boxes_output': 'StatefulPartitionedCall:0', 'scores_output': 'StatefulPartitionedCall:1',
         'box_format': 'yxyx'},
    ),
    'yolov4': (yolov4, 3, B, {'nms': True, 'normalized': True}),
    'mask r-cnn without names': (
        mask_rcnn, 3, 'labeled',
        {'boxes_output': '6568', 'scores_output': '6572', 'classes_output': '6570',
         'class_offset': 1},
    ),
    'faces': (one_face, 1, B, {'nms': True, 'normalized': True, 'background': 'first'}),
    'mmdeploy': (mmdeploy, 3, B, {'columns': ('box', 'score')}),
    'mmdeploy with masks': (lambda d: mmdeploy(d, True), 3, B, {'columns': ('box', 'score')}),
    'efficient nms': (efficient_nms, 3, 'labeled', {}),
    'yolo-nas with nms': (yolo_nas_with_nms, 3, 'labeled', {}),
    'rt-detr with post-processing': (
        lambda d: three(d, ('boxes', 'scores', 'labels')), 3, 'labeled', {}
    ),
    'torchvision': (
        lambda d: three(d, ('boxes', 'scores', 'labels'), 1, 1), 3, 'labeled', {'class_offset': 1}
    ),
    'torchvision without names': (
        lambda d: three(d, ('2774', '2776', '2775'), 1), 3, 'labeled',
        {'boxes_output': '2774', 'scores_output': '2776', 'classes_output': '2775'},
    ),
    'tensorflow': (tensorflow, 3, 'tf_detection', {'class_offset': 1}),
    'tflite': (
        tflite, 3, 'tf_detection',
        {'boxes_output': 'TFLite_Detection_PostProcess',
         'scores_output': 'TFLite_Detection_PostProcess:2',
         'classes_output': 'TFLite_Detection_PostProcess:1'},
    ),
}  # fmt: skip

WITH_MASKS = ('yolov8 with masks', 'mask r-cnn without names', 'mmdeploy with masks')
"""What only boxes are read of if the export says that it is a detector."""


def claims(labels: int = 0, **values: Any) -> Claims:
    names = {'labels': tuple(f'class {n}' for n in range(labels))} if labels else {}
    told = {**names, **values}
    return Claims(tuple(Claim(k, v, Origin.METADATA, "its 'x'") for k, v in told.items()))


def read(made: Made, known: Claims, tried: bool = True) -> Readings:
    runs = made.outputs if tried else ()
    return read_outputs(made.picture(), made.specs(), known, runs)


def exported(name: str) -> tuple[Made, Claims]:
    outputs, labels, _, _ = READ[name]
    wh = (96, 96) if 'few rows' in name else WH
    task = {'task': 'object_detection'} if name in WITH_MASKS else {}
    return two_runs(wh, outputs), claims(labels, **task)


@pytest.mark.parametrize('name', READ)
def test_the_decoder_and_its_options_are_found(name: str) -> None:
    made, known = exported(name)
    readings = read(made, known)
    assert readings.refusal == ''
    best, *others = readings.equal
    expected = {'decoder': READ[name][2]}
    options = READ[name][3]
    assert others == []
    assert best.task == 'object_detection'
    assert best.settings == {**expected, **({'decoder_options': options} if options else {})}
    assert best.sure


@pytest.mark.parametrize('name', READ)
def test_what_is_proposed_finds_the_objects(name: str) -> None:
    made, known = exported(name)
    best = read(made, known).fits[0]
    labels = known.value('labels', ())
    model = ModelDescription(
        ModelIdentity('m', 1), labels, made.picture(), best.outputs, {'images': made.wh}
    )
    task = ObjectDetection(build(ObjectDetection.Settings, best.settings, 'test'), model)
    geometry = {'images': Letterbox(made.wh, made.wh, (1.0, 1.0), (0, 0))}
    result = task.postprocess(made.outputs[0], geometry)
    assert len(result) >= 5
    assert task.validate(result, geometry).reasons == ()
    sides = result.xyxy[:, 2:] - result.xyxy[:, :2]
    assert (sides > 2).all()


@pytest.mark.parametrize('name', [name for name in READ if READ[name][1]])
def test_another_number_of_labels_is_refused_or_read_by_class_numbers(name: str) -> None:
    made, _ = exported(name)
    readings = read(made, claims(60))
    if readings.fits:  # rows with class numbers: any number of labels from the highest one on
        assert READ[name][2] in ('end_to_end', 'yolo_obb', 'labeled', 'tf_detection', B)
    else:
        assert "60 labels come from its 'x'" in readings.refusal


def refused(dice: Dice, **shapes: tuple[int, ...]) -> Outputs:
    return {name: f32(dice.normal(0, 1, shape)) for name, shape in shapes.items()}


def unit(dice: Dice) -> Outputs:
    numbers = dice.normal(0, 1, (1, 512))
    return {'output': f32(numbers / np.linalg.norm(numbers))}


def pose(dice: Dice) -> Outputs:
    points = dice.uniform(0, 160, (51, cells(WH)))
    found = yolov8(dice, 1)['output0'][0]
    return {'output0': f32([np.concatenate((found, points))])}


REFUSED: dict[str, tuple[Any, str]] = {
    'a map': (lambda d: refused(d, output=(1, 1, 128, 160)), 'a depth map or a mask'),
    'segmentation': (lambda d: refused(d, output0=(1, 4, 128, 160)), 'segmentation logits'),
    'segformer': (
        lambda d: refused(d, logits=(1, 150, 32, 40)),
        '150 numbers per pixel; --task segmentation reads scores of classes, and --labels tells',
    ),
    'segmentation, argmax': (
        lambda d: {'output0': np.zeros((1, 1, 128, 160), np.int64)}, 'a segmentation mask'
    ),
    'super resolution': (lambda d: refused(d, output=(1, 3, 256, 320)), 'image to image'),
    'optical flow': (lambda d: refused(d, flow=(1, 2, 128, 160)), 'optical flow'),
    'embedding': (unit, 'an embedding'),
    'embedding by name': (lambda d: refused(d, image_embeds=(1, 512)), 'an embedding'),
    'tokens': (lambda d: refused(d, last_hidden_state=(1, 197, 768)), 'an embedding'),
    'pose': (pose, 'the keypoints of a pose; --task keypoints reads them'),
    'pose of rtmpose': (
        lambda d: refused(d, simcc_x=(1, 17, 384), simcc_y=(1, 17, 512)), 'keypoints of a pose'
    ),
    'maps of features': (lambda d: refused(d, output=(1, 17, 32, 40)), 'logits or heatmaps'),
    'a number': (lambda d: refused(d, output=(1, 1)), 'a single number (regression)'),
    'a batch': (lambda d: refused(d, output=(4, 7, 420)), 'for 4 pictures at once'),
    'raw heads': (
        lambda d: refused(d, a=(1, 24, 16, 20), b=(1, 24, 8, 10), c=(1, 24, 4, 5)),
        'heads before they are decoded',
    ),
    'distributions of box sides': (
        lambda d: refused(d, output=(1, cells(WH), 112)), 'boxes with 108 more numbers each'
    ),
    'features of sam': (lambda d: refused(d, image_embeddings=(1, 256, 8, 10)), 'an embedding'),
    'a mask': (lambda d: refused(d, mask=(1, 1, 128, 160)), 'a segmentation mask'),
    'boxes and keypoints of three grids': (
        lambda d: refused(d, cls_8=(1, 320, 1), bbox_8=(1, 320, 4), cls_16=(1, 80, 1),
                          bbox_16=(1, 80, 4)),
        'heads before they are decoded',
    ),
    'offsets from anchors': (
        lambda d: refused(d, classification=(1, 3000, 3), regression=(1, 3000, 4)),
        'heads before they are decoded',
    ),
    'nothing finite': (
        lambda d: {'output0': f32(np.full((1, 7, 420), np.nan))}, 'no finite number'
    ),
    'letters': (lambda d: refused(d, logits=(1, 26, 95)), 'letters of a text'),
    'points with scores': (
        lambda d: {'keypoints': np.zeros((1, 90, 2), np.int64), 'scores': f32([np.ones(90)])},
        'keypoints',
    ),
    'a number per pixel': (lambda d: refused(d, Identity=(1, 128, 160, 1)), 'a number per pixel'),
    'bytes': (lambda d: {'prob': np.array([[1, 5, 250]], np.uint8)}, 'a quantized model'),
    'unknown': (lambda d: refused(d, a=(1, 7, 9), b=(1, 3, 2)), 'no task here reads outputs like'),
}  # fmt: skip


DEPTHS = {
    'predicted_depth': ((1, 128, 160), ['inverse_depth', 'metric', 'relative_depth']),
    'depth': ((1, 1, 64, 80), ['inverse_depth', 'metric', 'relative_depth']),
    'disparity': ((1, 128, 160, 1), ['inverse_depth']),
}


@pytest.mark.parametrize('name', DEPTHS)
def test_a_depth_is_read_by_its_name_and_what_its_numbers_are_is_asked(name: str) -> None:
    shape, kinds = DEPTHS[name]
    made = two_runs(WH, lambda d: {name: f32(d.uniform(0.1, 1, shape))})
    readings = read(made, claims(0))
    assert [fit.settings for fit in readings.equal] == [{'kind': kind} for kind in kinds]
    assert {fit.task for fit in readings.fits} == {'depth_estimation'}
    told = claims(0, task='depth_estimation', **{'settings.kind': 'metric'})
    (fit,) = read(made, told).fits
    assert fit.settings == {'kind': 'metric'}


def test_a_map_without_a_telling_name_is_a_depth_only_if_somebody_says_so() -> None:
    made = two_runs(WH, lambda d: {'797': f32(d.normal(0, 1, (1, 128, 160)))})
    assert read(made, claims(0)).fits == ()
    fits = read(made, claims(0, task='depth_estimation')).fits
    # Distances are not negative.
    assert [fit.settings['kind'] for fit in fits] == ['inverse_depth', 'relative_depth']


def test_points_behind_the_boxes_are_read_as_the_export_says() -> None:
    said = {
        'task': 'keypoints',
        'settings.decoder': 'yolov8',
        'settings.points': 'in_rows',
        'settings.points_options.numbers': 3,
        'settings.decoder_options.other_columns': 51,
    }
    (fit,) = read(two_runs(WH, pose), claims(1, **said)).fits
    assert fit.task == 'keypoints'
    assert fit.settings == {
        'decoder': 'yolov8',
        'decoder_options': {'other_columns': 51},
        'points': 'in_rows',
        'points_options': {'numbers': 3},
    }


def few(dice: Dice, count: int) -> np.ndarray:
    """Scores [1, count, 1], high for one row of eight."""
    scores = dice.uniform(0, 0.04, (1, count, 1))
    scores[:, ::8] = dice.uniform(0.5, 0.95, scores[:, ::8].shape)
    return scores


def blazeface(dice: Dice, points: int, count: int) -> Outputs:
    scores = few(dice, count)
    boxes = np.concatenate(
        (dice.uniform(-9, 9, (1, count, 2)), dice.uniform(20, 60, (1, count, 2))), axis=2
    )
    near = dice.uniform(-20, 20, (1, count, 2 * points))
    return {
        'Identity': f32(np.concatenate((boxes, near), axis=2)),
        'Identity_1': f32(np.log(scores / (1 - scores))),
    }


def scrfd(dice: Dice, points: bool = True, flat: bool = False) -> Outputs:
    """Named by numbers and without a batch, as InsightFace's files are, or by grid."""
    counts = [2 * cells(WH, (stride,)) for stride in (8, 16, 32)]
    heads = [few(dice, count) for count in counts]
    heads += [dice.uniform(0.3, 2, (1, count, 4)) for count in counts]
    heads += [dice.normal(0, 1, (1, count, 10)) for count in counts if points]
    named = [f'{part}_{stride}' for part in ('score', 'bbox', 'kps') for stride in (8, 16, 32)]
    if flat:
        return {str(443 + n): f32(head[0]) for n, head in enumerate(heads)}
    return {name: f32(head) for name, head in zip(named, heads, strict=False)}


def yunet(dice: Dice) -> Outputs:
    counts = {stride: cells(WH, (stride,)) for stride in (8, 16, 32)}
    made = {f'cls_{stride}': few(dice, count) for stride, count in counts.items()}
    made |= {f'obj_{stride}': made[f'cls_{stride}'] for stride in counts}
    made |= {f'bbox_{s}': dice.uniform(0, 1, (1, count, 4)) for s, count in counts.items()}
    made |= {f'kps_{s}': dice.normal(0, 1, (1, count, 10)) for s, count in counts.items()}
    return {name: f32(array) for name, array in made.items()}


def retinaface(dice: Dice, logits: bool = False) -> Outputs:
    count = 2 * cells(WH)
    face = few(dice, count)
    both = np.concatenate((1 - face, face), axis=2)
    return {
        'loc': f32(dice.normal(0, 0.5, (1, count, 4))),
        'conf': f32(np.log(both) if logits else both),
        'landmarks': f32(dice.normal(0, 1, (1, count, 10))),
    }


FIVE = ('right_eye', 'left_eye', 'nose', 'right_mouth_corner', 'left_mouth_corner')
SIX = ('right_eye', 'left_eye', 'nose', 'mouth', 'right_ear', 'left_ear')
FACES: dict[str, tuple[Any, tuple[int, int], str, dict[str, Any], tuple[str, ...]]] = {
    'blazeface': (lambda d: blazeface(d, 6, 896), (128, 128), 'ssd_anchors', {}, SIX),
    'blazeface of full range': (
        lambda d: blazeface(d, 6, 2304), (192, 192), 'ssd_anchors', {}, SIX
    ),
    'scrfd': (lambda d: scrfd(d, flat=True), WH, 'scrfd', {}, FIVE),
    'scrfd with a batch': (scrfd, WH, 'scrfd', {}, FIVE),
    'yunet': (yunet, WH, 'yunet', {}, FIVE),
    'retinaface': (retinaface, WH, 'retinaface', {}, FIVE),
    'retinaface before its softmax': (
        lambda d: retinaface(d, True), WH, 'retinaface', {'activation': 'softmax'}, FIVE
    ),
}  # fmt: skip


@pytest.mark.parametrize('tried', [True, False])
@pytest.mark.parametrize('name', FACES)
def test_faces_and_their_points_are_read_of_a_detectors_heads(name: str, tried: bool) -> None:
    outputs, wh, decoder, options, points = FACES[name]
    made = two_runs(wh, outputs)
    readings = read(made, claims(), tried)
    (best,) = readings.equal
    told = options if tried else {}
    assert best.settings == {
        'decoder': decoder,
        **({'decoder_options': told} if told else {}),
        'points': 'in_rows',
        'keypoint_names': points,
    }
    assert (best.task, best.labels, best.sure) == ('keypoints', ('face',), True)
    assert {spec.name for spec in best.outputs} == set(made.outputs[0])
    assert not [text for text in readings.warnings if 'labels' in text]


@pytest.mark.parametrize('name', FACES)
def test_faces_may_be_found_without_their_points(name: str) -> None:
    outputs, wh, decoder, *_ = FACES[name]
    (best,) = read(two_runs(wh, outputs), claims(1, task='object_detection')).equal
    assert (best.task, best.settings['decoder']) == ('object_detection', decoder)
    assert 'points' not in best.settings


def test_a_detector_of_faces_without_points_finds_objects() -> None:
    (best,) = read(two_runs(WH, lambda d: scrfd(d, points=False)), claims()).equal
    assert (best.task, best.settings, best.labels) == (
        'object_detection', {'decoder': 'scrfd'}, ('face',)
    )  # fmt: skip


@pytest.mark.parametrize('name', FACES)
def test_faces_are_of_one_class(name: str) -> None:
    outputs, wh, *_ = FACES[name]
    assert read(two_runs(wh, outputs), claims(3)).fits == ()


def test_palms_and_their_points_have_their_names() -> None:
    best = read(two_runs((192, 192), lambda d: blazeface(d, 7, 2016)), claims()).fits[0]
    assert best.labels == ('palm',)
    assert best.settings['keypoint_names'][0] == 'wrist'
    assert 'mean' not in best.encode  # pixels from 0 to 1


def listed(dice: Dice) -> Outputs:
    """Boxes as torchvision gives them, with points."""
    made = three(dice, ('boxes', 'scores', 'labels'), 1, 1)
    count = len(made['scores'])
    points = dice.uniform(0, 100, (count, 17, 3)).astype(np.float32)
    scores = dice.normal(0, 5, (count, 17)).astype(np.float32)
    return {**made, 'keypoints': points, 'keypoints_scores': scores}


def test_points_beside_boxes_are_read_with_them() -> None:
    best = read(two_runs(WH, listed), claims(3)).fits[0]
    assert (best.task, best.settings['points']) == ('keypoints', 'listed')
    assert best.settings['decoder'] == 'labeled'
    names = {'boxes', 'scores', 'labels', 'keypoints', 'keypoints_scores'}
    assert {spec.name for spec in best.outputs} == names
    assert best.settings['points_options'] == {'sigmoid': True}  # some are not from 0 to 1


def test_points_of_free_sizes_are_read_by_what_they_are_on_the_pictures() -> None:
    made = [listed(np.random.default_rng(number)) for number in range(2)]
    made[1] = {name: array[:-1] for name, array in made[1].items()}  # one object less
    free = {'keypoints': (None,) * 3, 'keypoints_scores': (None,) * 2}  # as torch exports them
    outputs = tuple(
        TensorSpec(name, array.dtype.name, free.get(name, (None, *array.shape[1:])))
        for name, array in made[0].items()
    )
    inputs = (TensorSpec('images', 'float32', (1, 3, 128, 160)),)
    best = read_outputs(inputs, outputs, claims(3), made).fits[0]
    assert (best.task, best.settings['points']) == ('keypoints', 'listed')


def bins(dice: Dice) -> Outputs:
    width, height = WH
    return {
        'simcc_x': f32(dice.normal(0, 1, (1, 17, 2 * width))),
        'simcc_y': f32(dice.normal(0, 1, (1, 17, 2 * height))),
    }


@pytest.mark.parametrize(
    ('outputs', 'points'),
    [(bins, 'simcc'), (lambda d: {'heatmaps': f32(d.normal(0, 1, (1, 17, 32, 40)))}, 'heatmaps')],
)
def test_points_of_the_only_object_are_read_by_their_names(outputs: Any, points: str) -> None:
    (fit,) = read(two_runs(WH, outputs), claims(0)).fits
    assert (fit.task, fit.settings) == ('keypoints', {'points': points})


def regressed(dice: Dice, points: int, *more: float) -> Outputs:
    """Points on the picture, these numbers behind x and y of each, and the object's logit."""
    places = dice.uniform(0.2, 0.8, (points, 2)) * WH
    rows = np.concatenate([places, np.tile(more, (points, 1))], axis=1)
    return {'Identity': f32([rows.ravel()]), 'Identity_1': f32([[9]])}


POINTS = {
    'face mesh': (lambda d: regressed(d, 468, -7), {'numbers': 3, 'scoreless': True}),
    'hand': (lambda d: regressed(d, 21, 3), {'numbers': 3, 'scoreless': True}),
    'BlazePose': (
        lambda d: regressed(d, 39, -200, 5, 9),
        {'numbers': 5, 'score_at': 3, 'sigmoid': True, 'leading': 33},
    ),
}


@pytest.mark.parametrize('name', POINTS)
def test_points_of_known_networks_are_read_where_they_lie_on_the_picture(name: str) -> None:
    outputs, options = POINTS[name]
    best = read(two_runs(WH, outputs), claims(0)).fits[0]
    assert (best.task, best.settings['points'], best.sure) == ('keypoints', 'regression', True)
    found = {'points_output': 'Identity', 'presence_output': 'Identity_1'}
    assert best.settings['points_options'] == {**found, 'presence_sigmoid': True, **options}


def test_as_many_numbers_that_are_no_pixels_are_no_points() -> None:
    fits = read(two_runs(WH, lambda d: {'out': f32(d.normal(0, 3, (1, 195)))}), claims(0)).fits
    assert {fit.task for fit in fits} == {'classification'}


SEGMENTATIONS = {
    'segformer': (
        lambda d: {'logits': f32(d.normal(0, 1, (1, 7, 32, 40)))}, 7,
        {'kind': 'scores', 'upsampling': 'linear'},
    ),
    'deeplab': (
        lambda d: {'out': f32(d.normal(0, 1, (1, 7, 128, 160))),
                   'aux': f32(d.normal(0, 1, (1, 7, 128, 160)))}, 7,
        {'kind': 'scores', 'upsampling': 'linear'},
    ),
    'channels last': (
        lambda d: {'softmax': f32(d.normal(0, 1, (1, 128, 160, 7)))}, 7,
        {'kind': 'scores', 'upsampling': 'linear'},
    ),
    'argmax': (
        lambda d: {'output0': d.integers(0, 7, (1, 128, 160))}, 7, {'kind': 'classes'}
    ),
}  # fmt: skip
MATTES = {
    'probability': (
        lambda d: f32(d.uniform(0, 1, (1, 1, 128, 160))),
        {'kind': 'probability', 'upsampling': 'linear'},
    ),
    'logits': (
        lambda d: f32(d.normal(0, 1, (1, 1, 128, 160))),
        {'kind': 'probability', 'sigmoid': True, 'upsampling': 'linear'},
    ),
}  # fmt: skip


@pytest.mark.parametrize('named', [False, True])
@pytest.mark.parametrize('name', SEGMENTATIONS)
def test_a_number_per_pixel_and_label_is_a_segmentation(name: str, named: bool) -> None:
    outputs, labels, settings = SEGMENTATIONS[name]
    task = {'task': 'segmentation'} if named else {}
    best = read(two_runs(WH, outputs), claims(labels, **task)).fits[0]
    assert (best.task, best.settings) == ('segmentation', settings)
    assert len(best.outputs) == 1 and best.outputs[0].name != 'aux'


@pytest.mark.parametrize('name', MATTES)
def test_one_number_per_pixel_is_a_mask_only_if_somebody_says_so(name: str) -> None:
    numbers, settings = MATTES[name]
    made = two_runs(WH, lambda d: {'797': numbers(d)})
    assert read(made, claims(0)).fits == ()
    (fit,) = read(made, claims(0, task='segmentation')).fits
    assert (fit.task, fit.settings) == ('segmentation', settings)


def yes_or_no(dice: Dice) -> np.ndarray:
    """A mask of one object, as selfie segmentation gives it, with a soft edge."""
    far = np.hypot(*(np.mgrid[:128, :160] - dice.uniform(40, 80, (2, 1, 1))))
    return f32(1 / (1 + np.exp((far - 30) / 2)))[None, :, :, None]


@pytest.mark.parametrize(
    ('name', 'labels', 'more', 'sure'),
    [
        ('activation_10', 0, {}, False),
        ('activation_10', 1, {}, True),
        ('segmentation_mask', 0, {}, True),
        ('pha', 0, {'alpha': True}, True),
        ('emphasis', 0, {}, False),
    ],
)
def test_a_number_that_is_0_or_1_nearly_everywhere_is_a_mask(
    name: str, labels: int, more: dict[str, Any], sure: bool
) -> None:
    (fit,) = read(two_runs(WH, lambda d: {name: yes_or_no(d)}), claims(labels)).fits
    assert (fit.task, fit.sure) == ('segmentation', sure)
    assert fit.settings == {'kind': 'probability', **more, 'upsampling': 'linear'}


def test_a_mask_that_somebody_wants_soft_is_an_alpha() -> None:
    made = two_runs(WH, lambda d: {'activation_10': yes_or_no(d)})
    told = {'task': 'segmentation', 'settings.alpha': True, 'settings.upsampling': 'nearest'}
    (fit,) = read(made, claims(1, **told)).fits
    assert fit.settings == {'kind': 'probability', 'alpha': True, 'upsampling': 'nearest'}


@pytest.mark.parametrize('name', REFUSED)
def test_what_no_task_reads_is_named(name: str) -> None:
    outputs, words = REFUSED[name]
    readings = read(two_runs(WH, outputs), claims())
    assert readings.fits == ()
    assert words in readings.refusal


@pytest.mark.parametrize('word', ['pose', 'optical_flow', 'embedding'])
@pytest.mark.parametrize('outputs', [yolov8, end_to_end])
def test_a_task_that_the_file_names_and_nothing_reads_is_refused(word: str, outputs: Any) -> None:
    readings = read(two_runs(WH, outputs), claims(3, task=word))
    assert readings.fits == ()
    assert f"its task is '{word}' by its 'x'; no task here reads it yet" in readings.refusal
    assert 'there are classification, object_detection' in readings.refusal


@pytest.mark.parametrize('named', [{}, {'settings.points': 'in_rows'}], ids=str)
def test_points_behind_boxes_are_read_if_somebody_says_so(named: dict[str, str]) -> None:
    """Neither metadata nor labels: a person who exported a pose model of YOLO."""
    told = {'settings.decoder': 'yolov8', 'settings.decoder_options.other_columns': 51}
    more = {**told, **named} if named else {}
    best = read(two_runs(WH, pose), claims(0, task='keypoints', **more)).fits[0]
    assert best.task == 'keypoints'
    assert {k: v for k, v in best.settings.items() if v} == {
        'decoder': 'yolov8', 'decoder_options': {'other_columns': 51}, 'points': 'in_rows'
    }  # fmt: skip


def test_points_behind_boxes_of_a_model_that_drops_boxes_itself_are_read() -> None:
    def rows(dice: Dice) -> Outputs:
        found = end_to_end(dice)['output0'][0]
        points = dice.uniform(0, 1, (len(found), 10))
        return {'output0': f32([np.concatenate((found, points), axis=1)])}

    best = read(two_runs(WH, rows), claims(0, task='keypoints')).fits[0]
    assert best.settings['decoder'] == 'end_to_end'
    assert best.settings['decoder_options']['other_columns'] == 10
    assert best.settings['points_options']['numbers'] == 2


def test_outputs_that_the_named_task_does_not_read_are_said_with_their_labels() -> None:
    readings = read(two_runs(WH, pose), claims(2, task='segmentation'))
    assert "'segmentation' by its 'x', which does not read outputs like output0" in (
        readings.refusal
    )
    assert 'labels for 2 classes' in readings.refusal


def test_masks_of_a_detector_are_said_to_be_left_out() -> None:
    readings = read(two_runs(WH, segments), claims(3, task='object_detection'))
    assert [spec.name for spec in readings.fits[0].outputs] == ['output0']
    assert 'outputs that are not used are left out: output1' in readings.warnings


@pytest.mark.parametrize('tried', [False, True])
def test_only_a_run_tells_rows_of_yolox_from_those_that_are_decoded(tried: bool) -> None:
    for outputs, style in ((yolox, 'yolox'), (lambda d: yolo(d, 3, 1), 'yolo')):
        readings = read(two_runs(WH, outputs), claims(3), tried)
        found = [reading.settings['decoder'] for reading in readings.equal]
        assert found == ([style] if tried else ['yolo', 'yolox'])


def test_queries_of_a_model_that_nobody_trained_are_asked_about_without_labels() -> None:
    fits = read(two_runs(WH, untrained), claims()).equal
    options = [fit.settings['decoder_options']['activation'] for fit in fits]
    assert sorted(options) == ['sigmoid', 'softmax']


@pytest.mark.parametrize(
    ('names', 'axes'), [(('boxes', 'scores', 'labels'), 1), (('bboxes', 'scores', 'labels'), 2)]
)
def test_the_number_of_the_first_class_is_asked_about_where_no_value_tells(
    names: tuple[str, str, str], axes: int
) -> None:
    made = two_runs(WH, lambda d: three(d, names, axes, 1))
    fits = read(made, claims(10)).equal
    found = [fit.settings.get('decoder_options', {}).get('class_offset', 0) for fit in fits]
    assert found == [1, 0]


@pytest.mark.parametrize('background', ['__background__', 'Background'])
def test_labels_that_begin_with_the_background_have_the_numbers_of_the_model(
    background: str,
) -> None:
    made = two_runs(WH, lambda d: three(d, ('boxes', 'scores', 'labels'), 1, 1))
    labels = Claim('labels', (background, *'abcdefghi'), Origin.SIDECAR, 'labels.txt')
    (fit,) = read(made, Claims((labels,))).equal
    assert 'decoder_options' not in fit.settings


def test_rows_of_seven_with_a_batch_may_hold_boxes_from_the_top() -> None:
    made = two_runs(WH, lambda d: rows(d, ('batch', 'box', 'score', 'class'), 'det', (1, -1)))
    for outputs in made.outputs:
        outputs['det'][0, :, 1:5] = corners(np.random.default_rng(3), 40, (100, 100))
    fits = read(made, claims(3)).equal
    found = [fit.settings['decoder_options'].get('box_format', 'xyxy') for fit in fits]
    assert found == ['xyxy', 'yxyx']


def test_a_first_number_that_is_low_may_be_objectness_and_is_asked_about() -> None:
    def without_first(dice: Dice) -> Outputs:
        made = upright(dice, 4)
        made['output0'][..., 4:] = 0.001
        return made

    fits = read(two_runs(WH, without_first), claims()).equal
    assert {fit.settings['decoder'] for fit in fits} == {'yolo', B}


def test_cells_that_see_nothing_do_not_hide_that_rows_are_relative_to_a_grid() -> None:
    made = two_runs(WH, yolox)
    for outputs in made.outputs:
        outputs['output'][0, ::50, :2] = 70
    assert [fit.settings['decoder'] for fit in read(made, claims(3)).equal] == ['yolox']


def test_yolox_wants_pixels_as_opencv_has_them() -> None:
    best = read(two_runs(WH, yolox), claims(3)).fits[0]
    assert best.encode == {'color': 'bgr', 'scale': 1.0, 'resize': 'letterbox_topleft'}


def test_what_the_export_says_counts_more_than_what_its_outputs_look_like() -> None:
    told = {
        'settings.decoder': B,
        'settings.decoder_options.activation': 'sigmoid',
        'settings.decoder_options.background': 'none',
        'settings.score_threshold': 0.4,
        'settings.softmax': True,  # a setting of another task
    }
    settings = read(two_runs(WH, detr), claims(4, **told)).fits[0].settings
    assert settings['decoder_options']['activation'] == 'sigmoid'
    assert settings['decoder_options']['background'] == 'none'
    assert settings['score_threshold'] == 0.4
    assert 'softmax' not in settings


def test_what_a_file_says_leaves_one_of_two_ways() -> None:
    options = {f'settings.decoder_options.{k}': v for k, v in {**SOFTMAX, 'top_k': 0}.items()}
    told = claims(**{'settings.decoder': B, **options})
    assert len(read(two_runs(WH, detr), told).fits) == 1


def test_probabilities_get_no_second_softmax_whatever_a_file_says() -> None:
    made = two_runs(WH, lambda d: {'logits': f32([[0.1, 0.6, 0.3]])})
    told = claims(3, task='classification', **{'settings.softmax': True})
    assert read(made, told).fits[0].settings == {'softmax': False}


def test_a_detector_without_labels_is_warned_about() -> None:
    made = two_runs(WH, yolov8)
    assert any('no labels' in warning for warning in read(made, claims()).warnings)
    assert read(made, claims(3)).warnings == ()


@pytest.mark.parametrize(
    ('shape', 'values', 'softmax', 'sure'),
    [
        ((1, 5), [0.1, 0.6, 0.1, 0.1, 0.1], False, True),  # probabilities
        ((1, 5), [0.1, 0.9, 0.8, 0.1, 0.1], False, False),  # a sigmoid, or anything else
        ((1, 5), [-1, 6, 0.1, 2, 0], True, False),  # logits, or anything else
        ((1, 5, 1, 1), [0.1, 0.6, 0.1, 0.1, 0.1], False, True),
        ((5,), [0.1, 0.6, 0.1, 0.1, 0.1], False, True),
    ],
)
def test_a_run_tells_logits_from_probabilities(
    shape: tuple[int, ...], values: list[float], softmax: bool, sure: bool
) -> None:
    made = two_runs(WH, lambda d: {'output0': f32(values).reshape(shape)})
    best = read(made, claims()).fits[0]
    assert (best.task, best.settings, best.sure) == ('classification', {'softmax': softmax}, sure)
    assert read(made, claims(5)).fits[0].sure
    assert read(made, claims(4)).fits == ()


def test_few_scores_that_are_no_shares_of_one_may_be_logits() -> None:
    made = two_runs(WH, lambda d: {'output0': f32([[0.1, 0.9, 0.8]])})
    several = {'multi_label': True, 'score_threshold': 0.5}
    assert [fit.settings for fit in read(made, claims(3)).equal] == [
        {'softmax': False},
        {'softmax': True},
        several,  # no two shares of one are above a half
    ]
    told = claims(3, task='classification', **{'settings.softmax': False})
    assert [fit.settings['softmax'] for fit in read(made, told).equal] == [False]


@pytest.mark.parametrize(
    ('values', 'said', 'settings'),
    [
        ([3, -4, 2, -7], {}, [{'sigmoid': True}]),
        ([3, -4, 2, -7], {'score_threshold': 0.3}, [{'sigmoid': True}]),
        ([0.9, 0.1, 0.7, 0.2], {}, [{}, {'sigmoid': True}]),
        ([0.9, 0.1, 0.7, 0.2], {'sigmoid': True}, [{'sigmoid': True}]),
        ([0.9, 0.1, 0.7, *[0.2] * 9], {}, [{}]),
        ([0.9, 0.1, 0.7, *[0.2] * 9], {'sigmoid': True}, [{}]),  # would make them all likely
        ([0.9, 0.1, 0.7, *[0.2] * 9], {'softmax': True}, [{}]),
    ],
)
def test_several_classes_that_may_be_true_are_read_as_the_export_says(
    values: list[float], said: dict[str, Any], settings: list[dict[str, Any]]
) -> None:
    made = two_runs(WH, lambda d: {'logits': f32([values])})
    keys = {f'settings.{key}': value for key, value in {'multi_label': True, **said}.items()}
    readings = read(made, claims(len(values), task='classification', **keys))
    threshold = said.get('score_threshold', 0.5)
    usual = {'multi_label': True, 'score_threshold': threshold}
    assert [fit.settings for fit in readings.equal] == [{**usual, **one} for one in settings]


def two_heads(dice: Dice, *names: str, logits: bool = False) -> Outputs:
    sizes = (3, 2)
    made = {}
    for name, size in zip(names, sizes, strict=True):
        numbers = np.exp(dice.normal(0, 2, (1, size)))
        shares = numbers / numbers.sum()
        made[name] = f32(np.log(shares) if logits else shares)
    return made


@pytest.mark.parametrize(
    ('names', 'heads'),
    [
        (('color', 'type'), ('color', 'type')),
        (('color_logits', 'Type_Output:0'), ('color', 'type')),
        (('495', '502'), ('head_1', 'head_2')),
        (('color/BiasAdd', 'color/Softmax'), ('color_biasadd', 'color')),
    ],
)
@pytest.mark.parametrize('logits', [False, True])
def test_outputs_of_one_row_each_are_heads_if_the_labels_are_those_of_all(
    names: tuple[str, str], heads: tuple[str, ...], logits: bool
) -> None:
    made = two_runs(WH, lambda d: two_heads(d, *names, logits=logits))
    readings = read(made, claims(5))
    (fit,) = readings.fits
    assert fit.settings == {'softmax': logits, 'heads': heads}
    assert fit.sure and {spec.name for spec in fit.outputs} == set(names)
    assert readings.warnings == ()


def test_outputs_of_one_row_each_are_asked_about_where_nothing_tells() -> None:
    made = two_runs(WH, lambda d: two_heads(d, 'a', 'b', logits=True))
    readings = read(made, claims(0))
    assert [fit.settings.get('heads') for fit in readings.equal] == [('a', 'b'), None, None]
    assert not readings.fits[0].sure
    (fit,) = read(made, claims(3)).fits
    assert [spec.name for spec in fit.outputs] == ['a']


def test_no_object_is_no_class_where_a_detr_sees_nothing() -> None:
    def nothing(dice: Dice) -> Outputs:
        made = detr(dice)
        made['logits'][..., :-1] = dice.normal(-6, 0.1, (1, 100, 3))
        made['logits'][..., -1] = dice.normal(0, 0.5, (1, 100))
        return made

    best, *others = read(two_runs(WH, nothing), claims()).equal
    assert best.settings['decoder_options'] == SOFTMAX
    assert others == []


def test_a_class_that_is_on_most_of_each_picture_is_doubted() -> None:
    def turned(dice: Dice) -> Outputs:
        angles = dice.uniform(0.3, 0.9, (1, cells(WH)))
        return {'output0': f32([np.concatenate((yolov8(dice)['output0'][0], angles))])}

    readings = read(two_runs(WH, turned), claims())
    assert not readings.fits[0].sure
    assert any('one class would be on most of the picture' in one for one in readings.warnings)


def test_outputs_of_a_model_that_looks_at_no_picture_are_published_as_they_are() -> None:
    inputs = [TensorSpec('observation', 'float32', (1, 12))]
    outputs = [TensorSpec('action', 'float32', (1, 6))]
    assert read_outputs(inputs, outputs, Claims(), []).fits[0].task == 'tensor'


@pytest.mark.parametrize('shape', [(1, 4, 64, 64), (3, 64, 64)])
def test_a_picture_that_no_sensor_gives_is_refused(shape: tuple[int, ...]) -> None:
    specs = [TensorSpec('output0', 'float32', (1, 7, 84))]
    readings = read_outputs([TensorSpec('images', 'float32', shape)], specs, Claims(), [])
    assert 'takes no picture of one or three channels' in readings.refusal


def test_odd_values_do_not_hide_a_style_that_names_and_counts_tell() -> None:
    made = two_runs(WH, lambda d: three(d, ('boxes', 'scores', 'labels')))
    for outputs in made.outputs:
        outputs['boxes'] *= 50
    readings = read(made, claims(3))
    assert readings.fits[0].settings == {'decoder': 'labeled'}
    assert not readings.fits[0].sure
    assert 'no box on the sample makes sense' in readings.warnings[0]


def test_free_sizes_are_those_of_the_run() -> None:
    made = two_runs((96, 96), lambda d: yolo(d, 1, wh=(96, 96)), free=('output0',))
    assert read(made, claims()).fits[0].settings == {'decoder': 'yolo'}
