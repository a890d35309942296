"""Columns of rows that hold a box and what it is: where each part of them is."""

from __future__ import annotations

_WIDTHS = {'box': 4, 'score': 1, 'class': 1, 'batch': 1, 'other': 1, 'scores': 0}


class Columns:
    """Parts of a row in their order, such as ('class', 'score', 'box').

    Attributes:
        order: the parts.
        box: slice of the box.
        score: index of the only score.
        scores: slice of the scores per class.
        number: index of the class number; None if rows have none.
        numbered: whether a row has one score instead of one per class.
        others: number of columns beside the scores per class.
    """

    def __init__(self, order: tuple[str, ...]) -> None:
        self.order = order
        self.numbered = 'score' in order
        self.others = sum(_WIDTHS[part] for part in order)
        places = self._places(order)
        end = places['box'] + 4
        self.box = slice(places['box'], end or None)
        self.score = places.get('score', 0)
        self.number = places.get('class')
        before = places.get('scores', 0)
        self.scores = slice(before, before - self.others or None)

    def width(self, classes: int) -> int:
        """Returns the number of columns for a number of classes."""
        return self.others + (0 if self.numbered else classes)

    def _places(self, order: tuple[str, ...]) -> dict[str, int]:
        """Returns the index of each part, from the end where it follows the scores."""
        places: dict[str, int] = {'box': 0}
        place = 0
        for part in order:
            places[part] = place
            place = place - self.others if part == 'scores' else place + _WIDTHS[part]
        return places
