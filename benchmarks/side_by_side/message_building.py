"""Building and publishing the message of a hundred detections."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import numpy as np
from std_msgs.msg import Header
from vision_msgs.msg import Detection2D, Detection2DArray, ObjectHypothesisWithPose

from benchmarks.side_by_side.cells import Plan, say
from benchmarks.side_by_side.place import Place
from benchmarks.side_by_side.report import Series
from ml_integration.core.datatypes import (
    ModelDescription,
    ModelIdentity,
    Prediction,
    TensorSpec,
    Verdict,
)
from ml_integration.ops.detections import Detections
from ml_integration.ros.node import qos
from ml_integration.tasks.object_detection import ObjectDetection

COUNT = 100
LABELS = ('circle', 'square', 'triangle', 'star', 'cross')
ROUNDS = 30
MODEL = ModelIdentity('shapes', 1)


def compare_messages(place: Place, plan: Plan) -> list[Series]:
    """Milliseconds for one message: with typed objects, and as the package's task does it."""
    say('building messages')
    taken: dict[str, list[float]] = {'typed': [], 'ours': []}
    prediction, task = _prediction(), _task()
    header = Header(frame_id='camera')
    with ExitStack() as resources:
        topic = '/benchmark/detections'
        publisher = place.observer.client.node.create_publisher(
            Detection2DArray, topic, qos.result()
        )
        resources.callback(place.observer.client.node.destroy_publisher, publisher)
        resources.enter_context(place.observer.results(topic))
        makers: dict[str, Callable[[], Any]] = {
            'typed': lambda: _typed(prediction.result, header),
            'ours': lambda: next(iter(task.serialize(prediction, header)))[1],
        }
        for _ in range(plan.repeats):
            spent: dict[str, list[float]] = {who: [] for who in makers}
            for who, make in [*makers.items()] * ROUNDS:
                begin_ns = time.perf_counter_ns()
                publisher.publish(make())
                spent[who].append((time.perf_counter_ns() - begin_ns) / 1e6)
            for who, values in spent.items():
                taken[who].append(statistics.median(values))
    say('')
    return [Series(f'message of {COUNT}, {who}', 'ms', tuple(v)) for who, v in taken.items()]


def _typed(result: Detections, header: Header) -> Detection2DArray:
    message = Detection2DArray(header=header)
    for xyxy, score, class_id in zip(result.xyxy, result.scores, result.class_ids, strict=True):
        detection, hypothesis = Detection2D(header=header), ObjectHypothesisWithPose()
        detection.bbox.center.position.x = float(xyxy[0] + xyxy[2]) / 2
        detection.bbox.center.position.y = float(xyxy[1] + xyxy[3]) / 2
        detection.bbox.size_x = float(xyxy[2] - xyxy[0])
        detection.bbox.size_y = float(xyxy[3] - xyxy[1])
        hypothesis.hypothesis.class_id = LABELS[class_id]
        hypothesis.hypothesis.score = float(score)
        detection.results.append(hypothesis)
        message.detections.append(detection)
    return message


def _prediction() -> Prediction:
    random = np.random.default_rng(1)
    corner = random.uniform(0, 300, (COUNT, 2))
    xyxy = np.concatenate([corner, corner + random.uniform(5, 100, (COUNT, 2))], axis=1)
    result = Detections(
        xyxy.astype(np.float32),
        np.sort(random.uniform(0.3, 1, COUNT))[::-1].astype(np.float32),
        random.integers(0, len(LABELS), COUNT).astype(np.int32),
        COUNT,
    )
    return Prediction(0, 'camera', {}, MODEL, result, Verdict(), {})


def _task() -> ObjectDetection:
    images = TensorSpec('images', 'float32', (1, 3, 192, 192))
    detections = TensorSpec('detections', 'float32', (1, 576, 5 + len(LABELS)))
    pictures = {'images': (192, 192)}
    model = ModelDescription(MODEL, LABELS, (images,), (detections,), pictures)
    return ObjectDetection(ObjectDetection.Settings(decoder='yolo'), model)
