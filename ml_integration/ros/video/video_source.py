"""Sources of the video player's frames: a video file, a picture or a folder of pictures."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import cv2

from ml_integration.core.datatypes import Array
from ml_integration.errors import SettingError
from ml_integration.store.state.places import expanded

DEFAULT_HZ = 30.0
MAX_HZ = 1000.0  # beyond it a file's frame rate is a mistake of its writer


class VideoSource(Protocol):
    """Frames that can be read again and again. Used by one thread at a time."""

    rate_hz: float
    """The source's own rate [Hz]."""

    def read(self) -> Array | None:
        """The next frame, (H, W, 3) uint8 BGR; None at the end, also when the rest is broken."""

    def rewind(self) -> None:
        """Lets `read` begin with the first frame."""

    def close(self) -> None:
        """Closes the file."""


def open_source(path: str, where: str) -> VideoSource:
    """Opens a video file, a picture or a folder of pictures and reads one frame to be sure.

    Args:
        path: file or folder; '~' is the home folder.
        where: the node that asks, for errors.

    Raises:
        SettingError: there is nothing of that name, or nothing in it that can be decoded.
    """
    if not path:
        raise _refused(path, 'a video file, a picture or a folder of pictures', where)
    place = expanded(path, 'source', where)
    if not place.exists():
        what = f"there is no file or folder '{place.absolute()}' to play"
        raise SettingError('source', path, '', where=where, what=what)
    if not (place.is_dir() or place.is_file()):  # opening it might wait for ever
        raise _refused(path, 'a regular file or a folder', where)
    source = _source(place)
    if source.read() is None:
        source.close()
        kind = 'a folder with at least one picture' if place.is_dir() else 'a video or a picture'
        raise _refused(path, f'{kind} that OpenCV {cv2.__version__} can decode', where)
    source.rewind()
    return source


def picture_bytes(path: object, size: Sequence[int] = (0, 0)) -> int:
    """Returns the size of a picture of a source as a message [bytes]; 0 if it cannot be read.

    Args:
        path: as of `open_source`.
        size: width and height to which the pictures are brought [px]; 0, 0: as they are.
    """
    if all(size):
        return 3 * math.prod(size)
    try:
        source = open_source(str(path), '')
    except SettingError:
        return 0
    frame = source.read()
    source.close()
    return 0 if frame is None else frame.nbytes


class Pictures:
    """Pictures in the order of their names, numbers by value: 'frame9.png', 'frame10.png'."""

    rate_hz = DEFAULT_HZ

    def __init__(self, files: list[Path]) -> None:
        self._files = sorted(files, key=_natural)
        self._next = iter(self._files)
        self._only: Array | None = None

    def read(self) -> Array | None:
        for file in self._next:
            frame = self._only
            if frame is None:
                frame = cv2.imread(str(file), cv2.IMREAD_COLOR)
            if len(self._files) == 1:  # decoding it again and again would slow down the process
                self._only = frame
            if frame is not None:
                return frame
        return None

    def rewind(self) -> None:
        self._next = iter(self._files)

    def close(self) -> None:
        pass


class VideoFile:
    """A video file."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._capture = cv2.VideoCapture(str(file))
        rate_hz = self._capture.get(cv2.CAP_PROP_FPS)
        self.rate_hz = rate_hz if 0 < rate_hz <= MAX_HZ else DEFAULT_HZ

    def read(self) -> Array | None:
        decoded, frame = self._capture.read()
        return frame if decoded else None

    def rewind(self) -> None:
        # Seeking lands near the first frame with many codecs; opening again lands on it.
        self._capture.release()
        self._capture = cv2.VideoCapture(str(self._file))

    def close(self) -> None:
        self._capture.release()


def _source(place: Path) -> VideoSource:
    if place.is_dir():
        return Pictures([file for file in place.iterdir() if _is_picture(file)])
    # Asked first, because a video reader takes 'frame1.png' for the start of a numbered sequence.
    return Pictures([place]) if _is_picture(place) else VideoFile(place)


def _is_picture(file: Path) -> bool:
    return file.is_file() and cv2.haveImageReader(str(file))


def _natural(file: Path) -> list[tuple[int, str]]:
    parts = re.findall(r'\d+|\D+', file.name)
    return [(int(part), '') if part.isdecimal() else (-1, part) for part in parts]


def _refused(got: str, expected: str, where: str, hint: str = '') -> SettingError:
    return SettingError('source', got, expected, where=where, hint=hint)
