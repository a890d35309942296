"""A classifier with several heads publishes each on a topic of its own, and keeps them."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np
import onnx_models
from inference_processes import GREEN, RED, image_message, running_node
from model_folders import write_model_folder
from ros_client import Client
from ros_processes import wait_until
from vision_msgs.msg import Classification

LABELS = ('red', 'green', 'blue', 'dark', 'bright')


def test_each_head_is_a_topic_and_no_model_with_others_takes_over(
    tmp_path: Path, ros_domain: int
) -> None:
    for version, heads in enumerate((['color', 'light'], ['color', 'day']), 1):
        write_model_folder(
            tmp_path / 'store',
            'two',
            version,
            model=onnx_models.two_headed_classifier(),
            labels=LABELS,
            task='classification',
            settings={
                'heads': heads,
                'sigmoid': True,
                'multi_label': True,
                'score_threshold': 0.5,
            },
        )
    parameters = {'model_path': tmp_path / 'store', 'deadline_ms': 0}
    picture = np.zeros((48, 64, 3), np.uint8)
    with (
        closing(Client()) as client,
        running_node(tmp_path, client, name='/two', sensor_qos='reliable', **parameters) as node,
    ):
        node.serve(model='two@1')
        lights = node.results(Classification, 'classification/light')

        def classes(color: tuple[int, int, int]) -> list[list[str]]:
            picture[:] = color
            message = image_message(picture, frame_id='front')
            said = node.ask(message, Classification, 'classification/color')
            wait_until(
                lambda: any(one.header.stamp == said.header.stamp for one in lights.messages),
                'the light of the same picture',
            )
            assert said.header.frame_id == lights.messages[-1].header.frame_id == 'front'
            both = said, lights.messages[-1]
            return [[one.class_id for one in each.results] for each in both]

        assert classes(RED)[0][0] == 'red'
        assert classes(RED)[1] == ['bright', 'dark']
        assert classes((0, 0, 0))[1] == ['dark']
        node.client.set_parameter(node.name, 'model', 'two@2')
        wait_until(
            lambda: 'it publishes other results' in node.process.log,
            'the refusal; the log:\n' + node.process.log,
        )
        assert classes(GREEN)[0][0] == 'green'
