"""Depth of a picture, from an image to a depth image, over DDS."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import numpy as np
import onnx_models
import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from inference_processes import (
    NodeUnderTest,
    image_message,
    running_node,
    set_stamp,
    stamp_of,
)
from model_folders import write_model_folder
from ros_client import Client
from ros_processes import wait_until
from sensor_msgs.msg import CameraInfo, Image, PointCloud2

from ml_integration.ros.node import qos


@pytest.fixture(scope='module')
def node(ros_domain: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeUnderTest]:
    folder = tmp_path_factory.mktemp('depth')
    write_model_folder(
        folder / 'store',
        'depth',
        model=onnx_models.depth_map(24, 32),  # mean of the colors, 0 to 1
        labels=(),
        task='depth_estimation',
        settings={'kind': 'metric', 'unit_m': 10.0, 'min_m': 1.0, 'upsampling': 'nearest'},
    )
    parameters = {'model': 'depth', 'model_path': folder / 'store', 'deadline_ms': 0}
    with (
        closing(Client()) as client,
        running_node(folder, client, name='/far', sensor_qos='reliable', **parameters) as running,
    ):
        yield running


def test_a_depth_image_has_the_size_and_the_header_of_its_picture(node: NodeUnderTest) -> None:
    bright = np.linspace(0, 255, 64).astype(np.uint8) // 2 * 2
    picture = np.repeat(bright[None, :, None], 48, axis=0).repeat(3, axis=2)
    node.serve(stages=[])
    message = image_message(picture, frame_id='front')
    depth = node.ask(message, Image, 'depth')
    looked_at = 'look at it: ros2 run rqt_image_view rqt_image_view /far/overlay'
    assert looked_at in node.process.log
    assert stamp_of(depth) > 0 and depth.header.frame_id == 'front'
    assert (depth.encoding, depth.width, depth.height) == ('32FC1', 64, 48)
    assert (depth.step, depth.is_bigendian) == (256, 0)
    numbers = np.frombuffer(depth.data, '<f4').reshape(48, 64)
    expected = 10 * picture.mean(axis=2) / 255
    near = expected < 0.9
    assert near.any() and np.isnan(numbers[near]).all()
    far = expected > 1.2
    np.testing.assert_allclose(numbers[far], expected[far], rtol=0, atol=0.1)


def camera_info(width: int, height: int, focal: float) -> CameraInfo:
    k = [focal, 0, width / 2, 0, focal, height / 2, 0, 0, 1]
    return CameraInfo(width=width, height=height, k=k)


def test_points_come_once_there_is_a_camera_info_that_fits(node: NodeUnderTest) -> None:
    node.serve(stages=['point_cloud'])
    clouds, feed = node.results(PointCloud2, 'points'), node.feed()
    camera = node.client.publisher(CameraInfo, '/camera_info', qos.latched())
    bright = np.full((48, 64, 3), 102, np.uint8)
    bright[:24] = 204
    picture = image_message(bright, frame_id='front')

    def shown(_: object = None) -> list[PointCloud2]:
        set_stamp(picture, node.now_ns())
        feed.publish(picture)
        return clouds.messages

    def told(concern: str, part: str) -> None:
        def said(status: DiagnosticStatus) -> bool:
            shown()
            return part in status.message

        node.wait_for_status(concern, said, part)

    told('drops', 'they wait in vain for camera_info')
    assert not clouds.messages
    for bad, part in (
        (camera_info(64, 48, 0), 'is not calibrated'),
        (camera_info(64, 64, 50), 'the camera info has another shape than the picture'),
    ):
        camera.publish(bad)
        told('errors', part)
    assert not clouds.messages
    camera.publish(camera_info(128, 96, 100))  # of the same camera at another resolution
    wait_until(shown, f'points; the log:\n{node.process.log}')
    cloud = clouds.messages[-1]
    assert (cloud.width, cloud.height, cloud.header.frame_id) == (64, 48, 'front')
    points = np.frombuffer(cloud.data, '<f4').reshape(48, 64, 3)
    np.testing.assert_allclose(points[-1, -1], [2.52, 1.88, 4.0], atol=0.05)
    np.testing.assert_allclose(points[0, 0], [-5.04, -3.76, 8.0], atol=0.05)
