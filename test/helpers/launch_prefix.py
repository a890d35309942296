"""What an installed package looks like to `ros2`, made of this source tree."""

from __future__ import annotations

import shutil
import stat
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def make_prefix(place: Path, **programs: str) -> Path:
    """Fills a folder for AMENT_PREFIX_PATH and returns it.

    Args:
        place: the folder to make.
        programs: module by name of an executable of the package.
    """
    index = place / 'share/ament_index/resource_index/packages'
    index.mkdir(parents=True)
    (index / 'ml_integration').touch()
    for folder in ('config', 'launch'):
        shutil.copytree(ROOT / folder, place / 'share/ml_integration' / folder)
    folder = place / 'lib/ml_integration'
    folder.mkdir(parents=True)
    for name, module in programs.items():
        program = folder / name
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -m {module} "$@"\n')
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return place
