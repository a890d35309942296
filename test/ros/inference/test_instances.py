"""A node that finds objects with their masks publishes both, and swaps such models."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np
import onnx_models
from inference_processes import BLUE, GREEN, RED, image_message, running_node, squares
from model_folders import write_model_folder
from ros_client import Client
from ros_processes import wait_until
from sensor_msgs.msg import Image

SETTINGS = {'decoder': 'yolo', 'decoder_options': {'other_columns': 1}, 'masks': 'prototypes'}


def store_of_two(folder: Path) -> Path:
    for version in (1, 2):
        write_model_folder(
            folder,
            'instances',
            version,
            model=onnx_models.instance_segmenter(right=version == 2),
            task='instance_segmentation',
            settings=SETTINGS,
        )
    return folder


def numbers_of(image: Image) -> np.ndarray:
    pixels = np.frombuffer(image.data, np.uint8).reshape(image.height, image.step)
    return pixels[:, : image.width]


def test_boxes_and_masks_of_two_models_come_in_the_pictures_size(
    tmp_path: Path, ros_domain: int
) -> None:
    picture = np.kron(squares(RED, GREEN, BLUE), np.ones((2, 2, 1), np.uint8))
    parameters = {'model_path': store_of_two(tmp_path / 'store'), 'deadline_ms': 0}
    with (
        closing(Client()) as client,
        running_node(
            tmp_path, client, name='/instances', sensor_qos='reliable', **parameters
        ) as node,
    ):
        node.serve(model='instances@1')
        masks = node.results(Image, 'instance_mask')
        found = node.ask(image_message(picture, frame_id='left_eye'))
        shown = node.ask(image_message(picture, frame_id='left_eye'), Image, 'instance_mask')
        assert (shown.width, shown.height, shown.encoding) == (128, 128, 'mono8')
        assert shown.header.frame_id == found.header.frame_id == 'left_eye'
        numbers = numbers_of(shown)
        assert not numbers[:, 64:].any()
        assert len(found.detections) >= 3
        for number in np.unique(numbers[numbers > 0]).tolist():
            box = found.detections[number - 1].bbox
            rows, columns = np.nonzero(numbers == number)
            assert abs(rows + 0.5 - box.center.position.y).max() <= box.size_y / 2
            assert abs(columns + 0.5 - box.center.position.x).max() <= box.size_x / 2
        node.client.set_parameter(node.name, 'model', 'instances@2')

        def swapped() -> bool:
            image = node.ask(image_message(picture), Image, 'instance_mask')
            return bool(numbers_of(image)[:, 64:].any())

        wait_until(swapped, f'masks of the other model; the log:\n{node.process.log}')
        numbers = numbers_of(masks.messages[-1])
        assert not numbers[:, :64].any() and numbers[:, 64:].any()
        assert all(image.height == 128 for image in masks.messages)
