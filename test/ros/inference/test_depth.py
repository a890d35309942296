"""Depth of a picture, from an image to a depth image, over DDS."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np
import onnx_models
from inference_processes import image_message, running_node, stamp_of
from model_folders import write_model_folder
from ros_client import Client
from sensor_msgs.msg import Image


def test_a_depth_image_has_the_size_and_the_header_of_its_picture(
    tmp_path: Path, ros_domain: int
) -> None:
    store = tmp_path / 'store'
    write_model_folder(
        store,
        'depth',
        model=onnx_models.depth_map(24, 32),  # mean of the colors, 0 to 1
        labels=(),
        task='depth_estimation',
        settings={'kind': 'metric', 'unit_m': 10.0, 'min_m': 1.0, 'upsampling': 'nearest'},
    )
    bright = np.linspace(0, 255, 64).astype(np.uint8) // 2 * 2
    picture = np.repeat(bright[None, :, None], 48, axis=0).repeat(3, axis=2)
    parameters = {'model': 'depth', 'model_path': store, 'deadline_ms': 0}
    with (
        closing(Client()) as client,
        running_node(tmp_path, client, name='/far', sensor_qos='reliable', **parameters) as node,
    ):
        node.serve()
        message = image_message(picture, frame_id='front')
        depth = node.ask(message, Image, 'depth')
        assert 'look at it: ros2 run rqt_image_view rqt_image_view /far/overlay' in (
            node.process.log
        )
        assert stamp_of(depth) > 0 and depth.header.frame_id == 'front'
        assert (depth.encoding, depth.width, depth.height) == ('32FC1', 64, 48)
        assert (depth.step, depth.is_bigendian) == (256, 0)
        numbers = np.frombuffer(depth.data, '<f4').reshape(48, 64)
        expected = 10 * picture.mean(axis=2) / 255
        near = expected < 0.9
        assert near.any() and np.isnan(numbers[near]).all()
        far = expected > 1.2
        np.testing.assert_allclose(numbers[far], expected[far], rtol=0, atol=0.1)
