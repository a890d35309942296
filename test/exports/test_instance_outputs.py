"""What is proposed for the outputs of other people's models that find objects and their masks."""

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
)

from ml_integration.core.datatypes import ModelDescription, ModelIdentity
from ml_integration.core.declaration import build
from ml_integration.exports.claims import Claim, Claims, Origin
from ml_integration.exports.guessing.outputs import Readings, read_outputs
from ml_integration.ops.letterbox import Letterbox
from ml_integration.tasks.instance_segmentation import InstanceSegmentation

WH = (160, 128)
QUERIES = 300
Dice = np.random.Generator


def prototypes(dice: Dice) -> np.ndarray:
    return f32(dice.normal(0, 1, (1, 32, 32, 40)))


def yolov8(dice: Dice) -> Outputs:
    count = cells(WH)
    boxes, scores = centered(corners(dice, count, WH)), probabilities(dice, count, 3)
    table = np.concatenate((boxes, scores, dice.normal(0, 1, (count, 32))), axis=1)
    return {'output0': f32(table.T[None]), 'output1': prototypes(dice)}


def yolov5(dice: Dice) -> Outputs:
    count = 3 * cells(WH)
    objectness = probabilities(dice, count, 1)
    parts = (
        centered(corners(dice, count, WH)), objectness,
        dice.uniform(0.9, 1, (count, 3)), dice.normal(0, 1, (count, 32)),
    )  # fmt: skip
    return {'output0': f32([np.concatenate(parts, axis=1)]), 'output1': prototypes(dice)}


def yolo26(dice: Dice) -> Outputs:
    parts = (
        corners(dice, 300, WH), ranked(dice, 300)[:, None], numbers(dice, 300, 3)[:, None],
        dice.normal(0, 1, (300, 32)),
    )  # fmt: skip
    return {'output0': f32([np.concatenate(parts, axis=1)]), 'output1': prototypes(dice)}


def mask_rcnn(
    dice: Dice, names: tuple[str, ...], masks: tuple[int, ...] = (50, 1, 28, 28)
) -> Outputs:
    classes = numbers(dice, 50, 3, 1)
    classes[:2] = 1, 3
    return {
        names[0]: corners(dice, 50, WH), names[1]: classes, names[2]: f32(ranked(dice, 50)),
        names[3]: f32(dice.uniform(0, 1, masks)),
    }  # fmt: skip


def mmdeploy(dice: Dice) -> Outputs:
    table = np.concatenate((corners(dice, 50, WH), ranked(dice, 50)[:, None]), axis=1)
    labels = numbers(dice, 50, 3)[None].astype(np.int64)
    labels[0, :2] = 0, 2
    return {
        'dets': f32([table]),
        'labels': labels,
        'masks': f32(dice.uniform(0, 1, (1, 50, 128, 160))),
    }


def rf_detr(dice: Dice) -> Outputs:
    boxes = fractions(centered(corners(dice, QUERIES, WH)), WH)
    return {
        'dets': f32([boxes]),
        'labels': f32([logits(dice, QUERIES, 3)]),
        'masks': f32(dice.normal(0, 4, (1, QUERIES, 32, 40))),
    }


