"""What every stage has to keep to, one file in `stages/` or an entry point each."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from task_samples import SAMPLES

from ml_integration.core import plugins
from ml_integration.core.datatypes import Frame
from ml_integration.core.declaration import build, settings_of
from ml_integration.core.stage_contracts import Adding
from ml_integration.errors import FrameError, ModelMismatchError
from ml_integration.ops.detections import Detections
from ml_integration.ros.node.parameters import InferenceNodeParameters
from ml_integration.sensors.camera_info import CameraInfo

EVERY = plugins.names('stages')


def built(name: str, task: str) -> Any:
    sample = SAMPLES[task]
    model = sample.model()
    task_type = plugins.load('tasks', task)
    made = task_type(build(task_type.Settings, sample.settings, 'test'), model)
    kind = plugins.load('stages', name)
    return kind(kind.Settings(), made, model)


@pytest.mark.parametrize('name', EVERY)
def test_the_settings_of_a_stage_are_parameters_that_are_fixed_when_it_is_built(name: str) -> None:
    settings = settings_of(plugins.load('stages', name).Settings)
    assert all(setting.rule.at_configure for setting in settings)
    parameters = {setting.name for setting in settings_of(InferenceNodeParameters)}
    assert {f'{name}.{setting.name}' for setting in settings} <= parameters


@pytest.mark.parametrize('name', EVERY)
def test_a_stage_refuses_a_task_that_it_cannot_work_on(name: str) -> None:
    with pytest.raises(ModelMismatchError, match=f'Remove {name} from the stages'):
        built(name, 'classification')


@pytest.mark.parametrize('name', EVERY)
def test_a_stage_names_what_it_wants_and_gives(name: str) -> None:
    kind = plugins.load('stages', name)
    assert kind.__doc__
    for topic in kind.topics:
        assert topic.message_type.count('/') == 2


def test_stages_that_work_on_detections_keep_what_others_have_added() -> None:
    stage = built('tracking', 'object_detection')
    found = Detections(
        np.array([[0, 0, 10, 10], [20, 20, 30, 30]], np.float32),
        np.array([0.9, 0.8], np.float32),
        np.zeros(2, np.int32),
        2,
        angles=np.array([0.1, 0.2], np.float32),
        keypoints=np.ones((2, 3, 3), np.float32),
    )
    tracked = stage(found, stage.begin(), {}, 0)
    assert tracked.ids.tolist() != [0, 0]
    kept = [field.name for field in dataclasses.fields(found) if field.name != 'ids']
    assert all(getattr(tracked, name) is getattr(found, name) for name in kept)


def test_what_stages_add_to_rows_says_what_they_found() -> None:
    boxes = np.array([[0, 0, 10, 10], [20, 20, 30, 30]], np.float32)
    found = Detections(
        boxes,
        np.array([0.9, 0.8], np.float32),
        np.zeros(2, np.int32),
        2,
        ids=np.array([7, 0]),
        centers_m=np.array([[1, 2, 4], [np.nan] * 3], np.float32),
        sizes_m=np.array([[1, 2, 0.5], [np.nan] * 3], np.float32),
    )
    for name, row, words in (
        ('tracking', {'track': 7}, ['#7', '']),
        ('lifting', {'x_m': 1.0, 'z_m': 4.0, 'size_z_m': 0.5}, ['at 4.00 m', '']),
    ):
        stage = built(name, 'object_detection')
        assert isinstance(stage, Adding)
        added = stage.additions(found)
        assert [type(one) for one in added] == [stage.Addition] * 2
        assert dataclasses.asdict(added[0]).items() >= row.items()
        assert not any(dataclasses.asdict(added[1]).values())
        assert [str(one) for one in added] == words
        nothing = dataclasses.replace(found, ids=None, centers_m=None, sizes_m=None)
        assert [str(one) for one in stage.additions(nothing)] == ['', '']


def test_a_picture_of_8k_makes_no_cloud() -> None:
    stage = built('point_cloud', 'depth_estimation')
    message = SimpleNamespace(
        width=64, height=36, k=[50, 0, 32, 0, 50, 18, 0, 0, 1], p=[0] * 12, d=[],
        distortion_model='', header=SimpleNamespace(frame_id=''),
        roi=SimpleNamespace(x_offset=0, y_offset=0, width=0, height=0),
    )  # fmt: skip
    info = CameraInfo(('samples',)).decode(message, 0)

    def staged(width: int, height: int) -> Any:
        pixels = np.broadcast_to(np.zeros(3, np.uint8), (height, width, 3))
        frames = {'camera_info': (info,), 'images': (Frame(pixels, 'rgb8'),)}
        return stage('the depth', stage.begin(), frames, 0)

    assert staged(3840, 2160) == 'the depth'
    with pytest.raises(FrameError, match=r'too large for a cloud.* 7680 x 4320 px'):
        staged(7680, 4320)
