"""What an exporter's own code says about pictures, to compare with."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Expected:
    """Class that was recognized, or object that was found.

    Attributes:
        label: name of the class.
        score: 0 to 1.
        box: left, top, right, bottom [px of the picture]; empty for a whole picture.
        points: x, y [px of the picture] and score of each point.
        mask: lengths of the runs of pixels that are none and some of its own, row by row; empty
            for an object without a mask.
    """

    label: str
    score: float
    box: tuple[float, ...] = ()
    points: tuple[float, ...] = ()
    mask: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """Export and what its exporter makes of pictures.

    Attributes:
        name: name of its folder, which holds what a person would get.
        pictures: results, by the picture's file name.
        arguments: what a person answers, where the export leaves something open.
        asked: keys of the questions that it leaves open.
    """

    name: str
    pictures: Mapping[str, Sequence[Expected]] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()

    def write(self, folder: Path) -> None:
        """Writes itself beside the folder of the export, as `NAME.json`."""
        said: dict[str, Any] = asdict(self)
        (folder / f'{self.name}.json').write_text(json.dumps(said, indent=1))
