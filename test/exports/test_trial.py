from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import altered_models
import numpy as np
import onnx_models
import pytest
import sensor_models

from ml_integration.deploy.loading import Loader
from ml_integration.errors import ExportError
from ml_integration.exports.trying.output_values import values_of
from ml_integration.exports.trying.sample_pictures import (
    Picture,
    empty_picture,
    own_pictures,
    pictures_of,
)
from ml_integration.exports.trying.trial import Trial, try_on
from ml_integration.store.package.package import read_package
from ml_integration.store.trust.policy import Trust

ModelFolder = Callable[..., Path]


def picture(name: str, *rgb: int) -> Picture:
    return Picture(name, np.full((64, 64, 3), rgb[::-1], np.uint8))


def tried(folder: Path, *pictures: Picture) -> Trial:
    pipeline = Loader().load(read_package(folder, Trust('off')))
    try:
        return try_on(pipeline, pictures)
    finally:
        pipeline.close()


def test_pictures_that_come_with_the_package_are_photographs() -> None:
    pictures = own_pictures()
    assert [one.name for one in pictures] == ['astronaut.jpg', 'cat.jpg', 'coffee.jpg']
    assert all(one.pixels.shape[2] == 3 and one.pixels.std() > 30 for one in pictures)
    assert empty_picture(pictures[0]).pixels.std() == 0


def test_results_are_summed_up_over_pictures(model_folder: ModelFolder) -> None:
    trial = tried(model_folder(), picture('white', 255, 255, 255), picture('black', 0, 0, 0))
    assert trial.counts == (16, 0)
    assert trial.valid == 2
    assert trial.held_back == () == trial.failures
    assert trial.scores.max() > 0.9
    assert list(trial.stage_ms) == ['decode', 'encode', 'infer', 'postprocess', 'validate']


def test_results_that_would_be_held_back_are_counted_by_kind(model_folder: ModelFolder) -> None:
    folder = model_folder(model=altered_models.exaggerating_detector(2.0))
    trial = tried(folder, picture('white', 255, 255, 255), picture('black', 0, 0, 0))
    assert trial.valid == 1
    (held,) = trial.held_back
    assert (held.kind, held.count) == ('score_out_of_range', 1)
    assert held.sentence.startswith('white: detection 0 has class')


def test_picture_that_cannot_be_encoded_is_a_failure_and_the_next_one_runs(
    model_folder: ModelFolder,
) -> None:
    folder = model_folder(encode={'resize': 'none'})
    wrong = Picture('large', np.zeros((99, 64, 3), np.uint8))
    trial = tried(folder, wrong, picture('white', 255, 255, 255))
    assert len(trial.attempts) == 1
    (failure,) = trial.failures
    assert failure.startswith('large: the picture does not have the size of the model input')


def test_annotated_picture_shows_the_result_and_leaves_the_original(
    model_folder: ModelFolder,
) -> None:
    trial = tried(model_folder(), picture('white', 255, 255, 255))
    (attempt,) = trial.attempts
    assert not np.array_equal(trial.drawn(attempt), attempt.picture.pixels)
    assert (attempt.picture.pixels == 255).all()


@pytest.mark.parametrize('softmax', [False, True])
def test_outputs_tell_probabilities_from_logits(model_folder: ModelFolder, softmax: bool) -> None:
    folder = model_folder(
        task='classification', settings={}, model=onnx_models.classifier(softmax=softmax)
    )
    (values,) = tried(folder).outputs.values()
    assert values.sums_to_one is softmax
    assert values.within_one is softmax
    assert not values.fixed


def test_ranges_are_those_of_each_channel_over_all_runs() -> None:
    first = np.array([[[1.0, 2.0], [3.0, np.inf]]], np.float32)
    values = values_of([{'y': first}, {'y': -first}])['y']
    assert (values.smallest, values.largest, values.finite) == (-3.0, 3.0, False)
    assert values.channels.tolist() == [[-3.0, 3.0], [-2.0, 2.0]]
    assert str(values) == '-3 to 3, not all finite'


def test_output_without_any_number_is_no_reason_to_fail() -> None:
    values = values_of([{'y': np.empty((0, 6), np.float32)}])['y']
    assert str(values) == 'nothing finite'
    assert not values.sums_to_one


def test_model_for_other_sensors_is_not_tried_on_pictures(store: Path) -> None:
    inputs = [sensor_models.IMAGES, {**sensor_models.JOINTS, **sensor_models.HELD}]
    model = sensor_models.picture_and_joints()
    folder = sensor_models.write_sensor_model(store, 'seen', model, inputs)
    with pytest.raises(ExportError, match='inputs of the kinds image, joint_state'):
        tried(folder)


def test_pictures_of_a_recording_are_spread_over_its_length(tmp_path: Path) -> None:
    frames = np.arange(40, dtype=np.uint8)[:, None, None, None]
    np.save(tmp_path / 'frames.npy', np.broadcast_to(frames, (40, 4, 4, 3)).copy())
    pictures = pictures_of(tmp_path / 'frames.npy', most=4)
    assert [int(one.pixels[0, 0, 0]) for one in pictures] == [0, 10, 20, 30]


def test_pictures_of_a_recording_are_blue_green_red(tmp_path: Path) -> None:
    np.save(tmp_path / 'red.npy', np.full((1, 4, 4, 3), (200, 0, 0), np.uint8))
    (red,) = pictures_of(tmp_path / 'red.npy')
    assert red.pixels[0, 0].tolist() == [0, 0, 200]
