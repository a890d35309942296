"""Sources of the video player's frames: a video file, a picture or a folder of pictures."""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from pathlib import Path

import cv2

from ml_integration.core.datatypes import Array
from ml_integration.errors import RecordingError, SettingError
from ml_integration.recordings.pictures import Pictures, is_picture
from ml_integration.recordings.video import Video
from ml_integration.store.state.places import expanded


class VideoSource:
    """Frames that can be read again and again. Used by one thread at a time.

    Pictures that cannot be decoded are passed over.

    Attributes:
        rate_hz: the source's own rate [Hz].
    """

    def __init__(self, recording: Pictures | Video) -> None:
        self.rate_hz = recording.rate_hz
        self._recording = recording
        still = isinstance(recording, Pictures) and recording.count == 1
        # Decoding the same picture again and again would slow down the process.
        self._decoded = list(recording.frames()) if still else None
        self._frames = self._begin()

    def read(self) -> Array | None:
        """The next frame, (H, W, 3) uint8 BGR; None at the end, also when the rest is broken."""
        return next(self._frames, None)

    def rewind(self) -> None:
        """Lets `read` begin with the first frame."""
        self.close()
        self._frames = self._begin()

    def close(self) -> None:
        """Closes the file."""
        self._frames.close()

    def _begin(self) -> Generator[Array, None, None]:
        yield from self._recording.frames() if self._decoded is None else self._decoded


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
    if source is None or source.read() is None:
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


def _source(place: Path) -> VideoSource | None:
    try:
        # Asked first, because a video reader takes 'frame1.png' for the start of a sequence.
        pictures = place.is_dir() or is_picture(place)
        return VideoSource(Pictures(place) if pictures else Video(place))
    except RecordingError:
        return None


def _refused(got: str, expected: str, where: str, hint: str = '') -> SettingError:
    return SettingError('source', got, expected, where=where, hint=hint)
