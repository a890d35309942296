"""Brings boxes from the model's input onto the picture, and tells which are visible there."""

from __future__ import annotations

import numpy as np

from ml_integration.core.datatypes import Array
from ml_integration.ops.boxes import clip_boxes
from ml_integration.ops.letterbox import Letterbox
from ml_integration.ops.rotated_boxes import envelopes, from_half_axes, half_axes


def boxes_on_picture(xyxy: Array, geometry: Letterbox) -> tuple[Array, Array]:
    """Clips boxes [px of the model's input] to the picture.

    A box that lies in the padding, or has shrunk to nothing, is nothing wrong and not visible.
    One that is not finite, turned inside out or further outside than the model's input is
    wide is the model's or the decoder's fault; it stays as it is, for validation to report.

    Returns:
        Boxes (N, 4) [px of the picture] and which of them (N,) are visible or wrong.
    """
    source = geometry.to_source(xyxy)
    wrong = _wrong(xyxy, geometry.target_wh)
    clipped = np.where(wrong[:, None], source, clip_boxes(source, geometry.source_wh))
    return clipped, wrong | (clipped[:, 2:] > clipped[:, :2]).all(axis=1)


def rotated_on_picture(
    xyxy: Array, angles: Array, geometry: Letterbox
) -> tuple[Array, Array, Array]:
    """Moves rotated boxes [px of the model's input]; none is clipped.

    Of a picture that was stretched, a box keeps its area and the direction and length of its
    longer side.

    Returns:
        Boxes (N, 4) [px of the picture], angles (N,) of their longer side, and which of them are
        visible, even in part, or wrong.
    """
    turned_inside_out = np.any(xyxy[:, 2:] < xyxy[:, :2], axis=1)
    wrong = turned_inside_out | _wrong(envelopes(xyxy, angles), geometry.target_wh)
    centers, along, across = half_axes(xyxy, angles)
    scale, offset = np.array(geometry.scale_xy), np.array(geometry.offset_xy)
    moved, turned = from_half_axes((centers - offset) / scale, along / scale, across / scale)
    # A box that is inside out stays so, which half axes do not tell.
    moved = np.where(turned_inside_out[:, None], geometry.to_source(xyxy), moved)
    around = envelopes(moved, turned)
    sized = (moved[:, 2:] > moved[:, :2]).all(axis=1)
    return moved, turned, wrong | (sized & meets(around, geometry.source_wh))


def meets(xyxy: Array, size_wh: tuple[int, int]) -> Array:
    """Tells which boxes (N, 4) lie on a picture of `size_wh` [px], if only in part."""
    inside: Array = np.all((xyxy[:, :2] < np.array(size_wh)) & (xyxy[:, 2:] > 0), axis=1)
    return inside


def _wrong(xyxy: Array, input_wh: tuple[int, int]) -> Array:
    low, high, size = xyxy[:, :2], xyxy[:, 2:], np.array(input_wh)
    outside: Array = np.any((high < low) | (low > 2 * size) | (high < -size), axis=1)
    return ~np.isfinite(xyxy).all(axis=1) | outside
