"""The rollout demo as people start it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import pytest
from ros_processes import Process

from ml_integration.demos.rollout_demo.stage import make_store
from ml_integration.store.package.package import read_package

Start = Callable[..., Process]
MODULE = 'ml_integration.demos.rollout_demo'


@pytest.mark.timeout(400)
def test_a_better_version_is_promoted_and_a_bad_one_taken_back(
    spawn: Start, tmp_path: Path
) -> None:
    out = tmp_path / 'out'
    process = spawn('-m', MODULE, '--quick', '--rate', '10', '--step', '3', '--out', str(out))
    assert process.wait(360.0) == 0, process.log
    assert 's    promoted shapes@2 after ' in process.log
    assert 's    rolled back shapes@3 after ' in process.log
    assert '\n0 results of shapes@3 were published' in process.log
    assert cv2.imread(str(out / 'demo_rollout.png')).shape == (880, 1210, 3)


def test_nothing_but_the_labels_is_wrong_with_the_bad_version(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    good, bad = (read_package(store / f'shapes/{version}') for version in (2, 3))
    assert good.content.identity.sha256 == bad.content.identity.sha256
    labels = [(store / f'shapes/{version}/labels.txt').read_text().split() for version in (2, 3)]
    assert labels[1] == [*labels[0][1:], labels[0][0]]
