"""Choice of video and model: the real video where there is one, or drawn scenes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import cv2

from ml_integration.demos.scene_maker import make_scene
from ml_integration.demos.scenes import SIZE_WH, render
from ml_integration.errors import MlIntegrationError, SettingError
from ml_integration.store.state.places import (
    data_home,
    default_stores,
    expanded,
    share_folder,
)

VARIABLE = 'ML_INTEGRATION_DEMO_DATA'
VIDEO = 'vtest.avi'
MODEL = 'coco_yolov3_tiny'
DRAWN_MODEL = 'shapes'
SCENES = (1, 4, 7)
SCENE_S = 4.0
PICTURES_PER_S = 30.0
ADVICE = (
    'for people in a real video, run python -m dev.models.fetch in a checkout and install that, '
    f'let {VARIABLE} name the folder of {VIDEO}, or give --video and --model'
)


@dataclass(frozen=True, slots=True)
class Footage:
    """A video and a model that knows what is in it.

    Attributes:
        video: video, picture or folder of pictures.
        model: model reference such as 'coco_yolov3_tiny@1'.
        remark: sentence about why it is not the real video; empty if it is or was asked for.
    """

    video: Path
    model: str
    remark: str = ''


def choose(video: Path | None, model: str, out: Path) -> Footage:
    """Takes what was asked for, and finds or draws the rest.

    Args:
        video: what to show; None: the real video, if its model is there too, or drawn scenes.
        model: the model to use; empty: one that suits the video.
        out: folder for what has to be drawn.

    Raises:
        MlIntegrationError: a model was asked for that knows nothing of drawn scenes, and there
            is no video.
    """
    if video is not None:
        return Footage(video, model or MODEL)
    found = find_video()
    if model.partition('@')[0] == DRAWN_MODEL:
        return Footage(draw(out), model)
    if model:
        if found is None:
            raise MlIntegrationError(f'no video to show to {model}', where='--video', hint=ADVICE)
        return Footage(found, model)
    missing = [name for name, there in ((VIDEO, found), (MODEL, _has_weights(MODEL))) if not there]
    if found is not None and not missing:
        return Footage(found, MODEL)
    remark = f'no {" and no ".join(missing)} here: showing drawn scenes to {DRAWN_MODEL}; {ADVICE}'
    return Footage(draw(out), DRAWN_MODEL, remark)


def find_video(environment: Mapping[str, str] = os.environ) -> Path | None:
    """The real video, in the first of the places that have it."""
    return next((file for file in _places(environment) if file.is_file()), None)


def draw(out: Path) -> Path:
    """Writes a video of drawn scenes into a folder, 12 s at 30 Hz."""
    file = out / 'scenes.avi'
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*'MJPG'), PICTURES_PER_S, SIZE_WH)
    try:
        if not writer.isOpened():
            raise MlIntegrationError('this OpenCV cannot write a video', where=str(file))
        for scene in map(make_scene, SCENES):
            for number in range(round(SCENE_S * PICTURES_PER_S)):
                picture = render(scene, number / PICTURES_PER_S)
                writer.write(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    finally:
        writer.release()
    return file


def _places(environment: Mapping[str, str]) -> Iterator[Path]:
    if environment.get(VARIABLE):
        yield expanded(environment[VARIABLE], VARIABLE, 'the environment') / VIDEO
    with suppress(SettingError):  # a user without a home has no videos there
        yield data_home(environment) / 'data' / VIDEO
    share = share_folder()
    if share is not None:
        yield share / 'data' / VIDEO  # installed
        yield share / 'dev' / 'data' / VIDEO  # in a checkout


def _has_weights(model: str) -> bool:
    """Tells whether a store holds the model's file, which does not come with the repository."""
    return any(any(store.glob(f'{model}/*/model.onnx')) for store in default_stores())
