"""A robot whose store holds m@1, m@2 and m@3."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from deployed_robots import Robot


@pytest.fixture
def robot(store: Path, model_folder: Callable[..., Path], tmp_path: Path) -> Iterator[Robot]:
    for version in (1, 2, 3):
        model_folder('m', version)
    robot = Robot(store, tmp_path / 'state')
    yield robot
    robot.deployment.close()
