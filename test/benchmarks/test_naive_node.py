"""The naive node does the same work as ours: otherwise it would compare with nothing."""

import numpy as np

from benchmarks.naive_node import IOU_THRESHOLD, SCORE_THRESHOLD, decode, preprocess
from ml_integration.core.datatypes import ModelDescription, ModelIdentity, TensorSpec
from ml_integration.ops.boxes import classwise_nms
from ml_integration.ops.decoders import DecoderOptions
from ml_integration.ops.decoders.yolo import Yolo

SHAPE = (1, 200, 8)


def candidates() -> np.ndarray:
    """(200, 8) float32: boxes that overlap in a small picture, objectness and three classes."""
    random = np.random.default_rng(3)
    boxes = np.concatenate([random.uniform(20, 80, (200, 2)), random.uniform(5, 40, (200, 2))], 1)
    return np.concatenate([boxes, random.uniform(0, 1, (200, 4))], 1).astype(np.float32)


def test_it_keeps_the_boxes_that_ours_keeps() -> None:
    rows = candidates()
    output = TensorSpec('detections', 'float32', SHAPE)
    model = ModelDescription(ModelIdentity('m', 1), ('a', 'b', 'c'), (), (output,))
    tensors = {'detections': rows[None]}
    read = Yolo(model, (100, 100), DecoderOptions())
    xyxy, scores, classes, *_ = read(tensors, SCORE_THRESHOLD)
    order = classwise_nms(xyxy, scores, classes, IOU_THRESHOLD)

    boxes, naive_scores, naive_classes = decode(rows)

    assert 5 < len(order) < len(scores)  # some overlap, and some do not
    np.testing.assert_allclose(naive_scores, scores[order], rtol=1e-5)
    np.testing.assert_array_equal(naive_classes, classes[order])
    np.testing.assert_allclose(boxes[:, :2] - boxes[:, 2:] / 2, xyxy[order][:, :2], atol=1e-4)


def test_it_letterboxes_to_rgb() -> None:
    picture = np.zeros((60, 80, 3), np.uint8)
    picture[..., 0] = 255  # blue
    tensor, scale, shift = preprocess(picture, (40, 40))
    assert (tensor.shape, tensor.dtype, scale) == ((1, 3, 40, 40), np.float32, 0.5)
    assert shift.tolist() == [0, 5]
    assert tensor[0, :, 20, 20].tolist() == [0, 0, 1]
    assert tensor[0, 0, 0, 0] == np.float32(114 / 255)
