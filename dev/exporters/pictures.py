"""Pictures that exports are tried on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image

Pictures = dict[str, Any]
"""Pictures of Pillow in RGB, by file name."""


def pictures_of(folder: Path) -> Pictures:
    """Reads all pictures of a folder, of a format without loss."""
    return dict(_pictures(folder))


def _pictures(folder: Path) -> Iterator[tuple[str, Any]]:
    for file in sorted(folder.glob('*.png')):
        yield file.name, Image.open(file).convert('RGB')
