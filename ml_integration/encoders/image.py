"""Pictures: resized, padded, in the model's order of colors, without allocating per frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from ml_integration.core.datatypes import Array, Frame, TensorSpec
from ml_integration.errors import FrameError
from ml_integration.ops.letterbox import Letterbox
from ml_integration.ops.picture_input import (
    FORMATS,
    PreprocessSettings,
    normalized_values,
    picture_size,
)
from ml_integration.ops.picture_measures import measure_picture
from ml_integration.ops.picture_placement import check_placement, placed, typical_wh
from ml_integration.ops.resizing import resizer


class Image:
    """Resizes, pads, orders channels and normalizes into one tensor that is used every frame.

    Normalizing 8-bit pixels has 256 outcomes per channel, so it is a table look-up whatever the
    model's element type is: exact, and faster than multiplying (0.4 ms for 640x480 into float32).

    Where height and width of the input are free, each picture gives them, and the tensor is made
    anew when they change.

    Args:
        settings: what the model was trained on.
        spec: the model's input; its channels are fixed, height and width are both fixed or both
            free, the batch is 1 or free.
        model: name for errors.

    Attributes:
        tensor: what the last call filled: the bound one, or one of its own where the size is
            free and differs.

    Raises:
        ModelMismatchError: `spec` is no picture of the settings' layout and color, or no size
            follows from them.
        SettingError: mean and std do not fit the channels or the element type, or a size is
            missing.
    """

    Settings = PreprocessSettings

    def __init__(self, settings: PreprocessSettings, spec: TensorSpec, model: str = '') -> None:
        self.settings = settings
        self.formats = FORMATS[settings.color]
        self._fixed_wh = picture_size(settings, spec, model)
        check_placement(settings, spec, model)
        self.target_wh = self._fixed_wh or typical_wh(settings)
        self.spec = TensorSpec(spec.name, spec.dtype, self._shape(self.target_wh))
        self._resize = resizer(settings.resampling, settings.interpolation)
        self._table, self._padding = normalized_values(settings, spec.dtype, model)

    def bind(self, tensor: Array) -> None:
        """Chooses the tensor that is filled from now on, contiguous and as `spec` says."""
        self.tensor = tensor
        self._geometry: Letterbox | None = None

    def __call__(self, frames: Sequence[Frame]) -> Letterbox:
        """Fills the tensor with the newest picture.

        Args:
            frames: (H, W, 3) or, for gray, (H, W) uint8 in one of `formats`; only read.

        Raises:
            FrameError: it is no such picture.
        """
        frame = frames[-1]
        geometry = self._prepared(frame)
        picture = frame.data
        if geometry.resized_wh != geometry.source_wh:
            picture = self._resize(picture, self._resized)
        left, top = (max(0, -offset) for offset in geometry.offset_xy)
        picture = picture[top : top + geometry.target_wh[1], left : left + geometry.target_wh[0]]
        swapped = frame.format != self.formats[0]
        if self.settings.layout == 'nchw':
            self._write_planes(picture, swapped)
        else:
            self._write_pixels(picture, swapped)
        return geometry

    def measure(self, frames: Sequence[Frame]) -> Mapping[str, float]:
        """Measures the newest picture: `ops.picture_measures.measure_picture`."""
        return measure_picture(frames[-1])

    def _prepared(self, frame: Frame) -> Letterbox:
        """Checks the frame; makes buffers and padding anew when the picture's size changes."""
        data, channels = frame.data, frame.data.shape[2:]
        wanted = () if self.settings.color == 'gray' else (3,)
        if frame.format not in self.formats or data.dtype != np.uint8 or channels != wanted:
            got = f'{frame.format} as {data.dtype.name}{list(data.shape)}'
            raise FrameError(
                'not a picture of a wanted format', got=got, expected=str(self.formats)
            )
        source_wh = (data.shape[1], data.shape[0])
        geometry = self._geometry
        if geometry is None or geometry.source_wh != source_wh:
            geometry = self._make_buffers(source_wh, channels)
            self._geometry = geometry
        return geometry

    def _make_buffers(self, source_wh: tuple[int, int], channels: tuple[int, ...]) -> Letterbox:
        settings, fixed_wh = self.settings, self._fixed_wh
        if 0 in source_wh:
            raise FrameError(
                'the picture is empty', got='{} x {} px'.format(*source_wh), expected='pixels'
            )
        if settings.resize == 'none' and fixed_wh is not None and source_wh != fixed_wh:
            raise FrameError(
                'the picture does not have the size of the model input',
                got='{} x {} px'.format(*source_wh),
                expected='{} x {} px'.format(*fixed_wh),
                hint="Let it be resized: set 'encode.resize' of the input in the manifest.",
            )
        geometry = placed(settings, source_wh, fixed_wh)
        shape = self._shape(geometry.target_wh)
        if self.tensor.shape != shape:
            self.tensor = np.empty(shape, self.spec.dtype)
        # OpenCV 4.6 knows little about float16; a table look-up only moves bits.
        bits = self.tensor.view(np.uint16) if self.spec.dtype == 'float16' else self.tensor
        width, height = geometry.resized_wh
        self._resized = np.empty((height, width, *channels), np.uint8)
        left, top = (max(0, offset) for offset in geometry.offset_xy)
        rows = slice(top, min(top + height, geometry.target_wh[1]))
        columns = slice(left, min(left + width, geometry.target_wh[0]))
        if settings.layout == 'nchw':
            self._region = bits[0, :, rows, columns]
            bits[0] = self._padding[:, None, None]
        else:
            self._region = bits[0, rows, columns]
            bits[0] = self._padding
        shape = (rows.stop - rows.start, columns.stop - columns.start)
        self._planes = [np.empty(shape, np.uint8) for _ in range(3)]
        self._swapped = np.empty((*shape, 3), np.uint8)
        return geometry

    def _write_planes(self, picture: Array, swapped: bool) -> None:
        if len(self._region) == 1:
            planes = [picture]
        else:
            cv2.split(picture, self._planes)
            planes = self._planes[::-1] if swapped else self._planes
        for channel, (plane, region) in enumerate(zip(planes, self._region, strict=True)):
            cv2.LUT(plane, self._table[0, :, channel], dst=region)

    def _write_pixels(self, picture: Array, swapped: bool) -> None:
        if swapped:
            picture = cv2.cvtColor(picture, cv2.COLOR_BGR2RGB, dst=self._swapped)
        if self._region.shape[2] == 1:
            cv2.LUT(picture, self._table[0, :, 0], dst=self._region[:, :, 0])
        else:
            cv2.LUT(picture, self._table, dst=self._region)

    def _shape(self, wh: tuple[int, int]) -> tuple[int, ...]:
        channels = 1 if self.settings.color == 'gray' else 3
        return (
            (1, channels, *wh[::-1])
            if self.settings.layout == 'nchw'
            else (1, *wh[::-1], channels)
        )
