"""Writes annotated pictures of pictures, and annotated videos of videos and bags."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import cv2

from ml_integration.cli.running.routes import Source
from ml_integration.core.datatypes import Array
from ml_integration.errors import RecordingError, escaped
from ml_integration.recordings import HasTopics
from ml_integration.recordings.pictures import RATE_HZ
from ml_integration.recordings.video import MAX_HZ, Video

CODECS = (('.mp4', 'mp4v'), ('.avi', 'MJPG'))
"""Ends of names and codes of codecs, the preferred one first."""


def new_folder(folder: Path) -> Path:
    """Makes a folder for results.

    Raises:
        RecordingError: something is in it already, which might be written over.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        hint = 'Nothing is written over: name another folder, or empty this one.'
        raise RecordingError('it is no empty folder', where=str(folder), hint=hint)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


class PictureWriter(Protocol):
    """Writes annotated pictures; a context that ends what it writes."""

    def write(self, name: str, canvas: Array) -> None:
        """Writes (H, W, 3) uint8 BGR that was made of a picture of this name."""

    def __enter__(self) -> PictureWriter: ...

    def __exit__(self, *_: object) -> None: ...


class PictureFolder:
    """Writes each picture to a file of its own.

    Args:
        folder: is made with the first picture.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, name: str, canvas: Array) -> None:
        """Writes a picture under the name of the one it was made of.

        Args:
            name: such as 'street.jpg'.
            canvas: (H, W, 3) uint8 BGR.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        safe = safe_name(name)
        png = safe.lower().endswith('.png')
        stem = safe if png else f'{safe.removesuffix(".jpg").removesuffix(".JPG")}.jpg'
        file, number = self._folder / stem, 2
        while file.exists():
            file, number = self._folder / f'{number}-{stem}', number + 1
        file.write_bytes(encode_picture(file.suffix, canvas))

    def __enter__(self) -> PictureFolder:
        return self

    def __exit__(self, *_: object) -> None:
        pass


class VideoWriter:
    """Writes pictures to a video, all in the size of the first one.

    Args:
        file: its name without an end.
        rate_hz: pictures per second.
    """

    def __init__(self, file: Path, rate_hz: float) -> None:
        self._file = file
        self._rate_hz = rate_hz
        self._writer: cv2.VideoWriter | None = None
        self._size_wh = (0, 0)

    def write(self, name: str, canvas: Array) -> None:
        """Adds a picture, (H, W, 3) uint8 BGR; see `PictureFolder.write`."""
        height, width = canvas.shape[:2]
        if self._writer is None:
            self._size_wh = width, height
            self._writer = self._open()
        if (width, height) != self._size_wh:
            canvas = cv2.resize(canvas, self._size_wh, interpolation=cv2.INTER_AREA)
        self._writer.write(canvas)

    def _open(self) -> cv2.VideoWriter:
        for end, code in CODECS:
            file, number = self._file.with_name(self._file.name + end), 2
            while file.exists():  # of another recording with this name
                file, number = self._file.with_name(f'{number}-{self._file.name}{end}'), number + 1
            code_of = cv2.VideoWriter.fourcc(*code)
            writer = cv2.VideoWriter(str(file), code_of, self._rate_hz, self._size_wh)
            if writer.isOpened():
                return writer
            file.unlink(missing_ok=True)
        raise RecordingError('this OpenCV cannot write a video', where=str(self._file))

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(self, *_: object) -> None:
        if self._writer is not None:
            self._writer.release()


def pictures_of(source: Source, topic: str, folder: Path, every: int) -> PictureWriter:
    """Returns what writes the annotated pictures of a recording: of a moving one, a video.

    Args:
        source: where they come from.
        topic: the one in the manifest that they come on.
        folder: where they go.
        every: only each such picture is there.
    """
    recording, place = source.recording, folder / source.path.resolve().stem
    if isinstance(recording, Video):
        return VideoWriter(place, recording.rate_hz / every)
    if isinstance(recording, HasTopics):
        recorded = next(of for of, names in source.routes.items() if topic in names)
        rate_hz = recording.rate_hz(recorded) / every
        return VideoWriter(place, rate_hz if 1 <= rate_hz <= MAX_HZ else RATE_HZ)
    return PictureFolder(folder)


def safe_name(name: str) -> str:
    """Returns a name as that of a file in one folder."""
    return escaped(name).replace('/', '_').replace('\\', '_')[-100:]


def encode_picture(end: str, canvas: Array) -> bytes:
    """Encodes (H, W, 3) uint8 BGR in the format that the end of a file's name says."""
    encoded, data = cv2.imencode(end, canvas)
    if not encoded:
        raise RecordingError('a picture cannot be encoded', got=end)
    return bytes(data.tobytes())
