"""What an inference node answers to messages, good ones and bad ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import altered_models
import cv2
import numpy as np
import onnx_models
import pytest
from inference_processes import (
    BLUE,
    GREEN,
    RED,
    NodeUnderTest,
    image_message,
    running_node,
    set_stamp,
    squares,
    stamp_of,
    value,
)
from model_folders import write_model_folder
from ros_client import Client
from sensor_msgs.msg import Image
from vision_msgs.msg import Classification, Detection2DArray

from ml_integration.core.datatypes import Array
from ml_integration.ros.messages.diagnostic_numbers import numbers

WORDS = ('tomato', 'lime', 'plum')


@pytest.fixture(scope='module')
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('store')
    write_model_folder(folder, 'detector', labels=WORDS)
    spoiled = onnx_models.tiny_detector(spoiled=True)
    write_model_folder(folder, 'spoiled', model=spoiled, golden=False)
    exaggerating = altered_models.exaggerating_detector(1.5)
    write_model_folder(folder, 'exaggerating', model=exaggerating)
    write_model_folder(
        folder,
        'rotated',
        model=onnx_models.rotated_detector(),
        labels=WORDS,
        settings={'decoder': 'yolo_obb'},
    )
    write_model_folder(
        folder,
        'classifier',
        model=onnx_models.classifier(),
        labels=WORDS,
        task='classification',
        settings={'softmax': True, 'top_k': 2},
    )
    return folder


@pytest.fixture(scope='module')
def node(
    store: Path, ros_domain: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[NodeUnderTest]:
    parameters = {'model_path': store, 'deadline_ms': 0, 'sensor_qos': 'reliable'}
    with (
        closing(Client()) as client,
        running_node(
            tmp_path_factory.mktemp('log'), client, name='/shared', **parameters
        ) as running,
    ):
        yield running


def names(message: Detection2DArray) -> set[str]:
    return {detection.results[0].hypothesis.class_id for detection in message.detections}


def test_results_carry_the_header_of_their_input(node: NodeUnderTest) -> None:
    node.serve(model='detector')
    message = image_message(squares(RED), frame_id='left_camera')
    answer = node.ask(message)  # which stamps the message and waits for that stamp
    assert answer.header.frame_id == 'left_camera'
    assert {d.header.frame_id for d in answer.detections} == {'left_camera'}
    assert {stamp_of(detection) for detection in answer.detections} == {stamp_of(answer)}


@pytest.mark.parametrize('raw', [True, False])
def test_raw_and_typed_subscriptions_give_the_same(node: NodeUnderTest, raw: bool) -> None:
    node.serve(model='detector', raw_subscription=raw)
    answer = node.ask(image_message(squares(RED, GREEN), frame_id='left', padding=5))
    assert answer.header.frame_id == 'left'
    assert names(answer) == {'tomato', 'lime'}


def test_class_names_are_those_of_the_model(node: NodeUnderTest) -> None:
    node.serve(model='detector')
    assert names(node.ask(image_message(squares(RED, GREEN)))) == {'tomato', 'lime'}
    assert names(node.ask(image_message(squares(BLUE)))) == {'plum'}


def test_nothing_found_is_a_published_empty_list(node: NodeUnderTest) -> None:
    node.serve(model='detector')
    assert node.ask(image_message(squares())).detections == []


def test_a_rotated_box_is_published_with_its_angle(node: NodeUnderTest) -> None:
    node.serve(model='rotated')
    picture = np.full((32, 64, 3), (64, 0, 204), np.uint8)  # fills half of the input
    (detection,) = node.ask(image_message(picture)).detections
    assert detection.results[0].hypothesis.class_id == 'tomato'
    red = (204 * 32 + 114 * 32) / 64 / 255  # and gray bars
    box = detection.bbox
    center = box.center.position
    said = [center.x, center.y, box.size_x, box.size_y, box.center.theta]
    np.testing.assert_allclose(said, [40, 24 - 16, 30, 10, red], atol=2e-2)


def test_a_classifier_publishes_its_best_classes(node: NodeUnderTest) -> None:
    node.serve(model='classifier')
    picture = np.full((48, 48, 3), (64, 255, 0), np.uint8)  # most green, some blue
    answer = node.ask(image_message(picture), Classification, 'classification')
    assert [result.class_id for result in answer.results] == ['lime', 'plum']
    logits = 10 * np.array([0, 255, 64]) / 255
    shares = np.exp(logits) / np.exp(logits).sum()
    scores = [result.score for result in answer.results]
    np.testing.assert_allclose(scores, shares[[1, 2]], atol=1e-3)
    assert answer.header.frame_id == 'camera'


def without_chroma(picture: Array, code: int) -> Array:
    """A gray picture with alternating luma and chroma; OpenCV 4.6 cannot make it."""
    return cv2.merge((cv2.cvtColor(picture, code), np.full(picture.shape[:2], 128, np.uint8)))


@pytest.mark.parametrize(
    ('encoding', 'convert', 'code'),
    [
        ('bgra8', cv2.cvtColor, cv2.COLOR_BGR2BGRA),  # simulators
        ('rgba8', cv2.cvtColor, cv2.COLOR_BGR2RGBA),  # simulators, too
        ('mono8', cv2.cvtColor, cv2.COLOR_BGR2GRAY),  # infrared cameras
        ('yuv422_yuy2', without_chroma, cv2.COLOR_BGR2GRAY),  # USB cameras
    ],
)
def test_the_encodings_of_other_cameras_are_understood(
    node: NodeUnderTest, encoding: str, convert: Callable[[Array, int], Array], code: int
) -> None:
    node.serve(model='detector')
    pixels = convert(squares((255, 255, 255)), code).reshape(64, 64, -1)
    assert node.ask(image_message(pixels, encoding)).detections


def broken(kind: str) -> Image:
    message = image_message(squares(RED))
    if kind == 'short':
        message.data = message.data[:-1]
    elif kind == 'step':
        message.step = 191
    elif kind == 'depth':
        message = image_message(np.zeros((64, 64, 2), np.uint8), '16UC1')
    elif kind == 'empty':
        message = Image()
    else:
        message.encoding = kind
    return message


@pytest.mark.parametrize(
    ('kind', 'reason'),
    [
        ('nv99', "'encoding'"),  # unknown
        ('step', "'step'"),  # rows shorter than their pixels
        ('short', "'data'"),  # less than height times step
        ('depth', '16UC1'),  # not a picture at all
        ('empty', "'encoding'"),  # nothing filled in
    ],
)
def test_a_bad_message_is_counted_with_its_reason_and_the_next_good_one_is_processed(
    node: NodeUnderTest, kind: str, reason: str
) -> None:
    node.serve(model='detector')
    message = broken(kind)
    set_stamp(message, node.now_ns())
    node.feed().publish(message)
    status = node.wait_for_status('errors', lambda s: value(s, 'failed') == '1', 'a failed frame')
    assert reason in value(status, 'last')
    assert value(status, 'last') in status.message
    assert sum(count for key, count in numbers(status).items() if 'Error: count' in key) == 1
    assert status.level == status.ERROR
    assert names(node.ask(image_message(squares(RED)))) == {'tomato'}


@pytest.mark.parametrize(
    ('model', 'kind'),
    [
        ('spoiled', 'not_finite'),  # NaN everywhere
        ('exaggerating', 'score_out_of_range'),  # probabilities above 1
    ],
)
def test_invalid_results_are_held_back_and_counted_by_kind(
    node: NodeUnderTest, model: str, kind: str
) -> None:
    node.serve(model='detector')
    node.ask(image_message(squares(RED)))
    node.serve(model=model)
    message = image_message(squares(RED, GREEN))
    set_stamp(message, node.now_ns())
    node.feed().publish(message)
    status = node.wait_for_status('results', lambda s: value(s, 'invalid') == '1', 'a result')
    assert status.level == status.ERROR
    assert value(status, f'invalid: {kind}') == '1'
    assert value(status, 'published') == '0'
    assert stamp_of(message) not in map(stamp_of, node.results().messages)
