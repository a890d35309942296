"""A candidate's turns are spaced exactly, frame by frame or slice by slice."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from model_folders import write_model_folder
from number_pipelines import NumberStage, number_pipeline

from ml_integration.core.execution import ExecutionSettings
from ml_integration.deploy.loading import Loader
from ml_integration.deploy.turns import SLICE_S, Share, Turns, share_for
from ml_integration.stages.lifting import Lifting
from ml_integration.stages.tracking import Tracking
from ml_integration.store.package.package import read_package

S = 1_000_000_000


@given(part=st.floats(0.0, 1.0), frames=st.integers(1, 500))
def test_after_any_number_of_frames_the_candidate_has_had_its_part(
    part: float, frames: int
) -> None:
    turns = Turns(Share(part), 0)
    had = sum(turns.is_candidates(0) for _ in range(frames))
    assert had == int(frames * part)


def test_a_slice_of_time_belongs_to_one_model_however_many_frames_come() -> None:
    turns = Turns(Share(0.25, 10.0), 5 * S)
    had = [turns.is_candidates(5 * S + tick * S // 2) for tick in range(160)]
    assert had == [60 <= tick < 80 or tick >= 140 for tick in range(160)]


@pytest.mark.parametrize('part', [0.05, 0.25, 0.5])
def test_a_part_of_the_slices_is_the_candidates(part: float) -> None:
    turns = Turns(Share(part, 10.0), 0)
    had = [turns.is_candidates(number * 10 * S + 1) for number in range(100)]
    assert sum(had) == round(100 * part)


def test_models_share_in_slices_if_one_of_them_remembers() -> None:
    plain, counting = number_pipeline(), number_pipeline(stages={'count': NumberStage()})
    assert share_for((plain, plain), 0.25) == Share(0.25, 0.0)
    assert share_for((counting, counting), 0.25) == Share(0.25, SLICE_S)
    assert share_for((counting, plain), 0.25) == Share(0.25, SLICE_S)
    assert share_for((plain, counting), 0.25) == Share(0.25, SLICE_S)


@pytest.mark.parametrize(
    ('stages', 'slice_s'),
    [
        ({'tracking': Tracking.Settings()}, SLICE_S),
        ({'lifting': Lifting.Settings()}, 0.0),
        ({'tracking': Tracking.Settings(), 'lifting': Lifting.Settings()}, SLICE_S),
    ],
)
def test_detectors_share_in_slices_if_objects_are_followed(
    stages: dict[str, Any], slice_s: float, tmp_path: Path
) -> None:
    loader = Loader(ExecutionSettings(intra_op_threads=1), stages=stages)
    with closing(loader.load(read_package(write_model_folder(tmp_path, 'm')))) as pipeline:
        assert share_for([pipeline], 0.05) == Share(0.05, slice_s)
