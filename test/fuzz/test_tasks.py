"""Whatever numbers a model gives, its task publishes a result, holds it back or says why not."""

from __future__ import annotations

import dataclasses
import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fuzzing import fuzz
from hostile_outputs import LAYOUTS, SIDE, Layout, hostile
from rclpy.serialization import deserialize_message, serialize_message
from std_msgs.msg import Header

from ml_integration.core import plugins
from ml_integration.core.abilities import Comparing, Drawing, Listing, Scoring, Serializing
from ml_integration.core.datatypes import ModelIdentity, Prediction
from ml_integration.errors import FrameError
from ml_integration.ops import decoders, keypoint_decoders, mask_decoders
from ml_integration.ops.letterbox import place
from ml_integration.ros.messages.message_types import message_type

HEADER = Header(frame_id='camera')
PICTURES = ((64, 48), (1, 1), (7, 300))
"""Widths and heights of the pictures that results are brought back to [px]."""


def test_every_task_and_every_way_of_reading_is_fuzzed() -> None:
    said = [layout.settings for layout in LAYOUTS]
    assert {layout.task for layout in LAYOUTS} == set(plugins.names('tasks'))
    for key, room in (
        ('decoder', decoders),
        ('masks', mask_decoders),
        ('points', keypoint_decoders),
    ):
        assert {one[key] for one in said if key in one} == set(plugins.names(room.PLUGINS))


def use(layout: Layout, task: Any, data: bytes) -> None:
    """Does all that is done with a result, and checks what only good ones may do."""
    wh = PICTURES[len(data) % len(PICTURES)]
    geometry = {'images': place('letterbox', wh, (SIDE, SIDE))}
    with np.errstate(all='ignore'):  # as in a pipeline
        result = task.postprocess(layout.outputs(data), geometry)
        verdict = task.validate(result, geometry)
    for reason in verdict.reasons:
        assert reason.kind and reason.detail.isprintable()
    if verdict.ok:
        for name in ('scores', 'xyxy', 'keypoints', 'angles'):
            numbers = getattr(result, name, None)
            assert numbers is None or np.isfinite(numbers).all(), name
        publish(task, Prediction(0, 'camera', {}, ModelIdentity('m', 1), result, verdict, {}))
        evaluate(task, result, layout)
        if isinstance(task, Drawing):
            task.draw(np.zeros((wh[1], wh[0], 3), np.uint8), result)


def publish(task: Any, prediction: Prediction) -> None:
    typed = dict(task.encode(prediction, HEADER, message_type))
    for message in typed.values():
        serialize_message(message)
    if isinstance(task, Serializing):
        for name, data in task.serialize(prediction, HEADER):
            assert deserialize_message(data, type(typed[name])) == typed[name]


def evaluate(task: Any, result: Any, layout: Layout) -> None:
    if isinstance(task, Listing):
        assert all(map(dataclasses.is_dataclass, task.rows(result)))
    if isinstance(task, Comparing):
        difference = task.compare(result, result, layout.model())
        assert difference.disagreement == pytest.approx(0, abs=1e-6)
        empty = getattr(difference, 'weight', 1.0)
        assert math.isfinite(empty) and empty >= 0
    if isinstance(task, Scoring) and layout.truth:
        scorer = task.scorer()
        scorer.add(result, result)
        assert scorer.scores()


@pytest.mark.parametrize('layout', LAYOUTS, ids=lambda layout: layout.name)
def test_outputs(layout: Layout, tmp_path: Path) -> None:
    task = layout.task_of()

    def read(data: bytes) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter('error', RuntimeWarning)
            use(layout, task, data)

    fuzz(read, layout.seeds(), FrameError, damage=hostile, keep=tmp_path)
