"""Versions of shapes are rolled out without ROS, and counted."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.rollout import row
from benchmarks.rollout_models import Kind, make_stable, make_store
from benchmarks.rollout_robot import GLARE, GLARE_EVERY, Scenes
from benchmarks.rollout_runs import Ending, Version, roll_out
from ml_integration.store.state.rollout_state import Phase
from ml_integration.store.state.state_dir import StateDir


@pytest.fixture(scope='module')
def scenes() -> Scenes:
    return Scenes(6)


def test_a_bad_one_publishes_nothing_and_is_barred(tmp_path: Path, scenes: Scenes) -> None:
    folder = tmp_path
    store = make_store(folder / 'store', Kind.RANDOM_WEIGHTS)
    version = Version('random', Kind.RANDOM_WEIGHTS.reference)
    end = roll_out(version, store, folder / 'state', scenes, 0)
    assert (end.phase, end.at, end.why) == (Phase.ROLLED_BACK, Phase.SHADOW, 'disagreement')
    assert end.published == end.in_shadow == 0
    assert 0 < end.frames < 300
    stored = StateDir(folder / 'state').rollout_state('/detector')
    assert stored.phase is Phase.ROLLED_BACK and len(stored.barred) == 1


def test_now_and_then_a_picture_is_white(scenes: Scenes) -> None:
    pictures = scenes.pictures(1)
    means = [next(pictures).picture.mean() for _ in range(2 * GLARE_EVERY)]
    assert sum(mean == 255 for mean in means) == 2 * GLARE


def test_the_same_seed_shows_the_same(scenes: Scenes) -> None:
    first, second, other = (scenes.pictures(seed) for seed in (1, 1, 2))
    shown = [[id(next(one).picture) for _ in range(50)] for one in (first, second, other)]
    assert shown[0] == shown[1] != shown[2]


def test_a_faulty_task_takes_the_place_of_a_good_version_with_the_same_one(tmp_path: Path) -> None:
    store = make_store(tmp_path, Kind.LEAKING)
    assert make_stable(store, Kind.LEAKING) == 'shapes@110'
    assert make_stable(store, Kind.NAN) == 'shapes@2'
    manifests = [(store / f'shapes/{one}/manifest.yaml').read_text() for one in (10, 110)]
    assert all('task: leaking_detection' in manifest for manifest in manifests)


def test_a_line_of_the_table_counts_endings_and_says_how_sure_it_is() -> None:
    why = 'rolled back shapes@5 after 10 s: disagreement 1 (limit 0.15, n = 20)'
    back = Ending(Phase.ROLLED_BACK, Phase.SHADOW, 10.0, 20, 0, 0, why)
    kept = Ending(Phase.PROMOTED, Phase.PROMOTED, 240.0, 480, 0, 180, 'shapes@5 stays')
    cells = [cell.strip() for cell in row('five', [back, back, kept]).strip('|').split('|')]
    assert cells[:4] == ['five', '1 of 3 (6% to 79%)', '2 of 3 (21% to 94%)', '0']
    assert cells[4:] == [
        '10 (10 to 10)',
        '20 (20 to 20)',
        '0',
        '0 (0 to 0)',
        'shadow: disagreement',
    ]