TORCHVISION = ('boxes', 'labels', 'scores', 'masks')
RCNN = {'decoder': 'labeled', 'decoder_options': {'class_offset': 1}}
READ: dict[str, tuple[Any, dict[str, Any]]] = {
    'yolov8': (
        yolov8,
        {'decoder': 'yolov8', 'decoder_options': {'other_columns': 32}, 'masks': 'prototypes'},
    ),
    'yolov5': (
        yolov5,
        {'decoder': 'yolo', 'decoder_options': {'other_columns': 32}, 'masks': 'prototypes'},
    ),
    'yolo26': (
        yolo26,
        {'decoder': 'end_to_end', 'decoder_options': {'other_columns': 32}, 'masks': 'prototypes'},
    ),
    'mask r-cnn': (lambda d: mask_rcnn(d, TORCHVISION), {**RCNN, 'masks': 'in_boxes'}),
    'mask r-cnn of torchvision, which pastes masks': (
        lambda d: mask_rcnn(d, TORCHVISION, (50, 1, 128, 160)),
        {**RCNN, 'masks': 'whole', 'mask_activation': 'none'},
    ),
    'mask r-cnn without names': (
        lambda d: mask_rcnn(d, ('6568', '6570', '6572', '6887')),
        {'decoder': 'labeled', 'masks': 'in_boxes', 'decoder_options': {
            'boxes_output': '6568', 'scores_output': '6572', 'classes_output': '6570',
            'class_offset': 1}},
    ),
    'mask r-cnn of detectron2': (
        lambda d: mask_rcnn(d, ('boxes', 'labels', 'scores', 'masks'), (50, 28, 28)),
        {**RCNN, 'masks': 'in_boxes'},
    ),
    'mmdeploy': (
        mmdeploy,
        {'decoder': 'boxes_and_scores', 'decoder_options': {'columns': ('box', 'score')},
         'masks': 'whole', 'mask_activation': 'none'},
    ),
    'rf-detr': (
        rf_detr,
        {'decoder': 'boxes_and_scores', 'masks': 'whole', 'decoder_options': {
            'box_format': 'cxcywh', 'normalized': True, 'activation': 'sigmoid', 'top_k': 300}},
    ),
}  # fmt: skip


def claims(labels: int = 3, **values: Any) -> Claims:
    told = {'labels': tuple(f'class {n}' for n in range(labels)), **values}
    return Claims(tuple(Claim(k, v, Origin.METADATA, "its 'x'") for k, v in told.items()))


def read(made: Made, known: Claims) -> Readings:
    return read_outputs(made.picture(), made.specs(), known, made.outputs)


@pytest.mark.parametrize('task', ['', 'instance_segmentation'])
@pytest.mark.parametrize('name', READ)
def test_decoders_of_boxes_and_masks_are_found(name: str, task: str) -> None:
    outputs, settings = READ[name]
    readings = read(two_runs(WH, outputs), claims(**({'task': task} if task else {})))
    best = readings.fits[0]
    assert (readings.refusal, len(readings.equal), best.sure) == ('', 1, True)
    assert (best.task, best.settings) == ('instance_segmentation', settings)
    assert {spec.name for spec in best.outputs} == set(outputs(np.random.default_rng(1)))


@pytest.mark.parametrize('name', READ)
def test_what_is_proposed_finds_objects_with_masks(name: str) -> None:
    made, known = two_runs(WH, READ[name][0]), claims()
    best = read(made, known).fits[0]
    model = ModelDescription(
        ModelIdentity('m', 1), known.value('labels', ()), made.picture(), best.outputs,
        {'images': WH},
    )  # fmt: skip
    chosen = build(InstanceSegmentation.Settings, best.settings, 'test')
    task, geometry = (
        InstanceSegmentation(chosen, model),
        {'images': Letterbox(WH, WH, (1, 1), (0, 0))},
    )
    result = task.postprocess(made.outputs[0], geometry)
    assert len(result) >= 5 and len(np.unique(result.map)) > 5
    assert task.validate(result, geometry).reasons == ()


def test_a_model_that_says_it_finds_instances_and_gives_boxes_alone_is_refused() -> None:
    def boxes(dice: Dice) -> Outputs:
        return {k: v for k, v in mask_rcnn(dice, TORCHVISION).items() if k != 'masks'}

    assert read(two_runs(WH, boxes), claims(task='instance_segmentation')).fits == ()


def test_masks_of_other_rows_than_the_boxes_are_not_theirs() -> None:
    made = two_runs(WH, lambda d: mask_rcnn(d, TORCHVISION, (7, 1, 28, 28)))
    assert read(made, claims()).fits[0].task == 'object_detection'
