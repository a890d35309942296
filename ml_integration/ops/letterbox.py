"""Placement of a picture inside the model's input.

Coordinates are continuous and start at the top-left CORNER of the first pixel: pixel `i` covers
[i, i + 1]. Data sets such as COCO annotate this way, and `cv2.resize` scales about pixel centers,
which in corner coordinates is a plain scaling. No half pixel appears anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ml_integration.core.datatypes import Array

RESIZES = ('letterbox', 'letterbox_topleft', 'stretch', 'crop', 'none')


@dataclass(frozen=True, slots=True)
class Letterbox:
    """Mapping of source pixels to model pixels: `target = source * scale + offset`.

    Attributes:
        source_wh: size of the picture [px].
        target_wh: size of the model's input [px].
        scale_xy: model pixels per source pixel; the axes differ slightly because the resized
            picture has a whole number of pixels.
        offset_xy: place of the resized picture in the model's input [px]; negative for a crop.
    """

    source_wh: tuple[int, int]
    target_wh: tuple[int, int]
    scale_xy: tuple[float, float]
    offset_xy: tuple[int, int]

    def centered(self) -> Letterbox:
        """Returns the same with the picture in the middle; of an odd rest less is on top."""
        (width, height), resized = self.target_wh, self.resized_wh
        offset = ((width - resized[0]) // 2, (height - resized[1]) // 2)
        return replace(self, offset_xy=offset)

    @property
    def resized_wh(self) -> tuple[int, int]:
        """Size of the whole resized picture [px], before padding or cropping."""
        return (
            round(self.source_wh[0] * self.scale_xy[0]),
            round(self.source_wh[1] * self.scale_xy[1]),
        )

    def to_source(self, xyxy: Array) -> npt.NDArray[np.float32]:
        """Brings boxes (N, 4) [px] from the model's input to the picture."""
        moved: npt.NDArray[np.float64] = (xyxy - np.array(self.offset_xy * 2)) / (
            self.scale_xy * 2
        )
        return moved.astype(np.float32)

    def to_target(self, xyxy: Array) -> npt.NDArray[np.float32]:
        """Brings boxes (N, 4) [px] from the picture to the model's input."""
        moved: npt.NDArray[np.float64] = xyxy * np.array(self.scale_xy * 2) + self.offset_xy * 2
        return moved.astype(np.float32)


def place(
    resize: str, source_wh: tuple[int, int], target_wh: tuple[int, int], crop_ratio: float = 1.0
) -> Letterbox:
    """Decides where a picture goes in the model's input.

    Args:
        resize: one of `RESIZES`. 'letterbox' keeps the aspect ratio and centers the picture as
            the YOLO pipelines do, 'letterbox_topleft' puts it at the top left as YOLOX does,
            'stretch' ignores the aspect ratio, 'crop' resizes so that the picture covers
            target / crop_ratio and cuts out the center as torchvision does for ImageNet,
            'none' takes pictures of the model's own size only.
        source_wh: size of the picture [px].
        target_wh: size of the model's input [px].
        crop_ratio: part of the shorter side that a crop keeps.
    """
    if resize == 'crop':
        return cropped(source_wh, target_wh, covering(source_wh, target_wh, crop_ratio))
    width, height = source_wh
    if resize in ('stretch', 'none'):
        resized, offset = target_wh, (0, 0)
    else:
        scale = min(target_wh[0] / width, target_wh[1] / height)
        if resize == 'letterbox':
            resized = (max(1, round(width * scale)), max(1, round(height * scale)))
            offset = ((target_wh[0] - resized[0]) // 2, (target_wh[1] - resized[1]) // 2)
        else:
            resized = (max(1, int(width * scale)), max(1, int(height * scale)))
            offset = (0, 0)
    return Letterbox(source_wh, target_wh, (resized[0] / width, resized[1] / height), offset)


def cropped(
    source_wh: tuple[int, int],
    target_wh: tuple[int, int],
    resized_wh: tuple[int, int],
    rounding: str = 'torchvision',
) -> Letterbox:
    """Cuts the center out of a resized picture; what is too small is centered in the input.

    Args:
        source_wh: size of the picture [px].
        target_wh: size of the model's input [px].
        resized_wh: size of the picture after resizing [px].
        rounding: where the cut begins when an odd number of pixels is left over: 'torchvision'
            takes the even one of the two places, 'transformers' the first one.
    """

    def offset(resized: int, target: int) -> int:
        rest = resized - target
        if rest < 0:
            return -rest // 2
        return -round(rest / 2) if rounding == 'torchvision' else -(rest // 2)

    scale = (resized_wh[0] / source_wh[0], resized_wh[1] / source_wh[1])
    left, top = map(offset, resized_wh, target_wh)
    return Letterbox(source_wh, target_wh, scale, (left, top))


def covering(
    source_wh: tuple[int, int], target_wh: tuple[int, int], crop_ratio: float
) -> tuple[int, int]:
    """Returns the smallest size with the source's aspect ratio that covers target / crop_ratio."""
    width, height = source_wh
    cover_w, cover_h = stretched(target_wh, crop_ratio)
    if cover_w * height >= cover_h * width:
        return cover_w, max(cover_h, cover_w * height // width)
    return max(cover_w, cover_h * width // height), cover_h


def stretched(target_wh: tuple[int, int], crop_ratio: float) -> tuple[int, int]:
    """Returns target / crop_ratio, rounded down as timm and transformers do it."""
    # A ratio such as 224 / 236 misses its whole number by the rounding of the division.
    return int(target_wh[0] / crop_ratio + 1e-6), int(target_wh[1] / crop_ratio + 1e-6)
