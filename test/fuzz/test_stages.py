"""Whatever objects, depth and cameras come, stages add what they can or say why not."""

from __future__ import annotations

import random
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fuzzing import fuzz
from hostile_outputs import LAYOUTS, SIDE, Layout, hostile
from rclpy.serialization import serialize_message
from sensor_msgs.msg import CameraInfo as CameraInfoMessage
from sensor_msgs.msg import RegionOfInterest
from std_msgs.msg import Header

from ml_integration.core import plugins
from ml_integration.core.datatypes import Frame, ModelIdentity, Prediction
from ml_integration.errors import FrameError
from ml_integration.ops.letterbox import place
from ml_integration.ros.messages.message_types import message_type
from ml_integration.sensors.camera_info import CameraInfo

NAMES = {'end_to_end', 'obb_rows', 'in_boxes', 'rows', 'metric'}
"""Layouts with each kind of result that a stage works on."""
CHOSEN = tuple(one for one in LAYOUTS if one.name in NAMES)
MODELS = ('plumb_bob', 'rational_polynomial', 'equidistant', 'fisheye', '')
SIZES = ((64, 48), (1, 1), (128, 96), (7, 300))
LARGEST = 40
"""Width and height of the largest depth image [px]."""
Frames = dict[str, Sequence[Frame]]


class Numbers:
    """Takes numbers off bytes, one after another; 0 where there are none left."""

    def __init__(self, data: bytes) -> None:
        self._numbers = np.frombuffer(data[: len(data) // 4 * 4], '<f4')
        self._at = 0

    def take(self, count: int) -> np.ndarray:
        part = self._numbers[self._at : self._at + count]
        self._at += count
        with np.errstate(invalid='ignore'):
            return np.pad(part, (0, count - len(part))).astype(np.float64)

    def below(self, most: int) -> int:
        (number,) = self.take(1)
        return int(abs(number)) % most if np.isfinite(number) and abs(number) < 2**31 else 0


def camera_of(numbers: Numbers) -> CameraInfoMessage:
    (width, height), model = SIZES[numbers.below(len(SIZES))], MODELS[numbers.below(len(MODELS))]
    message = CameraInfoMessage(width=width, height=height, distortion_model=model)
    message.d = numbers.take((0, 4, 5, 8)[numbers.below(4)]).tolist()
    message.k, message.p = numbers.take(9), numbers.take(12)
    if numbers.below(4) == 3:
        sides = [numbers.below(2**31) for _ in range(4)]
        message.roi = RegionOfInterest(
            x_offset=sides[0], y_offset=sides[1], width=sides[2], height=sides[3]
        )
    return message


def frames_of(data: bytes, wh: tuple[int, int]) -> Frames:
    """A picture, its depth and its camera."""
    numbers = Numbers(data)
    camera = CameraInfo(('samples',)).decode(camera_of(numbers), 0)
    sides = 1 + numbers.below(LARGEST), 1 + numbers.below(LARGEST)
    depth = numbers.take(sides[0] * sides[1]).reshape(sides).astype(np.float32)
    picture = Frame(np.zeros((*wh[::-1], 3), np.uint8), 'rgb8')
    return {
        'images': (picture,),
        'camera_info': (camera,),
        'depth': (Frame(depth, '32FC1'),),
    }


def seeds() -> list[bytes]:
    made = []
    for seed in range(6):
        dice = np.random.default_rng(seed)
        focal = [50, 0, 32, 0, 50, 24, 0, 0, 1]
        numbers = [0, seed, seed % 4, *dice.uniform(-0.1, 0.1, (0, 4, 5, 8)[seed % 4]), *focal]
        numbers += [50, 0, 32, 0, 0, 50, 24, 0, 0, 0, 1, 0, 0, 23, 31, *dice.uniform(0.5, 9, 768)]
        made.append(np.array(numbers, '<f4').tobytes())
    return made


@pytest.mark.parametrize('layout', CHOSEN, ids=lambda layout: layout.name)
@pytest.mark.parametrize('rectified', [False, True])
def test_stages(layout: Layout, rectified: bool, tmp_path: Path) -> None:
    task, model = layout.task_of(), layout.model()
    names = ('point_cloud',) if layout.task == 'depth_estimation' else ('tracking', 'lifting')
    kinds = {name: plugins.load('stages', name) for name in names}
    settings = {name: kind.Settings() for name, kind in kinds.items()}
    settings = {
        name: replace(one, rectified=rectified) if hasattr(one, 'rectified') else one
        for name, one in settings.items()
    }
    stages = {name: kind(settings[name], task, model) for name, kind in kinds.items()}
    memory = {name: stage.begin() for name, stage in stages.items()}
    outputs, times = layout.seeds(), iter(range(0, 2**62, 10**8))

    def read(data: bytes) -> None:
        wh, dice = SIZES[len(data) % len(SIZES)], random.Random(data)
        geometry = {'images': place('letterbox', wh, (SIDE, SIDE))}
        one = layout.outputs(hostile(dice.choice(outputs), dice))
        frames = frames_of(data, wh)
        with np.errstate(all='ignore'):  # as in a pipeline
            result = task.postprocess(one, geometry)
            for name, stage in stages.items():
                result = stage(result, memory[name], frames, next(times))
            verdict = task.validate(result, geometry)
        if not verdict.ok:
            return
        with warnings.catch_warnings():
            warnings.simplefilter('error', RuntimeWarning)
            prediction = Prediction(0, '', frames, ModelIdentity('m', 1), result, verdict, {})
            for stage in stages.values():
                for _, message in stage.encode(prediction, Header(), message_type):
                    serialize_message(message)
                    check(message)

    fuzz(read, seeds(), FrameError, damage=hostile, keep=tmp_path)


def check(message: Any) -> None:
    """Checks that places in space are numbers."""
    for detection in getattr(message, 'detections', ()):
        center, size = detection.bbox.center.position, detection.bbox.size
        numbers = [center.x, center.y, center.z, size.x, size.y, size.z]
        assert np.isfinite(numbers).all() and center.z > 0, numbers
