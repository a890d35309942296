"""Classes of pixels, from an image to a mask, over DDS; their names come to whoever asks late."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np
import onnx_models
from inference_processes import BLUE, GREEN, RED, image_message, running_node, squares
from model_folders import write_model_folder
from rclpy.qos import DurabilityPolicy, QoSProfile
from ros_client import Client
from ros_processes import wait_until
from sensor_msgs.msg import Image
from vision_msgs.msg import LabelInfo

LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


def test_a_mask_has_the_size_of_its_picture_and_its_classes_have_names(
    tmp_path: Path, ros_domain: int
) -> None:
    names = ('red', 'green', 'blue'), ('rot', 'gruen', 'blau')
    for version, labels in enumerate(names, 1):
        write_model_folder(
            tmp_path / 'store',
            'colors',
            version,
            model=onnx_models.channel_scores(32, 32),
            labels=labels,
            task='segmentation',
            settings={'kind': 'scores'},
        )
    parameters = {'model_path': tmp_path / 'store', 'deadline_ms': 0}
    picture = np.ascontiguousarray(squares(RED, GREEN, BLUE)[16:, 16:])
    with (
        closing(Client()) as client,
        running_node(tmp_path, client, name='/seg', sensor_qos='reliable', **parameters) as node,
    ):
        node.serve(model='colors@1')
        early: list[LabelInfo] = []
        client.node.create_subscription(LabelInfo, '/seg/label_info', early.append, LATCHED)
        wait_until(lambda: early, 'the names, before a picture')
        mask = node.ask(image_message(picture, frame_id='front'), Image, 'mask')
        assert (mask.encoding, mask.width, mask.height) == ('mono8', 48, 48)
        assert mask.header.frame_id == 'front'
        classes = np.frombuffer(mask.data, np.uint8).reshape(48, 48)
        assert [classes[at, at] for at in (8, 24, 40)] == [0, 1, 2]
        told: list[LabelInfo] = []
        client.node.create_subscription(LabelInfo, '/seg/label_info', told.append, LATCHED)
        wait_until(lambda: told, 'the names, after they were told')
        assert tuple(one.class_name for one in told[-1].class_map) == names[0]
        node.client.set_parameter(node.name, 'model', 'colors@2')
        wait_until(
            lambda: tuple(one.class_name for one in told[-1].class_map) == names[1],
            f'the names of the other model, before a picture; the log:\n{node.process.log}',
        )
