"""Boxes and names on a picture for people to look at."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from ml_integration.core.datatypes import Array

Color = tuple[int, int, int]
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_PLACED = 50
"""Names for which a place of their own is looked for: a picture has no room for more."""
_TALL = 'Áp'
"""As high and as deep as words get; fields of equal height look calm."""


@dataclass(frozen=True, slots=True)
class Name:
    """Words about a thing in a picture.

    Attributes:
        text: one line.
        color: BGR of the thing.
        top: upper end of the thing, x and y [px]: the words begin there if there is room.
        bottom: lower end of it.
    """

    text: str
    color: Color
    top: tuple[int, int]
    bottom: tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Field:
    """A filled box with words in it.

    Attributes:
        left: its edge [px].
        top: its edge [px].
        width: of the box [px].
        height: of the box [px].
        margin: between the edges and the words [px].
        below: part of the height that is below the line on which the words stand [px].
    """

    left: int
    top: int
    width: int
    height: int
    margin: int
    below: int


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
    left, bottom = left_bottom
    field = _field(canvas, text)
    _write(canvas, text, _inside(canvas, field, left, bottom - field.height), color)


def draw_list(canvas: Array, lines: Sequence[tuple[str, Color]]) -> None:
    """Writes lines of words below one another at the top left, each on a box of its color.

    Args:
        canvas: (H, W, 3) uint8 BGR, changed in place.
        lines: words, and BGR of the filled box; those that have no room are left out.
    """
    top = 0
    for text, color in lines:
        field = _field(canvas, text)
        if top and top + field.height > canvas.shape[0]:
            return
        _write(canvas, text, _inside(canvas, field, 0, top), color)
        top += field.height


def draw_names(canvas: Array, names: Sequence[Name]) -> None:
    """Writes names above, below or inside of what they are about, so that all can be read.

    Where there is no room for all, the first ones cover the others.

    Args:
        canvas: (H, W, 3) uint8 BGR, changed in place.
        names: the most important one first.
    """
    taken = np.zeros((4, len(names)), np.int32)
    fields: list[_Field] = []
    for number, name in enumerate(names):
        field = _placed(canvas, name, taken[:, : number if number < _PLACED else 0])
        fields.append(field)
        taken[:, number] = _edges(field)
    for name, field in zip(reversed(names), reversed(fields), strict=True):
        _write(canvas, name.text, field, name.color)


def draw_outline(
    canvas: Array, corners: Array, color: Color
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Draws a box given by its corners (4, 2) [px], in their order around it.

    Args:
        canvas: (H, W, 3) uint8 BGR, changed in place.
        corners: the corners.
        color: BGR.

    Returns:
        Its topmost and its lowest corner, of two the left one.
    """
    points = np.rint(corners).astype(np.int32)
    # Smoothing would only blur edges that follow the pixels.
    upright = all(len(set(axis)) <= 2 for axis in points.T.tolist())
    kind = cv2.LINE_8 if upright else cv2.LINE_AA
    cv2.polylines(canvas, [points[:, None]], True, color, line_width(canvas), kind)
    places = [(x, y) for x, y in points.tolist()]
    return min(places, key=lambda place: place[::-1]), min(places, key=lambda p: (-p[1], p[0]))


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


def _placed(canvas: Array, name: Name, taken: Array) -> _Field:
    """Returns the first place that covers no other name; the usual one if each does.

    Args:
        canvas: the picture.
        name: what is to be placed.
        taken: (4, N) left, top, right and bottom of the names that have their place.
    """
    field = _field(canvas, name.text)
    (x, y), (low_x, low_y) = name.top, name.bottom
    corners = ((x, y - field.height), (low_x, low_y), (x, y), (low_x, low_y - field.height))
    lefts, tops, rights, bottoms = taken
    for left, top in corners:
        place = _inside(canvas, field, left, top)
        left, top, right, bottom = _edges(place)
        covered = (lefts < right) & (rights > left) & (tops < bottom) & (bottoms > top)
        if not covered.any():
            return place
    return _inside(canvas, field, *corners[0])


def _edges(field: _Field) -> tuple[int, int, int, int]:
    return field.left, field.top, field.left + field.width, field.top + field.height


def _scale(canvas: Array) -> tuple[float, int]:
    """Returns the scale and the line width [px] of words in a picture."""
    width = line_width(canvas)
    return 0.4 * max(1.0, width * 0.8), max(1, width // 2)


def _field(canvas: Array, text: str) -> _Field:
    """Returns the box that words need, at the top left of the picture."""
    scale, thickness = _scale(canvas)
    (width, _), _ = cv2.getTextSize(text, _FONT, scale, thickness)
    height, below = _height(scale, thickness)
    margin = line_width(canvas)
    return _Field(0, 0, width + 2 * margin, height + below + margin, margin, below)


@cache
def _height(scale: float, thickness: int) -> tuple[int, int]:
    """Returns how far words go above and below the line on which they stand [px]."""
    (_, above), below = cv2.getTextSize(_TALL, _FONT, scale, thickness)
    return above, below


def _inside(canvas: Array, field: _Field, left: int, top: int) -> _Field:
    """Returns a box moved to a place, or as near to it as the picture has room."""
    left = max(0, min(left, canvas.shape[1] - field.width))
    top = max(0, min(top, canvas.shape[0] - field.height))
    return _Field(left, top, field.width, field.height, field.margin, field.below)


def _write(canvas: Array, text: str, field: _Field, color: Color) -> None:
    left, top, right, bottom = _edges(field)
    cv2.rectangle(canvas, (left, top), (right - 1, bottom - 1), color, -1)
    bright = color[0] * 0.114 + color[1] * 0.587 + color[2] * 0.299 > 127
    ink = (0, 0, 0) if bright else (255, 255, 255)
    scale, thickness = _scale(canvas)
    corner = (left + field.margin, bottom - field.below)
    cv2.putText(canvas, text, corner, _FONT, scale, ink, thickness, cv2.LINE_AA)
