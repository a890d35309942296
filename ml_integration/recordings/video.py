"""A video file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from ml_integration.errors import RecordingError
from ml_integration.recordings import Recorded
from ml_integration.recordings.pictures import IMAGE, MOST_PIXELS, RATE_HZ, Bgr, picture_message

BEGINNING = 256
"""First bytes of a file that tell text from a video."""
MAX_HZ = 1000.0
"""Rate beyond which a file's frame rate is a mistake of its writer [Hz]."""
LEAST = 0.9
"""Part of the frames that a file says it has which should be there; many say a few too many."""


@dataclass(slots=True)
class Video:
    """Frames of a video file, stamped with their place in it.

    Attributes:
        path: the file.
        count: number of frames, as the file says; None where it does not.
        rate_hz: frames per second.

    Raises:
        RecordingError: there is no frame in it that can be decoded.
    """

    path: Path
    count: int | None = field(init=False)
    rate_hz: float = field(init=False)

    def __post_init__(self) -> None:
        capture = self._open()
        rate_hz = capture.get(cv2.CAP_PROP_FPS)
        count = capture.get(cv2.CAP_PROP_FRAME_COUNT)
        self.rate_hz = rate_hz if 0 < rate_hz <= MAX_HZ else RATE_HZ
        self.count = int(count) if 0 < count < 2**31 else None
        capture.release()

    @staticmethod
    def recognize(path: Path) -> bool:
        """Tells whether it is a file that OpenCV can open as a video."""
        if not path.is_file() or _is_text(path):
            return False
        capture = cv2.VideoCapture(str(path.absolute()))
        opened = capture.isOpened()
        capture.release()
        return opened

    def __iter__(self) -> Iterator[Recorded]:
        """Reads the frames.

        Raises:
            RecordingError: there are far fewer than the file says; nothing follows.
        """
        number = -1
        for number, pixels in enumerate(self.frames()):
            seconds = number / self.rate_hz
            stamp_ns = round(seconds * 1e9)
            message = picture_message(pixels, stamp_ns)
            name = f'{self.path.name} at {seconds:.2f} s'
            yield Recorded('', IMAGE, message, stamp_ns, name, stamp_ns)
        if number < 0 or number + 1 < LEAST * (self.count or 0):
            got, expected = f'{number + 1} frames', f'{self.count or "some"}, as it says'
            raise RecordingError(
                'the rest of the video cannot be decoded',
                where=str(self.path),
                got=got,
                expected=expected,
            )

    def frames(self) -> Iterator[Bgr]:
        """Reads the frames from the first on, as long as they can be decoded."""
        # Seeking lands near the first frame with many codecs; opening again lands on it.
        capture = self._open()
        try:
            while True:
                decoded, frame = capture.read()
                if not decoded:
                    return
                yield np.asarray(frame, np.uint8)
        finally:
            capture.release()

    def _open(self) -> cv2.VideoCapture:
        # A whole path: a bare name could be taken for a device or an address.
        capture = cv2.VideoCapture(str(self.path.absolute()))
        width = capture.get(cv2.CAP_PROP_FRAME_WIDTH)
        height = capture.get(cv2.CAP_PROP_FRAME_HEIGHT)
        if capture.isOpened() and 1 <= width * height <= MOST_PIXELS:
            return capture
        capture.release()
        raise RecordingError(
            f'it is no video that OpenCV {cv2.__version__} can decode', where=str(self.path)
        )


def _is_text(path: Path) -> bool:
    """Tells whether a file is text, such as a playlist, which names other files to be read."""
    with path.open('rb') as stream:
        text = stream.read(BEGINNING).decode('utf-8', 'replace')
    readable = all(c.isprintable() or c.isspace() for c in text)
    return bool(text) and readable and '\ufffd' not in text[:-3]  # a letter may be cut off
