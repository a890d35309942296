"""Points of an object, from an image to a cloud of points, over DDS."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np
import onnx_models
from inference_processes import image_message, running_node, stamp_of
from model_folders import write_model_folder
from ros_client import Client
from ros_processes import wait_until
from sensor_msgs.msg import PointCloud2


def test_points_have_the_header_of_their_picture_and_a_row_for_its_object(
    tmp_path: Path, ros_domain: int
) -> None:
    write_model_folder(
        tmp_path / 'store',
        'points',
        model=onnx_models.channel_scores(32, 32),  # each color is the heatmap of a point
        labels=('marker',),
        task='keypoints',
        settings={'points': 'heatmaps', 'keypoint_names': ['red', 'green', 'blue']},
    )
    picture = np.zeros((64, 64, 3), np.uint8)
    for channel, (row, column) in enumerate(((10, 50), (30, 20), (50, 40))):
        picture[row : row + 2, column : column + 2, 2 - channel] = 255
    parameters = {'model_path': tmp_path / 'store', 'deadline_ms': 0, 'sensor_qos': 'reliable'}
    with (
        closing(Client()) as client,
        running_node(tmp_path, client, name='/joints', **parameters) as node,
    ):
        clouds = node.results(PointCloud2, 'keypoints')
        node.serve(model='points')
        found = node.ask(image_message(picture, frame_id='front'))
        stamp = stamp_of(found)
        wait_until(lambda: stamp in map(stamp_of, clouds.messages), 'the points')
        (cloud,) = (one for one in clouds.messages if stamp_of(one) == stamp)
    (detection,) = found.detections
    assert detection.results[0].hypothesis.class_id == 'marker'
    assert cloud.header.frame_id == 'front'
    assert (cloud.height, cloud.width, [field.name for field in cloud.fields]) == (
        1,
        3,
        ['x', 'y', 'score'],
    )
    points = np.frombuffer(cloud.data, '<f4').reshape(3, 3)
    np.testing.assert_allclose(points[:, :2], [(51, 11), (21, 31), (41, 51)], atol=1)
    np.testing.assert_allclose(points[:, 2], 1, atol=0.01)
