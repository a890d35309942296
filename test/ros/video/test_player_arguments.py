"""The pictures of a player are known before the player is."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from ml_integration.ros.video.player_arguments import largest_picture

PARAMETERS = """
/**:
  ros__parameters:
    source: {source}
/camera_1/video_player:
  ros__parameters:
    rate_hz: 5.0
"""


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    cv2.imwrite(str(tmp_path / 'picture.png'), np.zeros((30, 40, 3), np.uint8))
    return tmp_path / 'picture.png'


@pytest.mark.parametrize(
    ('arguments', 'size_bytes'),
    [
        (['-p', 'source:={picture}'], 3600),
        (['--param', '/camera_0/video_player:source:={picture}'], 3600),
        (['-p', 'source:={picture}', '-p', 'size:=[400, 300]'], 360_000),
        (['-p', 'source:={picture}', '-p', 'size:=[0, 0]'], 3600),
        (['--params-file', '{file}'], 3600),
        (['--params-file', '{file}', '-p', 'size:=[4, 3]'], 36),
        ([], 0),
        (['-p', 'source:=/nothing/there.mp4'], 0),
        (['-p', 'source:=~nobody_of_that_name/x.mp4'], 0),
        (['-p', 'size:=[400, 300]'], 0),
        (['-p', 'source'], 0),
        (['-p', 'source:=[1, '], 0),
        (['--params-file', '/nothing/there.yaml'], 0),
    ],
)
def test_it_follows_from_the_arguments(
    arguments: list[str], size_bytes: int, picture: Path, tmp_path: Path
) -> None:
    file = tmp_path / 'parameters.yaml'
    file.write_text(PARAMETERS.format(source=picture))
    given = [text.format(picture=picture, file=file) for text in arguments]
    assert largest_picture(['video_player', '--ros-args', *given]) == size_bytes
