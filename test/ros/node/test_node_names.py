"""Names, topics, parameter files and QoS change from outside, as with any ROS node."""

from __future__ import annotations

from pathlib import Path

from inference_processes import (
    GREEN,
    image_message,
    running_node,
    squares,
)
from model_folders import write_model_folder
from rclpy.qos import QoSProfile, ReliabilityPolicy
from ros_client import Client
from ros_processes import wait_until
from sensor_msgs.msg import Image
from vision_msgs.msg import Detection2DArray

PARAMETERS = """
/robot/eye:
  ros__parameters:
    model: tiny
    model_path: {store}
    deadline_ms: 0
    health: {{input_timeout_ms: 1234.0}}
    qos_overrides: {{/robot/found: {{publisher: {{reliability: best_effort}}}}}}
"""


def test_namespace_remapping_parameter_file_and_qos_overrides_take_effect(
    tmp_path: Path, client_node: Client
) -> None:
    write_model_folder(tmp_path, 'tiny')
    file = tmp_path / 'parameters.yaml'
    file.write_text(PARAMETERS.format(store=tmp_path))
    remapped = ('-r', 'image:=/front/image_raw', '-r', '~/detections:=found')
    arguments = ('--params-file', str(file), *remapped)
    with running_node(tmp_path, client_node, *arguments, name='/robot/eye') as node:
        node.serve()
        best_effort = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
        found = client_node.collect(Detection2DArray, '/robot/found', best_effort)
        assert reliability(client_node, 'publishers', '/robot/found') == 'BEST_EFFORT'
        assert client_node.parameter(node.name, 'health.input_timeout_ms') == 1234.0
        feed = client_node.publisher(Image, '/front/image_raw')
        message = image_message(squares(GREEN))

        def answered() -> bool:
            feed.publish(message)
            return bool(found.messages)

        wait_until(answered, f'a result; the log:\n{node.process.log}')


def test_another_sensor_qos_holds_for_the_next_activation(
    tmp_path: Path, client_node: Client
) -> None:
    write_model_folder(tmp_path, 'tiny')
    with running_node(tmp_path, client_node, model_path=tmp_path, model='tiny') as node:
        for intent, expected in (('sensor_data', 'BEST_EFFORT'), ('reliable', 'RELIABLE')):
            node.serve(sensor_qos=intent)
            assert reliability(client_node, 'subscriptions', '/image') == expected
            node.unconfigure()
            wait_until(
                lambda: not client_node.node.count_subscribers('/image'),
                'the subscription to be gone',
            )


def reliability(client: Client, side: str, topic: str) -> str:
    """The reliability of the only publisher of a topic, or subscription to it."""
    infos = getattr(client.node, f'get_{side}_info_by_topic')
    wait_until(lambda: infos(topic), f'{side} of {topic}')
    (info,) = infos(topic)
    return str(info.qos_profile.reliability.name)
