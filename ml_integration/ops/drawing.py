"""Boxes and names on a picture for people to look at."""

from __future__ import annotations

import colorsys

import cv2
import numpy as np

from ml_integration.core.datatypes import Array

Color = tuple[int, int, int]


def class_color(class_id: int) -> Color:
    """Returns a BGR color that stays the same for a class; neighboring ids differ clearly."""
    # Steps of the golden ratio around the color circle never come close to an early one again.
    red, green, blue = colorsys.hsv_to_rgb(class_id * 0.618034 % 1.0, 0.85, 0.95)
    return round(blue * 255), round(green * 255), round(red * 255)


def line_width(canvas: Array) -> int:
    """Returns a line width [px] that suits the size of a picture."""
    height, width = canvas.shape[:2]
    return max(1, round(int(max(height, width)) / 400))


def draw_text(canvas: Array, text: str, left_bottom: tuple[int, int], color: Color) -> None:
    """Writes black or white on a filled box, moved so that it lies inside the picture.

    Args:
        canvas: (H, W, 3) uint8 BGR, changed in place.
        text: one line.
        left_bottom: corner of the filled box [px].
        color: BGR of the filled box.
    """
    width = line_width(canvas)
    scale = 0.4 * max(1.0, width * 0.8)
    font = cv2.FONT_HERSHEY_SIMPLEX
    (text_width, text_height), below = cv2.getTextSize(text, font, scale, max(1, width // 2))
    left = max(0, min(left_bottom[0], canvas.shape[1] - text_width))
    bottom = max(left_bottom[1], text_height + below)
    cv2.rectangle(
        canvas, (left, bottom - text_height - below), (left + text_width, bottom), color, -1
    )
    bright = color[0] * 0.114 + color[1] * 0.587 + color[2] * 0.299 > 127
    ink = (0, 0, 0) if bright else (255, 255, 255)
    cv2.putText(
        canvas, text, (left, bottom - below), font, scale, ink, max(1, width // 2), cv2.LINE_AA
    )


def draw_rotated_box(canvas: Array, corners: Array, text: str, color: Color) -> None:
    """Draws a box given by its corners (4, 2) [px], with its name at the topmost one.

    Args:
        canvas: (H, W, 3) uint8 BGR, changed in place.
        corners: in their order around the box.
        text: the name.
        color: BGR.
    """
    points = np.rint(corners).astype(np.int32)
    cv2.polylines(canvas, [points[:, None]], True, color, line_width(canvas))
    left, top = points[points[:, 1].argmin()].tolist()
    draw_text(canvas, text, (left, top), color)


def draw_box(canvas: Array, xyxy: Array, text: str, color: Color) -> None:
    """Draws a box (4,) [px] with its name on top.

    Args:
        canvas: (H, W, 3) uint8 BGR, changed in place.
        xyxy: left, top, right, bottom.
        text: the name.
        color: BGR.
    """
    left, top, right, bottom = (round(float(corner)) for corner in xyxy)
    cv2.rectangle(canvas, (left, top), (right, bottom), color, line_width(canvas))
    draw_text(canvas, text, (left, top), color)
