"""A robot's choice of transport decides which sensor reads an input, and what a stage wants."""

from __future__ import annotations

from pathlib import Path

import pytest
from model_folders import write_model_folder

from ml_integration.core.transports import Transports
from ml_integration.deploy.loading import Loader
from ml_integration.errors import SettingError
from ml_integration.stages.lifting import Lifting
from ml_integration.store.package.package import read_package

RAW, COMPRESSED = 'sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage'
INFO = 'sensor_msgs/msg/CameraInfo'


@pytest.mark.parametrize(
    ('transports', 'image', 'depth'),
    [
        (Transports(), RAW, RAW),
        (Transports('compressed'), COMPRESSED, COMPRESSED),
        (Transports('compressed', {'depth': 'raw'}), COMPRESSED, RAW),
        (Transports('raw', {'depth': 'compressedDepth'}), RAW, COMPRESSED),
    ],
)
def test_each_picture_is_read_as_it_comes_and_everything_else_as_ever(
    store: Path, transports: Transports, image: str, depth: str
) -> None:
    package = read_package(write_model_folder(store))
    stages = {'lifting': Lifting.Settings()}
    pipeline = Loader(stages=stages, transports=transports).load(package)
    pipeline.close()
    sources = {item.source.topic: item for item in pipeline.wiring.sources}
    types = {topic: item.sensor.message_type for topic, item in sources.items()}
    assert types == {'image': image, 'depth': depth, 'camera_info': INFO}
    assert sources['depth'].transport == transports.of('image', 'depth')
    assert sources['camera_info'].transport == 'raw'
    assert pipeline.picture == sources['image'].tensor


def test_a_topic_that_neither_the_model_nor_a_stage_has_is_refused(store: Path) -> None:
    package = read_package(write_model_folder(store))
    with pytest.raises(SettingError, match="got 'depth'; expected topics of pictures: image"):
        Loader(transports=Transports('raw', {'depth': 'compressed'})).load(package)
