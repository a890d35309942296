"""Kalman filters of many boxes at once, which expect each box to move on as it did.

Center and size are four numbers that move on their own, each with a constant speed between two
pictures, so that a covariance is three numbers instead of a matrix. Noise grows with the box, as
in SORT and its successors (Bewley et al. 2016, Wojke et al. 2017, Aharon et al. 2022).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml_integration.core.datatypes import Array

_PLACE = 1 / 20
"""Standard deviation of a measured number, as a share of the box's side."""
_SPEED = 1 / 160
"""Standard deviation of the change of speed in one picture, as a share of the side."""
_RATE_HZ = 30.0
"""Rate of the pictures that these shares are meant for."""


@dataclass(slots=True)
class BoxMotion:
    """Places and speeds of boxes, each a row: center x and y, width and height.

    Attributes:
        place: (N, 4) float64 [px].
        speed: (N, 4) float64 [px per picture at 30 Hz].
        spread: (3, N, 4) float64, variances of the place and the speed, and their covariance.
    """

    place: Array
    speed: Array
    spread: Array

    @classmethod
    def begin(cls, xyxy: Array) -> BoxMotion:
        """Starts at boxes (N, 4) whose speed nobody knows."""
        place = _place(xyxy)
        side = _sides(place)
        spread = np.stack([(2 * _PLACE * side) ** 2, (10 * _SPEED * side) ** 2, 0 * side])
        return cls(place, np.zeros_like(place), spread)

    @property
    def xyxy(self) -> Array:
        """Boxes (N, 4) float64 [px]."""
        half = np.maximum(self.place[:, 2:], 0) / 2
        corners: Array = np.concatenate([self.place[:, :2] - half, self.place[:, :2] + half], 1)
        return corners

    def move(self, passed_s: float) -> None:
        """Moves all boxes on by a time [s]."""
        steps = passed_s * _RATE_HZ
        of_place, of_speed, both = self.spread
        noise = _sides(self.place)
        self.place = self.place + steps * self.speed
        self.spread = np.stack(
            [
                of_place + 2 * steps * both + steps**2 * of_speed + steps * (_PLACE * noise) ** 2,
                of_speed + steps * (_SPEED * noise) ** 2,
                both + steps * of_speed,
            ]
        )

    def correct(self, rows: Array, xyxy: Array) -> None:
        """Takes boxes (M, 4) that were seen in for the rows (M,)."""
        of_place, of_speed, both = self.spread[:, rows]
        error = _place(xyxy) - self.place[rows]
        total = of_place + (_PLACE * _sides(self.place[rows])) ** 2
        of_place_gain, of_speed_gain = of_place / total, both / total
        self.place[rows] += of_place_gain * error
        self.speed[rows] += of_speed_gain * error
        self.spread[:, rows] = np.stack(
            [
                of_place * (1 - of_place_gain),
                of_speed - of_speed_gain * both,
                both * (1 - of_place_gain),
            ]
        )

    def take(self, rows: Array) -> BoxMotion:
        """Returns some of the boxes."""
        return BoxMotion(self.place[rows], self.speed[rows], self.spread[:, rows])

    def joined(self, other: BoxMotion) -> BoxMotion:
        """Returns these boxes and other ones behind them."""
        return BoxMotion(
            np.concatenate([self.place, other.place]),
            np.concatenate([self.speed, other.speed]),
            np.concatenate([self.spread, other.spread], axis=1),
        )


def _place(xyxy: Array) -> Array:
    low, high = xyxy[:, :2].astype(np.float64), xyxy[:, 2:].astype(np.float64)
    return np.concatenate([(low + high) / 2, high - low], axis=1)


def _sides(place: Array) -> Array:
    """Returns the side (N, 4) that each number of a box is measured by: its width or height."""
    sides: Array = np.maximum(place[:, [2, 3, 2, 3]], 1.0)
    return sides
