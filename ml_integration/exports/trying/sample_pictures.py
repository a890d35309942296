"""Pictures to try a model on: those of a person, or a few that come with the package."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from itertools import islice
from pathlib import Path
from types import MappingProxyType

import cv2
import numpy as np
import numpy.typing as npt

from ml_integration.core.contracts import Sensor
from ml_integration.errors import MessageError, RecordingError
from ml_integration.recordings import HasTopics, Recording, open_recording
from ml_integration.sensors.compressed_image import CompressedImage
from ml_integration.sensors.image import Image

MOST = 12
"""Most pictures that are taken of a recording, spread over its length."""
OWN = ('astronaut.jpg', 'cat.jpg', 'coffee.jpg')
"""Photographs that come with the package."""
SENSORS: Mapping[str, type[Sensor]] = MappingProxyType(
    {sensor.message_type: sensor for sensor in (Image, CompressedImage)}
)
"""Sensors of pictures, by the type of their messages."""
GRAY = 114
"""Brightness of the empty picture [0-255]."""


@dataclass(frozen=True, slots=True)
class Picture:
    """Picture to try a model on.

    Attributes:
        name: where it comes from, for sentences, such as 'street.jpg'.
        pixels: (H, W, 3) uint8, BGR.
    """

    name: str
    pixels: npt.NDArray[np.uint8]


def own_pictures() -> tuple[Picture, ...]:
    """Reads the photographs that come with the package: a person, a cat, a cup."""
    folder = resources.files('ml_integration.exports.trying') / 'pictures'
    return tuple(Picture(name, _read((folder / name).read_bytes())) for name in OWN)


def pictures_of(path: Path, most: int = MOST) -> tuple[Picture, ...]:
    """Reads pictures of a picture file, folder, video, array file or bag.

    Args:
        path: file or folder.
        most: pictures to take, spread over the recording where its length is known.

    Raises:
        RecordingError: it cannot be read, or holds no picture.
    """
    recording = open_recording(path)
    if isinstance(recording, HasTopics):
        recording = recording.only([n for n, kind in recording.topics.items() if kind in SENSORS])
    pictures = tuple(islice(_spread(recording, most), most))
    if not pictures:
        raise RecordingError('it holds no picture', where=str(path))
    return pictures


def _spread(recording: Recording, most: int) -> Iterator[Picture]:
    step = max(1, (recording.count or 0) // most)
    sensors = {kind: sensor(('bgr8',)) for kind, sensor in SENSORS.items()}
    number = 0
    for recorded in recording:
        if recorded.message_type not in sensors:
            continue
        number += 1
        if (number - 1) % step == 0:
            try:
                sensor = sensors[recorded.message_type]
                pixels = sensor.decode(recorded.message, recorded.stamp_ns).data
            except MessageError as error:  # such as a depth image of the same bag
                raise RecordingError(str(error), where=recorded.name) from error
            yield Picture(recorded.name, np.array(pixels, np.uint8))


def empty_picture(like: Picture) -> Picture:
    """Makes a gray picture of the same size, in which there is nothing to see."""
    return Picture('an empty gray picture', np.full_like(like.pixels, GRAY))


def _read(data: bytes) -> npt.NDArray[np.uint8]:
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    return np.asarray(pixels, np.uint8)
