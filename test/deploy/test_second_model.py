"""Second models: what may be one, which pictures they take, and how they end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from time import monotonic_ns

import numpy as np
import onnx_models
import pytest
from altered_models import Fault, fragile_classifier
from model_folders import write_model_folder

from ml_integration.core.datatypes import Frame
from ml_integration.core.inputs import Trigger
from ml_integration.core.watchdog import WATCHDOG
from ml_integration.deploy.loading import Loader
from ml_integration.deploy.second_model import OpenSecondModel
from ml_integration.errors import DeadlineError, ModelMismatchError
from ml_integration.store.package.package import read_package

CLASSIFIER = {'task': 'classification', 'settings': {'softmax': True}}
DIM = np.full((20, 30, 3), (10, 10, 200), np.uint8)


def second_of(folder: Path) -> OpenSecondModel:
    package = read_package(folder)
    pipeline = Loader().load(package)
    try:
        return OpenSecondModel(pipeline, package)
    except BaseException:
        pipeline.close()
        raise


@pytest.fixture
def second(store: Path) -> Iterator[OpenSecondModel]:
    made = second_of(write_model_folder(store, model=onnx_models.classifier(), **CLASSIFIER))
    yield made
    made.close()


def test_pictures_of_every_encoding_are_brought_to_what_the_model_takes(
    second: OpenSecondModel,
) -> None:
    second.begin(None)
    frames = [
        Frame(DIM, 'rgb8'),
        Frame(DIM, 'bgr8'),
        Frame(DIM[..., 0], 'mono8'),
        Frame(np.zeros((4, 4), np.float32), '32FC1'),
    ]
    results = second.run(frames)
    assert [int(one.class_ids[0]) for one in results[:2]] == [2, 0]
    assert len(results[2].class_ids) == 3
    assert results[3] is None
    (reason,) = second.omitted()
    assert reason.kind == 'failed' and '32FC1' in reason.detail
    second.begin(None)
    assert not second.omitted()
    assert second.run([]) == []


def test_it_keeps_no_bytes_of_its_package(second: OpenSecondModel) -> None:
    assert second.package.content.model == b'' and second.package.golden is None
    assert second.package.verified_by == 'digest'


@pytest.mark.parametrize('wants', ['another sensor', 'a clock'])
def test_a_model_that_needs_more_than_a_picture_is_refused(store: Path, wants: str) -> None:
    folder = write_model_folder(store, model=onnx_models.classifier(), **CLASSIFIER)
    package = read_package(folder)
    manifest = package.manifest
    if wants == 'a clock':
        manifest = replace(manifest, trigger=Trigger(rate_hz=5.0))
    else:
        (source,) = manifest.sensor_inputs
        manifest = replace(manifest, inputs=(replace(source, kind='imu'),))
    pipeline = Loader().load(package)
    try:
        with pytest.raises(ModelMismatchError, match='a second model sees one picture'):
            OpenSecondModel(pipeline, replace(package, manifest=manifest))
    finally:
        pipeline.close()


def test_a_run_that_is_ended_before_its_time_is_no_fault_of_the_model(store: Path) -> None:
    WATCHDOG.start()
    model = fragile_classifier(Fault.ENDLESS)
    second = second_of(write_model_folder(store, model=model, golden=False, **CLASSIFIER))
    try:
        ends = WATCHDOG.watch(monotonic_ns() + 300_000_000, second.interrupt)
        second.begin(monotonic_ns() + 60_000_000_000)
        with pytest.raises(DeadlineError):
            second.run([Frame(np.full((8, 8, 3), 255, np.uint8), 'rgb8')])
        WATCHDOG.leave(ends)
        assert not second.omitted()
        assert second.run([Frame(DIM, 'rgb8')])[0] is not None
    finally:
        second.close()
