"""A node that is killed in the middle of rollouts always comes back with a good model."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from ros_processes import Process

PATHS = [str(Path(__file__).parents[2]), *filter(None, [os.environ.get('PYTHONPATH')])]
Start = Callable[..., Process]


def killed(spawn: Start, out: Path, kills: int, longest_s: float, timeout_s: float) -> None:
    process = spawn(
        '-m', 'benchmarks.kill_rollout', '--kills', str(kills), '--longest', str(longest_s),
        '--out', str(out), environment={'PYTHONPATH': os.pathsep.join(PATHS)},
    )  # fmt: skip
    assert process.wait(timeout_s) == 0, process.log
    found = json.loads((out / 'kill_rollout.json').read_text())
    assert found['bad'] == []
    assert sum(found['killed in'].values()) == kills
    assert sum(found['then served'].values()) == kills + 1


@pytest.mark.long
@pytest.mark.timeout(280)
def test_a_good_model_serves_after_a_kill_in_a_rollout(spawn: Start, tmp_path: Path) -> None:
    killed(spawn, tmp_path, 4, 2.0, 260.0)


@pytest.mark.long
@pytest.mark.timeout(1000)
def test_a_good_model_serves_after_each_of_many_kills(spawn: Start, tmp_path: Path) -> None:
    killed(spawn, tmp_path, 40, 40.0, 960.0)
