"""A second model that is taken for the truth sees some of the frames, in spare time."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from inference_processes import (
    BLUE,
    GREEN,
    RED,
    NodeUnderTest,
    image_message,
    running_node,
    squares,
    value,
)
from model_folders import write_model_folder
from ros_client import Client

PICTURE = squares(RED, GREEN, BLUE)


def taught_frames(node: NodeUnderTest, count: int) -> None:
    seen = 0
    while seen < count:
        for _ in range(5):
            node.ask(image_message(PICTURE))
        seen = int(value(node.status('accuracy'), 'teacher: frames'))


def test_results_are_compared_with_those_of_a_teacher(ros_domain: int, tmp_path: Path) -> None:
    write_model_folder(tmp_path, 'tiny')
    write_model_folder(tmp_path, 'others', labels=('car', 'green', 'red'))
    with (
        closing(Client()) as client,
        running_node(
            tmp_path, client, name='/taught', model='tiny', model_path=tmp_path, deadline_ms=0,
            accuracy__teacher='tiny@1', accuracy__teacher_every=2, accuracy__teacher_spare_cpus=0,
            accuracy__min_agreement=0.9,
        ) as node,
    ):  # fmt: skip
        node.serve()
        taught_frames(node, 10)
        status = node.status('accuracy')
        assert (value(status, 'teacher'), value(status, 'teacher: mAP50')) == ('tiny@1', '1')
        assert (status.level, value(status, 'teacher: failed')) == (b'\0', '0')
        node.serve(accuracy__teacher='others')
        while not int(value(status := node.status('accuracy'), 'teacher: failed')):
            node.ask(image_message(PICTURE))
        assert 'car' in value(status, 'teacher: last failed')
        node.serve(accuracy__teacher='nobody')
        said = node.wait_for_status(
            'accuracy',
            lambda one: (
                'teacher: last failed' in {item.key for item in one.values}
                and 'nobody' in value(one, 'teacher: last failed')
            ),
            'a complaint',
        )
        assert node.ask(image_message(PICTURE)).detections
        assert said.level == b'\0'
