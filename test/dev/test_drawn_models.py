"""The committed models of slender shapes and rooms are as good as their manifests say, about."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dev.training.rooms import evaluation as of_rooms
from dev.training.slender import evaluation as of_slender
from ml_integration.store.package.package import read_package

MODELS = Path(__file__).parents[2] / 'models'
NAMES = ('slender_boxes', 'slender_masks', 'slender_kinds', 'rooms_depth')
FLOORS = {'slender_boxes': 0.65, 'slender_masks': 0.6, 'slender_kinds': 0.85}
"""Mean average precision, well below what the README says."""


@pytest.mark.parametrize('name', sorted(FLOORS))
def test_the_accuracy_on_slender_shapes_is_not_below_its_floor(name: str) -> None:
    scores = {s.name: s.value for s in of_slender.evaluate(MODELS / name / '1', range(20))}
    figure = next(
        value for key, value in scores.items() if key.rpartition(' ')[2] in ('mAP50', 'mAP')
    )
    assert figure >= FLOORS[name]


def test_the_depth_of_rooms_is_far_better_than_a_blind_guess() -> None:
    accuracy = of_rooms.evaluate(MODELS / 'rooms_depth/1', range(4))
    assert accuracy.model[0].name == accuracy.blind[0].name == 'AbsRel'
    assert accuracy.model[0].value < 0.5 * accuracy.blind[0].value


@pytest.mark.parametrize('name', NAMES)
def test_the_model_file_is_small_and_does_not_say_where_it_was_made(name: str) -> None:
    package = read_package(MODELS / name / '1')
    assert package.golden is not None
    model = (MODELS / name / '1/model.onnx').read_bytes()
    assert len(model) < 1_000_000
    assert not re.search(rb'/(home|root|tmp|work|usr|opt)/', model)
